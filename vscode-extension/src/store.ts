/**
 * What the server last said of its runs, for every view to read.
 *
 * **Invariant:** nothing is derived from events but a task's progress line. An event only marks its run as
 * stale; snapshots replace what is here, so a lost or reordered event cannot leave a wrong picture.
 */
import * as vscode from "vscode";
import type { Range } from "vscode-languageserver-protocol";
import type { AgentSnapshot, Ask as Question, Change, ChangeGroup, ChangeId, CommandName, Commands, NexusEvent, RunDetail, RunId, RunSummary } from "./lspExt";
import { isActive, type Placed, placed } from "./view";

/** Sends one command; undefined while there is no server. */
export type Ask = <C extends CommandName>(command: C, arg: Commands[C]["arg"]) => Promise<Commands[C]["answer"] | undefined>;

const SETTLE_MS = 80;

export class Store implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;

  private summaries: readonly RunSummary[] = [];
  private readonly details = new Map<RunId, RunDetail>();
  private groupList: readonly ChangeGroup[] = [];
  private agentList: readonly AgentSnapshot[] = [];
  /** By file: exact places of pending changes in the current text, as the server's diagnostics last gave them. */
  private readonly places = new Map<string, ReadonlyMap<ChangeId, Range>>();

  private readonly stale = new Set<RunId>();
  private staleList = false;
  private timer: NodeJS.Timeout | undefined;
  private refreshing: Promise<void> = Promise.resolve();

  constructor(
    private readonly ask: Ask,
    private readonly problem: (error: unknown) => void,
  ) {}

  /** Newest first. */
  get runs(): readonly RunSummary[] {
    return this.summaries;
  }

  get agents(): readonly AgentSnapshot[] {
    return this.agentList;
  }

  run(runId: RunId): RunDetail | undefined {
    return this.details.get(runId);
  }

  get loaded(): RunDetail[] {
    return this.summaries.flatMap((run) => this.details.get(run.runId) ?? []);
  }

  get changes(): Placed[] {
    return this.loaded.flatMap((run) => this.changesOf(run));
  }

  changesOf(run: RunDetail): Placed[] {
    return run.changes.map((change) => placed(change, this.place(change)));
  }

  /** Where a pending change stands in the current text; undefined where the text no longer has a place for it. */
  place(change: Change): Range | undefined {
    for (const places of this.places.values()) {
      const found = places.get(change.id);
      if (found) return found;
    }
    return undefined;
  }

  setPlaces(uri: string, places: ReadonlyMap<ChangeId, Range>): void {
    if (places.size) this.places.set(uri, places);
    else if (!this.places.delete(uri)) return;
    this.changed.fire();
  }

  /** The server's groups of changes, what should be read first first; none where it knows of no groups. */
  get groups(): readonly ChangeGroup[] {
    return this.groupList;
  }

  /** What waits for the user's answer, oldest run first. */
  get asks(): Question[] {
    return this.loaded.toReversed().flatMap((run) => run.asks.filter((ask) => ask.answer == null));
  }

  get pending(): Placed[] {
    return this.changes.filter((change) => change.status === "pending");
  }

  change(id: string): Placed | undefined {
    return this.changes.find((change) => change.id === id);
  }

  agentName(id: string): string {
    return this.agentList.find((agent) => agent.agent_id === id)?.name ?? id;
  }

  onEvent(event: NexusEvent): void {
    if (event.type === "task_progress") {
      const task = this.details.get(event.runId)?.tasks.find((each) => each.taskId === event.taskId);
      if (task) {
        task.message = event.message;
        task.percent = event.percent;
        this.changed.fire();
        return;
      }
    }
    this.touch(event.runId);
  }

  /** Marks a run (or, without one, everything that is shown) as stale. */
  touch(...runIds: RunId[]): void {
    this.staleList = true;
    for (const id of runIds.length ? runIds : this.details.keys()) this.stale.add(id);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.refreshing = this.refreshing.then(() => this.refresh()).catch(this.problem);
    }, SETTLE_MS);
  }

  /** A run with its tasks and changes, asked for where it is not here yet. */
  async load(runId: RunId): Promise<RunDetail | undefined> {
    if (!this.details.has(runId)) await this.fetch(runId);
    return this.details.get(runId);
  }

  /** Everything that was asked for so far has arrived. */
  async settled(): Promise<void> {
    while (this.timer) await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    await this.refreshing;
  }

  clear(): void {
    this.summaries = [];
    this.details.clear();
    this.places.clear();
    this.agentList = [];
    this.groupList = [];
    this.changed.fire();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.changed.dispose();
  }

  private async refresh(): Promise<void> {
    if (this.staleList) {
      this.staleList = false;
      const [runs, agents, list] = await Promise.all([
        this.ask("nexus.runs", {}),
        this.ask("nexus.agents", {}),
        this.ask("nexus.review.list", { limit: 0, grouped: true }),
      ]);
      this.summaries = [...(runs?.runs ?? [])].sort((a, b) => b.startedAt - a.startedAt);
      this.agentList = agents?.agents ?? [];
      this.groupList = list?.groups ?? [];
      for (const run of this.summaries) {
        if (!this.details.has(run.runId) && (isActive(run) || run.changesPending > 0)) this.stale.add(run.runId);
      }
    }
    const ids = [...this.stale];
    this.stale.clear();
    await Promise.all(ids.map((id) => this.fetch(id)));
    this.changed.fire();
  }

  private async fetch(runId: RunId): Promise<void> {
    const detail = await this.ask("nexus.run", { runId });
    if (detail) this.details.set(runId, detail);
  }
}
