/** All events of the runs that somebody looks at, in order: `nexus/events` gives what a late joiner missed. */
import * as vscode from "vscode";
import type { NexusEvent, RunId, TaskId } from "./lspExt";
import { add } from "./transcript/text";

/** Events of a run after `afterSeq`; undefined while there is no server. */
export type AskEvents = (runId: RunId, afterSeq: number) => Promise<NexusEvent[] | undefined>;

export class History implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<RunId>();
  readonly onDidChange = this.changed.event;
  private readonly runs = new Map<RunId, { events: NexusEvent[]; whole: boolean }>();
  private readonly loading = new Map<RunId, Promise<void>>();

  constructor(private readonly ask: AskEvents) {}

  /** Oldest first; empty until `load`. */
  of(runId: RunId): readonly NexusEvent[] {
    return this.runs.get(runId)?.events ?? [];
  }

  async load(runId: RunId): Promise<readonly NexusEvent[]> {
    if (!this.runs.get(runId)?.whole) {
      const loading = this.loading.get(runId) ?? this.fetch(runId).finally(() => this.loading.delete(runId));
      this.loading.set(runId, loading);
      await loading;
    }
    return this.of(runId);
  }

  onEvent(event: NexusEvent): void {
    const run = this.runs.get(event.runId);
    if (!run) return;
    add(run.events, [event]);
    this.changed.fire(event.runId);
  }

  /** The server went away: what happens meanwhile is asked for when it is back. */
  interrupted(): void {
    for (const run of this.runs.values()) run.whole = false;
  }

  async caughtUp(): Promise<void> {
    await Promise.all([...this.runs.keys()].map((runId) => this.load(runId)));
  }

  /** When a task's attempt at work began, in Unix seconds. */
  startedAt(runId: RunId, taskId: TaskId): number | undefined {
    const started = this.of(runId).findLast((event) => event.type === "task_started" && event.taskId === taskId);
    return started?.at;
  }

  private async fetch(runId: RunId): Promise<void> {
    const run = this.runs.get(runId) ?? { events: [], whole: false };
    // From now on events are kept, so that none falls between the answer and the next notification.
    this.runs.set(runId, run);
    const missed = await this.ask(runId, run.events.at(-1)?.seq ?? 0);
    if (!missed) return;
    run.whole = true;
    add(run.events, missed);
    this.changed.fire(runId);
  }

  dispose(): void {
    this.changed.dispose();
  }
}
