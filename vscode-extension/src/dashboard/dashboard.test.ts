import { describe, expect, it } from "vitest";
import type { NexusEvent, RunDetail, TaskState } from "../lspExt";
import { type Snapshot, slim, slimRun } from "./feed";
import { arranged, criticalPath, type GraphTask, neighbourOf } from "./graph";
import { Model } from "./model";
import { agentsPanel, costPanel, headPanel, messagesPanel, planPanel, queuePanel, timelinePanel } from "./panels";
import { queueOf, worthShowing } from "./queue";
import { type Spec, textOf } from "./spec";
import { spendingOf } from "./spending";
import { duration } from "./text";
import { addEvent, dots, emptyTimeline, lanes, scaleOf, secondsOf, type Timeline } from "./timeline";

/** `"b after a, 20 s, done"`, one task a line. */
function tasks(text: string): GraphTask[] {
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const [, id = "", after] = /^\s*(\w+)(?: after ([\w ]+))?/.exec(line) ?? [];
      const seconds = /(\d+) s/.exec(line)?.[1];
      const status = line.includes("done") ? "completed" : line.includes("at work") ? "in_progress" : "pending";
      return { id, type: line.includes("test") ? "test" : "implementation", status, dependsOn: after?.trim().split(" ") ?? [], seconds: seconds ? Number(seconds) : undefined };
    });
}

describe("the critical path", () => {
  it.each([
    ["nothing measured: the longest chain", "a\nb after a\nc after b\nd after a", "a b c", undefined, undefined],
    ["a slow task outweighs a longer chain", "a, 1 s, done\nb after a, 1 s, done\nc after b, 1 s, done\nd after a, 60 s, done", "a d", 61, 0],
    ["what is to come counts as the median of what was", "a, 10 s, done\nb after a\nc after b", "a b c", 30, 20],
    ["of its own kind first", "a, 10 s, done\nt after a, 50 s, done test\nu after a test\nb after a", "a t", 60, 0],
    ["one at work has its rest left", "a, 10 s, done\nb after a, 4 s, at work", "a b", 20, 6],
    ["one at work longer than expected has none", "a, 10 s, done\nb after a, 25 s, at work", "a b", 35, 0],
    ["a dependency that is not in the plan", "a after gone\nb", "a", undefined, undefined],
  ])("%s", (_, given, path, seconds, left) => {
    const found = criticalPath(tasks(given));
    expect([found.tasks.join(" "), found.seconds, found.left]).toEqual([path, seconds, left]);
  });

  it("of no task", () => expect(criticalPath([])).toEqual({ tasks: [], seconds: undefined, left: undefined }));
});

describe("the graph", () => {
  it("puts each task right of what it depends on, and no two on each other", () => {
    const given = tasks("a\nb after a\nc after a\nd after b c\ne");
    const { nodes, edges, width } = arranged(given);
    for (const { from, to } of edges) expect(nodes.get(to)?.layer).toBeGreaterThan(nodes.get(from)?.layer ?? 9);
    const places = [...nodes.values()];
    expect(new Set(places.map(({ x, y }) => `${x},${y}`)).size).toBe(5);
    expect(Math.max(...places.map(({ x }) => x))).toBeLessThan(width);
    for (const { points } of edges) expect(points.map(({ x }) => x)).toEqual(points.map(({ x }) => x).sort((a, b) => a - b));
    expect(edges.map(({ from, to }) => from + to).sort()).toEqual(["ab", "ac", "bd", "cd"]);
  });

  it("is walked with arrow keys", () => {
    const graph = arranged(tasks("a\nb after a\nc after a"));
    const [upper, lower] = (graph.nodes.get("b")?.y ?? 0) < (graph.nodes.get("c")?.y ?? 0) ? ["b", "c"] : ["c", "b"];
    expect(["b", "c"]).toContain(neighbourOf(graph, "a", "ArrowRight"));
    expect(neighbourOf(graph, "b", "ArrowLeft")).toBe("a");
    expect(neighbourOf(graph, upper, "ArrowDown")).toBe(lower);
    expect(neighbourOf(graph, upper, "ArrowUp")).toBeUndefined();
    expect(neighbourOf(graph, "a", "ArrowLeft")).toBeUndefined();
  });
});

let seq = 0;
const event = (type: string, at: number, more: object = {}): NexusEvent => ({ seq: ++seq, at, runId: "r1", type, ...more }) as unknown as NexusEvent;
const started = (taskId: string, at: number, agentId = "code_developer", attempt = 1): NexusEvent => event("task_started", at, { taskId, agentId, attempt, instanceId: `${agentId}#${taskId}` });
const folded = (...events: NexusEvent[]): Timeline => {
  const line = emptyTimeline();
  for (const each of events) addEvent(line, each);
  return line;
};

