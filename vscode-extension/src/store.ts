/**
 * What the server last said of its runs, for every view to read.
 *
 * **Invariant:** nothing is derived from events but a task's progress line. An event only marks its run as
 * stale; snapshots replace what is here, so a lost or reordered event cannot leave a wrong picture.
 */
import * as vscode from "vscode";
import type { Range } from "vscode-languageserver-protocol";
import type { AgentSnapshot, Ask as Question, Change, ChangeGroup, ChangeId, CommandName, Commands, NexusEvent, RunDetail, RunId, RunSummary } from "./lspExt";
import { by, isActive, type Placed, placed } from "./view";

/** Sends one command; undefined while there is no server. */
export type Ask = <C extends CommandName>(command: C, arg: Commands[C]["arg"]) => Promise<Commands[C]["answer"] | undefined>;

const SETTLE_MS = 80;
const GATHER_MS = 30;

/** What is read off the runs and the places of now. */
interface Read {
  readonly places: ReadonlyMap<ChangeId, Range>;
  readonly changes: readonly Placed[];
  readonly pending: readonly Placed[];
  readonly byId: ReadonlyMap<string, Placed>;
  readonly byFile: ReadonlyMap<string, readonly Placed[]>;
}

/** A change's URI may be written otherwise than the editor writes it (`%3A`, a drive's case). */
const fileKey = (change: Change): string => vscode.Uri.parse(change.uri).toString();

export class Store implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;

  private summaries: readonly RunSummary[] = [];
  private readonly details = new Map<RunId, RunDetail>();
  private groupList: readonly ChangeGroup[] = [];
  private agentList: readonly AgentSnapshot[] = [];
  /** By file: exact places of pending changes in the current text, as the server's diagnostics last gave them. */
  private readonly places = new Map<string, ReadonlyMap<ChangeId, Range>>();
  /** All of them, and what is read off them and the runs; made anew when first asked for after something came in. */
  private read: Read | undefined;
  private firing: NodeJS.Timeout | undefined;

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

  get changes(): readonly Placed[] {
    return this.now.changes;
  }

  changesOf(run: RunDetail): Placed[] {
    return run.changes.map((change) => placed(change, this.place(change)));
  }

  /** Where a pending change stands in the current text; undefined where the text no longer has a place for it. */
  place(change: Change): Range | undefined {
    return this.now.places.get(change.id);
  }

  /** Comes at every key press in a file with changes, and for many files at once: views hear of it a moment later. */
  setPlaces(uri: string, places: ReadonlyMap<ChangeId, Range>): void {
    if (places.size) this.places.set(uri, places);
    else if (!this.places.delete(uri)) return;
    this.read = undefined;
    this.firing ??= setTimeout(() => this.fire(), GATHER_MS);
  }

  private fire(): void {
    clearTimeout(this.firing);
    this.firing = undefined;
    this.read = undefined;
    this.changed.fire();
  }

  private get now(): Read {
    if (this.read) return this.read;
    const places = new Map([...this.places.values()].flatMap((here) => [...here]));
    const changes = this.loaded.flatMap((run) => run.changes.map((change) => placed(change, places.get(change.id))));
    const pending = changes.filter((change) => change.status === "pending");
    const byId = new Map<string, Placed>(changes.map((change) => [change.id, change]));
    return (this.read = { places, changes, pending, byId, byFile: by(pending, fileKey) });
  }

  /** The server's groups of changes, what should be read first first; none where it knows of no groups. */
  get groups(): readonly ChangeGroup[] {
    return this.groupList;
  }

  /** What waits for the user's answer, oldest run first. */
  get asks(): Question[] {
    return this.loaded.toReversed().flatMap((run) => run.asks.filter((ask) => ask.answer == null));
  }

  get pending(): readonly Placed[] {
    return this.now.pending;
  }

  /** What waits in a file, by its URI as the editor writes it. */
  pendingIn(uri: string): readonly Placed[] {
    return this.now.byFile.get(uri) ?? [];
  }

  change(id: string): Placed | undefined {
    return this.now.byId.get(id);
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
        this.fire();
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
    this.fire();
  }

  dispose(): void {
    clearTimeout(this.timer);
    clearTimeout(this.firing);
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
    this.fire();
  }

  private async fetch(runId: RunId): Promise<void> {
    const detail = await this.ask("nexus.run", { runId });
    if (!detail) return;
    this.details.set(runId, detail);
    this.read = undefined;
  }
}
