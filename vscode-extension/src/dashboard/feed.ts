/**
 * How the dashboard hears of runs: one small interface. In VS Code an adapter answers it over messages
 * (`dashboardPanel.ts`); a browser can answer it over HTTP. The dashboard itself knows neither.
 */
import type { AgentSnapshot, NexusEvent, RunDetail, RunId, RunSummary } from "../lspExt";

/** A run without the texts of its changes: how many there are is all that is shown of them. */
export type ShownRun = Omit<RunDetail, "changes"> & { changes: { taskId: string; status: string }[] };

export interface Snapshot {
  /** Whether a server answers; without one the lists are empty. */
  readonly alive: boolean;
  /** Newest first. */
  readonly runs: readonly RunSummary[];
  readonly agents: readonly AgentSnapshot[];
  /** The run asked for, else the newest; null where there is none. */
  readonly run: ShownRun | null;
}

/** What a button of the dashboard asks for. */
export type ActionName = "review" | "diff" | "acceptAll" | "plan" | "approve" | "pause" | "resume" | "cancel" | "retry" | "answer" | "delegate";

export interface Feed {
  snapshot(runId: RunId | undefined): Promise<Snapshot>;
  /** The run's events with a greater `seq`, oldest first. */
  events(runId: RunId, afterSeq: number): Promise<readonly NexusEvent[]>;
  /** Hears events of all runs as they happen, in batches; an empty batch says that snapshots changed otherwise. */
  listen(hear: (events: readonly NexusEvent[]) => void): () => void;
  act(action: ActionName, runId: RunId | undefined): void;
}

// --- the messages that carry a feed between a webview and the extension ----------------------------------

export type ToExtension =
  | { kind: "snapshot"; id: number; runId: RunId | undefined }
  | { kind: "events"; id: number; runId: RunId; afterSeq: number }
  | { kind: "act"; action: ActionName; runId: RunId | undefined };

export type ToPage =
  | { kind: "answer"; id: number; value: unknown }
  | { kind: "problem"; id: number; why: string }
  | { kind: "news"; events: readonly NexusEvent[] }
  | { kind: "show"; runId: RunId };

const LONG = 600;

/** An event without what the dashboard never shows: texts of changes, evidence, outputs. */
export function slim(event: NexusEvent): NexusEvent {
  const rest = Object.entries(event).filter(([name]) => !HEAVY.has(name));
  return Object.fromEntries(rest.map(([name, value]) => [name, typeof value === "string" && value.length > LONG ? `${value.slice(0, LONG)}…` : value])) as unknown as NexusEvent;
}

const HEAVY: ReadonlySet<string> = new Set(["change", "evidence", "output", "plan", "response", "uncovered", "passed", "failed", "moves"]);

export function slimRun(run: RunDetail): ShownRun {
  return {
    ...run,
    changes: run.changes.map(({ taskId, status }) => ({ taskId, status })),
    gates: run.gates.map((gate) => ({ ...gate, output: "" })),
  };
}
