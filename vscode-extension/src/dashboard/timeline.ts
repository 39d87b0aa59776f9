/** What happened when: a run's events folded, one at a time, into bars (attempts) and marks (all else worth a dot). */
import type { AgentId, NexusEvent, TaskId } from "../lspExt";

export type BarEnd = "completed" | "failed" | "cancelled" | "repair";

export interface Bar {
  readonly taskId: TaskId;
  readonly agentId: AgentId;
  readonly attempt: number;
  /** Unix seconds. */
  readonly from: number;
  /** When its agent handed its work in; it waits for its landing from then on. */
  submitted: number | undefined;
  to: number | undefined;
  end: BarEnd | undefined;
}

export type MarkKind = "plan" | "gate_passed" | "gate_failed" | "change" | "ask" | "budget" | "pause" | "message" | "end";

export interface Mark {
  readonly at: number;
  readonly kind: MarkKind;
  readonly seq: number;
  /** What of it is worth naming: a gate, a question's id, a change's id. */
  readonly name: string;
}

export interface Timeline {
  readonly bars: Bar[];
  readonly marks: Mark[];
  started: number | undefined;
  ended: number | undefined;
  lastSeq: number;
  /** Bars that are at work, by task. */
  readonly open: Map<TaskId, Bar>;
}

export const emptyTimeline = (): Timeline => ({ bars: [], marks: [], started: undefined, ended: undefined, lastSeq: 0, open: new Map() });

/** Adds one event, in constant time; whether anything of the picture changed. An event known already is none. */
export function addEvent(line: Timeline, event: NexusEvent): boolean {
  if (event.seq <= line.lastSeq) return false;
  line.lastSeq = event.seq;
  switch (event.type) {
    case "run_started":
      line.started = event.at;
      return true;
    case "task_started":
      return begin(line, { taskId: event.taskId, agentId: event.agentId, attempt: event.attempt, from: event.at, submitted: undefined, to: undefined, end: undefined });
    case "task_submitted": {
      const bar = line.open.get(event.taskId);
      if (bar) bar.submitted = event.at;
      return bar !== undefined;
    }
    case "task_completed":
      return end(line, event.taskId, event.at, "completed");
    case "task_failed":
      return end(line, event.taskId, event.at, "failed");
    case "task_cancelled":
      return end(line, event.taskId, event.at, "cancelled");
    case "task_repair":
      return end(line, event.taskId, event.at, "repair");
    case "run_ready":
    case "run_completed":
    case "run_failed":
    case "run_cancelled":
      return endRun(line, event);
    default:
      return mark(line, event);
  }
}

function begin(line: Timeline, bar: Bar): boolean {
  const before = line.open.get(bar.taskId);
  if (before) end(line, bar.taskId, bar.from, "repair"); // a crash in between: nobody said that it ended
  line.ended = undefined;
  line.open.set(bar.taskId, bar);
  line.bars.push(bar);
  return true;
}

function end(line: Timeline, taskId: TaskId, at: number, how: BarEnd): boolean {
  const bar = line.open.get(taskId);
  if (!bar) return false;
  bar.to = at;
  bar.end = how;
  line.open.delete(taskId);
  return true;
}

function endRun(line: Timeline, event: NexusEvent): boolean {
  // "Ready" ends the work; settling the review hours later does not stretch the picture.
  line.ended ??= event.at;
  line.marks.push({ at: line.ended, kind: "end", seq: event.seq, name: event.type });
  for (const taskId of [...line.open.keys()]) end(line, taskId, event.at, "cancelled");
  return true;
}

const MARKS: Partial<Record<NexusEvent["type"], MarkKind>> = {
  plan_proposed: "plan",
  plan_revised: "plan",
  revision_proposed: "plan",
  gate_passed: "gate_passed",
  gate_failed: "gate_failed",
  change_proposed: "change",
  ask_opened: "ask",
  budget_warning: "budget",
  budget_spent: "budget",
  run_paused: "pause",
  run_resumed: "pause",
  message_sent: "message",
};

function mark(line: Timeline, event: NexusEvent): boolean {
  const kind = MARKS[event.type];
  if (!kind || (line.ended !== undefined && event.at > line.ended)) return false;
  const name = "gate" in event ? event.gate : event.type;
  line.marks.push({ at: event.at, kind, seq: event.seq, name });
  return true;
}

/** Seconds that a task's attempts took, up to `now` for the one at work; undefined where none began. */
export function secondsOf(line: Timeline, taskId: TaskId, now: number): number | undefined {
  const own = line.bars.filter((bar) => bar.taskId === taskId);
  if (!own.length) return undefined;
  return own.reduce((sum, bar) => sum + Math.max(0, (bar.to ?? now) - bar.from), 0);
}

// --- as a picture ----------------------------------------------------------------------------------------

export interface Scale {
  readonly from: number;
  /** A round time after the last event, so that what is drawn stays where it is while time passes. */
  readonly to: number;
  readonly ticks: readonly number[];
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400];

export function scaleOf(line: Timeline, now: number): Scale {
  const from = line.started ?? line.bars[0]?.from ?? now;
  const last = line.ended ?? Math.max(now, from + 1);
  const span = Math.max(1, last - from);
  const step = STEPS.find((each) => span / each <= 8) ?? Math.ceil(span / 8 / 86_400) * 86_400;
  const length = Math.ceil(span / step) * step;
  return { from, to: from + length, ticks: Array.from({ length: length / step + 1 }, (_, n) => n * step) };
}

/** Where a time stands on the scale, in percent. */
export const percentAt = (scale: Scale, at: number): number => Math.round(Math.min(100, Math.max(0, (100 * (at - scale.from)) / (scale.to - scale.from))) * 100) / 100;

export interface Lane {
  readonly agentId: AgentId;
  /** Bars side by side in time never share a row. */
  readonly rows: readonly (readonly Bar[])[];
}

/** One lane an agent, in the order in which they first worked. */
export function lanes(line: Timeline): Lane[] {
  const byAgent = new Map<AgentId, Bar[][]>();
  for (const bar of line.bars) {
    const rows = byAgent.get(bar.agentId) ?? [];
    byAgent.set(bar.agentId, rows);
    const row = rows.find((each) => {
      const last = each.at(-1);
      return last !== undefined && last.to !== undefined && last.to <= bar.from;
    });
    if (row) row.push(bar);
    else rows.push([bar]);
  }
  return [...byAgent].map(([agentId, rows]) => ({ agentId, rows }));
}

export interface Dot {
  readonly kind: MarkKind;
  readonly percent: number;
  readonly count: number;
  readonly names: readonly string[];
}

const SLOTS = 120;

/** Marks of one kind that would stand on each other are one dot: never more than 120 a kind, however much happened. */
export function dots(line: Timeline, scale: Scale): Dot[] {
  const slots = new Map<string, { kind: MarkKind; percent: number; count: number; names: string[] }>();
  for (const each of line.marks) {
    const slot = Math.floor((percentAt(scale, each.at) / 100) * SLOTS);
    const key = `${each.kind}:${slot}`;
    const dot = slots.get(key);
    if (!dot) slots.set(key, { kind: each.kind, percent: percentAt(scale, each.at), count: 1, names: [each.name] });
    else {
      dot.count += 1;
      if (dot.names.length < 5 && !dot.names.includes(each.name)) dot.names.push(each.name);
    }
  }
  // Messages are many: what is worth more lies on them.
  return [...slots.values()].sort((a, b) => Number(b.kind === "message") - Number(a.kind === "message"));
}