describe("the timeline", () => {
  it("has a bar for each attempt, with how it ended", () => {
    const line = folded(
      event("run_started", 100, { request: "x" }),
      started("a", 101),
      event("task_submitted", 110, { taskId: "a" }),
      event("task_repair", 112, { taskId: "a" }),
      started("a", 113, "code_developer", 2),
      event("task_completed", 120, { taskId: "a" }),
      started("b", 121),
    );
    expect(line.bars.map(({ taskId, attempt, from, submitted, to, end }) => [taskId, attempt, from, submitted, to, end])).toEqual([
      ["a", 1, 101, 110, 112, "repair"],
      ["a", 2, 113, undefined, 120, "completed"],
      ["b", 1, 121, undefined, undefined, undefined],
    ]);
    expect(secondsOf(line, "a", 999)).toBe(18);
    expect(secondsOf(line, "b", 131)).toBe(10);
    expect(secondsOf(line, "c", 131)).toBeUndefined();
  });

  it("ends with the work, not with the review hours later", () => {
    const line = folded(event("run_started", 0), started("a", 1), event("task_completed", 5, { taskId: "a" }), event("run_ready", 6), event("change_accepted", 9000), event("run_completed", 9001));
    expect(scaleOf(line, 20_000)).toMatchObject({ from: 0, to: 6 });
  });

  it("goes on where a run is tried again", () => {
    const line = folded(event("run_started", 0), started("a", 1), event("run_failed", 5), started("a", 50, "code_developer", 2));
    expect(line.ended).toBeUndefined();
    expect(line.bars.map(({ end }) => end)).toEqual(["cancelled", undefined]);
  });

  it("an attempt cut off by a crash ends where the next begins", () => {
    const line = folded(event("run_started", 0), started("a", 1), started("a", 30, "code_developer", 2));
    expect(line.bars[0]).toMatchObject({ to: 30, end: "repair" });
  });

  it("an event that comes twice is counted once", () => {
    const line = emptyTimeline();
    const once = started("a", 1);
    expect([addEvent(line, once), addEvent(line, once), line.bars.length]).toEqual([true, false, 1]);
  });

  it("agents side by side have rows of their own, one after another share one", () => {
    const line = folded(started("a", 0), started("b", 1), event("task_completed", 4, { taskId: "a" }), started("c", 5), started("t", 5, "alpha"));
    expect(lanes(line).map(({ agentId, rows }) => [agentId, rows.map((row) => row.map((bar) => bar.taskId).join(" "))])).toEqual([
      ["code_developer", ["a c", "b"]],
      ["alpha", ["t"]],
    ]);
  });

  it.each([
    [3, 3, 4],
    [59, 60, 7],
    [61, 70, 8],
    [3599, 3600, 7],
    [90_000, 100_800, 8],
  ])("%d seconds are drawn on a scale of %d with %d ticks", (span, length, ticks) => {
    const scale = scaleOf(folded(event("run_started", 1000)), 1000 + span);
    expect([scale.to - scale.from, scale.ticks.length]).toEqual([length, ticks]);
  });
});

const task = (over: Partial<TaskState> = {}): TaskState => ({
  taskId: "t1", agentId: "code_developer", instanceId: null, title: "Fix add()", type: "implementation", status: "pending", message: "", percent: null,
  attempt: 0, summary: "", dependsOn: [], usd: 0, tokens: 0, repairs: 0, restarts: 0, replaced: false, response: null, ...over,
}) as TaskState;

const run = (over: Partial<RunDetail> = {}): RunDetail => ({
  runId: "r1", request: "Mend add()", status: "in_progress", priority: "medium", team: "local", startedAt: 100, tasksDone: 0, tasksTotal: 1, changesPending: 0,
  plan: null, tasks: [task()], changes: [], gates: [], asks: [], usd: 0, budgets: [], quality: null, ...over,
}) as RunDetail;

