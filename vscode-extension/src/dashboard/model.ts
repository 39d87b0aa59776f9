/**
 * What the dashboard knows: the last snapshot, and the shown run's events folded into a timeline and messages.
 *
 * **Invariant:** statuses come from snapshots alone; events only add times and words, so a lost or repeated
 * event cannot leave a wrong picture. Each event is folded once, in constant time.
 */
import type { NexusEvent, RunId } from "../lspExt";
import type { Snapshot } from "./feed";
import { type Talks, addTalk, noTalks } from "./talk";
import { type Timeline, addEvent, emptyTimeline } from "./timeline";

export type Panel = "head" | "plan" | "timeline" | "agents" | "queue" | "cost" | "messages";
export const PANELS: readonly Panel[] = ["head", "plan", "timeline", "agents", "queue", "cost", "messages"];

/** What the user chose to see; kept while the page is. */
export interface Choice {
  runId: RunId | undefined;
  planAsTable: boolean;
  timeAsTable: boolean;
  task: string | undefined;
  /** How many messages are shown, the newest first. */
  messages: number;
}

export class Model {
  snapshot: Snapshot = { alive: true, runs: [], agents: [], run: null };
  loaded = false;
  choice: Choice = { runId: undefined, planAsTable: false, timeAsTable: false, task: undefined, messages: 30 };
  timeline: Timeline = emptyTimeline();
  talks: Talks = noTalks();
  /** The run that timeline and messages are of. */
  eventsOf: RunId | undefined;
  /** Unix seconds. */
  now = 0;
  /** The plan's place on the page, in pixels: a wider graph is drawn smaller. */
  planWidth = 0;

  private readonly stale = new Set<Panel>(PANELS);

  /** Which panels are to be drawn anew; asking clears it. */
  takeStale(): Panel[] {
    const panels = PANELS.filter((panel) => this.stale.has(panel));
    this.stale.clear();
    return panels;
  }

  touch(...panels: readonly Panel[]): void {
    for (const panel of panels) this.stale.add(panel);
  }

  setSnapshot(snapshot: Snapshot): void {
    const before = this.snapshot;
    this.snapshot = snapshot;
    this.loaded = true;
    const other = before.run?.runId !== snapshot.run?.runId;
    const differs = (a: unknown, b: unknown): boolean => JSON.stringify(a) !== JSON.stringify(b);
    if (other || before.alive !== snapshot.alive) return this.touch(...PANELS);
    this.touch("head");
    const { run } = snapshot;
    if (differs(before.run?.tasks, run?.tasks) || differs(before.run?.plan, run?.plan)) this.touch("plan", "queue", "cost", "timeline");
    if (differs(before.run?.budgets, run?.budgets) || before.run?.usd !== run?.usd) this.touch("cost");
    if (differs(before.runs, snapshot.runs) || differs(before.run?.asks, run?.asks) || before.run?.status !== run?.status) this.touch("queue");
    if (differs(before.agents, snapshot.agents)) this.touch("agents", "messages");
  }

  /** Begins another run's timeline and messages. */
  follow(runId: RunId | undefined): void {
    this.eventsOf = runId;
    this.timeline = emptyTimeline();
    this.talks = noTalks();
    this.choice.task = undefined;
    this.touch(...PANELS);
  }

  hear(events: readonly NexusEvent[]): void {
    for (const event of events) {
      if (event.runId !== this.eventsOf || event.seq <= this.timeline.lastSeq) continue;
      if (addEvent(this.timeline, event)) this.touch("timeline", ...(/^(?:task|run)_/.test(event.type) ? (["plan", "head"] as const) : []));
      if (addTalk(this.talks, event)) this.touch("messages");
    }
  }

  /** A second has passed: only what counts time is drawn again, and only while something is at work. */
  tick(now: number): void {
    this.now = now;
    if (this.timeline.open.size) this.touch("timeline");
    if (this.running) this.touch("head");
  }

  get running(): boolean {
    const status = this.snapshot.run?.status;
    return status === "pending" || status === "in_progress";
  }

  agentName(id: string): string {
    if (id === "user") return "";
    if (id === "nexus_prime") return "NEXUS Prime";
    return this.snapshot.agents.find((agent) => agent.agent_id === id)?.name ?? id.replaceAll("_", " ");
  }
}
