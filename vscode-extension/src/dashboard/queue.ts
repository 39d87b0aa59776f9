/** What waits, and for what: questions for the user, tasks in the order in which they can start, other runs. */
import type { Ask, RunId, RunSummary, TaskState } from "../lspExt";
import type { ShownRun } from "./feed";

export type Waiting =
  | { kind: "ask"; ask: Ask }
  | { kind: "ready"; task: TaskState }
  | { kind: "after"; task: TaskState; waitsFor: readonly TaskState[] }
  | { kind: "run"; run: RunSummary };

const ALIVE: ReadonlySet<string> = new Set(["pending", "awaiting_approval", "in_progress", "paused"]);

export function queueOf(run: ShownRun | null, runs: readonly RunSummary[]): Waiting[] {
  const others = runs.filter((each) => each.runId !== run?.runId && ALIVE.has(each.status));
  return [...(run ? ofRun(run) : []), ...others.map((each): Waiting => ({ kind: "run", run: each }))];
}

function ofRun(run: ShownRun): Waiting[] {
  const byId = new Map(run.tasks.map((task) => [task.taskId, task]));
  const tasks = ALIVE.has(run.status) ? run.tasks.filter((task) => task.status === "pending" && !task.replaced) : [];
  const waits = tasks.map((task) => ({
    task,
    waitsFor: task.dependsOn.flatMap((id) => byId.get(id) ?? []).filter((other) => other.status !== "completed"),
  }));
  const depth = depths(run.tasks);
  waits.sort((a, b) => a.waitsFor.length - b.waitsFor.length || (depth.get(a.task.taskId) ?? 0) - (depth.get(b.task.taskId) ?? 0));
  return [
    ...run.asks.filter((ask) => ask.answer == null).map((ask): Waiting => ({ kind: "ask", ask })),
    ...waits.map(({ task, waitsFor }): Waiting => (waitsFor.length ? { kind: "after", task, waitsFor } : { kind: "ready", task })),
  ];
}

/** How many tasks must be over, one after another, before each. */
function depths(tasks: readonly TaskState[]): Map<string, number> {
  const byId = new Map(tasks.map((task) => [task.taskId, task]));
  const known = new Map<string, number>();
  const depth = (id: string): number => {
    const found = known.get(id);
    if (found !== undefined) return found;
    known.set(id, 0);
    const before = (byId.get(id)?.dependsOn ?? []).filter((other) => byId.has(other));
    const own = before.length ? 1 + Math.max(...before.map(depth)) : 0;
    known.set(id, own);
    return own;
  };
  for (const { taskId } of tasks) depth(taskId);
  return known;
}

/** The run a page shows when none was chosen: one at work, else one to review, else the newest. */
export function worthShowing(runs: readonly RunSummary[]): RunId | undefined {
  const found = runs.find((run) => ALIVE.has(run.status)) ?? runs.find((run) => run.changesPending > 0) ?? runs[0];
  return found?.runId;
}