describe("the queue", () => {
  const names = (detail: RunDetail): string[] => queueOf(slimRun(detail), []).map((each) => (each.kind === "after" ? `${each.task.taskId} after ${each.waitsFor.map((one) => one.taskId)}` : each.kind === "ready" ? each.task.taskId : each.kind));
  it.each([
    ["questions come first, then what can start", run({ tasks: [task({ taskId: "b", dependsOn: ["a"] }), task({ taskId: "a" })], asks: [{ askId: "q", answer: null } as never] }), ["ask", "a", "b after a"]],
    ["what is done is not waited for", run({ tasks: [task({ taskId: "a", status: "completed" }), task({ taskId: "b", dependsOn: ["a"] })] }), ["b"]],
    ["an answered question does not wait", run({ tasks: [], asks: [{ askId: "q", answer: "yes" } as never] }), []],
    ["nothing starts in a run that is over", run({ status: "failed" }), []],
    ["a task of an older plan does not wait", run({ tasks: [task({ replaced: true })] }), []],
  ])("%s", (_, detail, expected) => expect(names(detail)).toEqual(expected));

  it("shows what is at work, else what is to review, else the newest", () => {
    const [old, review, busy] = [run({ runId: "old", status: "completed" }), run({ runId: "review", status: "ready", changesPending: 2 }), run({ runId: "busy" })];
    expect([worthShowing([old, review, busy]), worthShowing([old, review]), worthShowing([old]), worthShowing([])]).toEqual(["busy", "review", "old", undefined]);
  });
});

describe("spending", () => {
  it("is summed by agent, the dearest first, and free work left out", () => {
    const found = spendingOf(run({ usd: 0.7, tasks: [task({ taskId: "a", usd: 0.1 }), task({ taskId: "b", usd: 0.4 }), task({ taskId: "c", agentId: "alpha", usd: 0.2 }), task({ taskId: "d" })] }), (id) => id);
    expect(found.agents.map(({ id, usd, part }) => [id, usd, part])).toEqual([["code_developer", 0.5, 1], ["alpha", 0.2, 0.4]]);
    expect(found.tasks.map(({ id }) => id)).toEqual(["b", "c", "a"]);
  });

  it.each([[50, "fine"], [80, "warning"], [100, "spent"]])("%d of 100 is %s", (used, level) => {
    const { limits } = spendingOf(run({ budgets: [{ scope: "run", who: "", measure: "usd", used, limit: 100 }] }), String);
    expect(limits[0]?.level).toBe(level);
  });
});

// --- what is read ----------------------------------------------------------------------------------------

const AGENT = { agent_id: "code_developer", name: "Code", role: "developer", status: "active", current_task: null, health_score: 9, tasks_completed_today: 2, instances: [], restarts: 0, response_seconds: null, usd: 0, tokens: 0 };

function shown(detail: RunDetail | null, events: readonly NexusEvent[] = [], now = 200): Model {
  const model = new Model();
  model.now = now;
  const snapshot: Snapshot = { alive: true, runs: detail ? [detail] : [], agents: [AGENT], run: detail && slimRun(detail) };
  model.setSnapshot(snapshot);
  model.follow(detail?.runId);
  model.hear(events);
  return model;
}

const read = (specs: readonly (Spec | string)[]): string => specs.map(textOf).join(" ");
const every = (specs: readonly (Spec | string)[]): Spec[] => specs.flatMap((spec) => (typeof spec === "string" ? [] : [spec, ...every(spec.children ?? [])]));

describe("what is read", () => {
  it.each([
    ["no run", headPanel(shown(null)), "Delegate to Team…"],
    ["a run at work", headPanel(shown(run({ tasksTotal: 3, tasksDone: 1 }))), "1 of 3"],
    ["how long it takes", headPanel(shown(run(), [event("run_started", 100)])), "1 min 40 s"],
    ["a pause and its reason", headPanel(shown(run({ status: "paused", reason: "The budget is spent." }))), "The budget is spent."],
    ["what can be done with a plan that waits", headPanel(shown(run({ status: "awaiting_approval" }))), "Approve Plan"],
    ["a queue without anything in it", queuePanel(shown(run({ status: "completed" }))), "Nothing waits."],
    ["a task that can start", queuePanel(shown(run())), "Fix add() Code  ·  starts next"],
    ["a free run", costPanel(shown(run())), "Nothing paid was used"],
    ["an agent", agentsPanel(shown(run())), "Code developer idle health 9 of 10 · 2 tasks today"],
    ["a timeline before anything", timelinePanel(shown(run())), "Nothing has happened yet."],
    ["messages before any", messagesPanel(shown(run())), "Nobody has said anything."],
  ])("%s", (_, specs, expected) => expect(read(specs)).toContain(expected));

  it("a server that is gone", () => {
    const model = shown(run());
    model.setSnapshot({ alive: false, runs: [], agents: [], run: null });
    expect(read(headPanel(model))).toContain("The language server is not running");
  });

  it("each task is told to a screen reader in full, in the graph and in the table", () => {
    const model = shown(run({ tasks: [task({ taskId: "a", status: "completed" }), task({ taskId: "b", title: "Test it", dependsOn: ["a"] })] }));
    const labels = every(planPanel(model)).filter((spec) => spec.tag === "button" && spec.attrs?.["data-task"]).map((spec) => spec.attrs?.["aria-label"]);
    expect(labels).toEqual(["Fix add(), done, Code, on the critical path", "Test it, waiting, Code, after Fix add(), on the critical path"]);
    model.choice.planAsTable = true;
    expect(read(planPanel(model))).toContain("Test it ○  waiting Code implementation Fix add() yes – –");
  });

  it("exactly one task of the graph is in the tab order", () => {
    const model = shown(run({ tasks: [task({ taskId: "a" }), task({ taskId: "b" }), task({ taskId: "c" })] }));
    expect(every(planPanel(model)).filter((spec) => spec.attrs?.["tabindex"] === 0 && spec.attrs["data-task"])).toHaveLength(1);
  });

  it("a message, who has it, and who never will", () => {
    const message = { message_id: "m1", timestamp: "", from: { agent_id: "code_developer", agent_type: "" }, message_type: "question", payload: { text: "Which one?" }, conversation_thread: "x" };
    const model = shown(run(), [event("run_started", 100), event("message_sent", 130, { message, recipients: ["user"] })]);
    expect(read(messagesPanel(model))).toContain("Code → you question · sent · 0:30 Which one?");
    model.hear([event("message_delivered", 131, { messageId: "m1", recipient: "user" })]);
    expect(read(messagesPanel(model))).toContain("question · read");
    model.hear([event("message_dead", 132, { messageId: "m1", recipient: "user", why: "" })]);
    expect(read(messagesPanel(model))).toContain("did not arrive");
  });

  it.each([[4, "4 s"], [60, "1 min"], [125, "2 min 5 s"], [7260, "2 h 1 min"]])("%d seconds", (seconds, text) => expect(duration(seconds)).toBe(text));
});

describe("work is proportional to what changed", () => {
  it("a progress line draws no cost, no messages and no agents", () => {
    const before = run({ tasks: [task({ status: "in_progress", message: "reading" })] });
    const model = shown(before);
    model.takeStale();
    model.hear([event("task_progress", 150, { taskId: "t1", agentId: "code_developer", message: "writing", percent: 50 })]);
    expect(model.takeStale()).toEqual([]);
    model.setSnapshot({ ...model.snapshot });
    expect(model.takeStale()).toEqual(["head"]);
  });

  it("a second that passes draws only what counts time", () => {
    const model = shown(run(), [event("run_started", 100), started("t1", 101)]);
    model.takeStale();
    model.tick(300);
    expect(model.takeStale()).toEqual(["head", "timeline"]);
  });

  it("40 tasks and 10,000 events: folded and described in a blink", () => {
    const many = Array.from({ length: 40 }, (_, n) => task({ taskId: `t${n}`, title: `Task ${n}`, status: "in_progress", dependsOn: n < 4 ? [] : [`t${n - 4}`, `t${n - (n % 4) - 3}`].filter((id) => id !== `t${n}`) }));
    const events: NexusEvent[] = [event("run_started", 100), ...many.map(({ taskId }, n) => started(taskId, 101 + n))];
    while (events.length < 10_000) events.push(event(events.length % 3 ? "task_progress" : "gate_passed", 150 + events.length / 10, { taskId: `t${events.length % 40}`, gate: "tests", message: "x", percent: 1 }));
    const began = performance.now();
    const model = shown(run({ tasks: many, tasksTotal: 40 }), events, 1200);
    const all = [headPanel, planPanel, timelinePanel, agentsPanel, queuePanel, costPanel, messagesPanel].flatMap((panel) => panel(model));
    const took = performance.now() - began;
    expect(dots(model.timeline, scaleOf(model.timeline, 1200)).length).toBeLessThanOrEqual(240);
    expect(every(all).length).toBeLessThan(2500);
    expect(took).toBeLessThan(1500); // about 100 ms on an idle machine, the layout of the graph most of it
  });
});

it("events reach the page without texts that it never shows", () => {
  const long = event("task_failed", 1, { taskId: "a", reason: "x".repeat(5000), evidence: "y" });
  const { reason, evidence } = slim(long) as unknown as { reason: string; evidence?: string };
  expect([reason.length, evidence]).toEqual([601, undefined]);
  expect(Object.keys(slim(event("change_proposed", 1, { change: { before: "z" } })))).toEqual(["seq", "at", "runId", "type"]);
});
