import { describe, expect, it } from "vitest";
import type { AgentSnapshot, Ask, Quality, RunSummary, TaskState } from "./lspExt";
import { agentRow, askRow, changeRow, duration, neighbour, type Placed, placed, qualityRow, runRow, shownLine, sides, spliced, status, taskRow } from "./view";

const run = (over: Partial<RunSummary> = {}): RunSummary => ({
  runId: "r1",
  request: "Mend add()",
  status: "in_progress",
  priority: "medium",
  team: "local",
  startedAt: 0,
  tasksDone: 1,
  tasksTotal: 3,
  changesPending: 0,
  ...over,
});

const change = (over: Partial<Placed> & { line?: number } = {}): Placed => {
  const { line = 4, ...rest } = over;
  return {
    id: "c1",
    runId: "r1",
    taskId: "t1",
    agentId: "code_developer",
    uri: "file:///w/a.py",
    kind: "edit",
    status: "pending",
    range: { start: { line, character: 0 }, end: { line: line + 1, character: 0 } },
    before: "    return a - b\n",
    after: "    return a + b\n",
    why: "add() subtracted.",
    ...rest,
  };
};

const insertion = (line: number): Placed =>
  change({ before: "", range: { start: { line, character: 0 }, end: { line, character: 0 } } });

describe("rows", () => {
  it.each([
    [run(), "at work · 1 of 3 tasks", "run in_progress active"],
    [run({ status: "pending", tasksTotal: 0 }), "planning", "run pending active"],
    [run({ status: "awaiting_approval", tasksDone: 0 }), "plan waits for you · 0 of 3 tasks", "run awaiting_approval active"],
    [run({ status: "ready", changesPending: 2 }), "2 to review", "run ready pending-changes"],
    [run({ status: "completed" }), "completed", "run completed"],
    [run({ status: "ready", changesPending: 2, parked: "feat" }), "2 to review · on feat", "run ready resumable pending-changes"],
    [run({ status: "paused" }), "paused · 1 of 3 tasks", "run paused active resumable"],
    [run({ status: "failed", changesPending: 1 }), "failed · 1 to review", "run failed retryable pending-changes"],
  ])("a run %#", (given, description, context) => {
    expect(runRow(given)).toMatchObject({ description, context });
  });

  it("a task tells what its agent does, and which attempt it is", () => {
    const task: TaskState = {
      taskId: "t1", agentId: "code_developer", instanceId: "1", title: "Fix", type: "implementation", status: "in_progress",
      message: "reading a.py", percent: 20, attempt: 2, summary: "", dependsOn: ["t0"],
      seconds: 0, usd: 0, tokens: 0, repairs: 0, restarts: 0, replaced: false, response: null,
    };
    expect(taskRow(task, "Code").description).toBe("Code · attempt 2 · 20 % · reading a.py");
    expect(taskRow({ ...task, status: "completed", attempt: 1 }, "Code").description).toBe("Code");
    expect(taskRow(task, "Code", 0, true)).toMatchObject({ description: "Code · attempt 2 · 20 % · asks you", icon: "question" });
    expect(taskRow(task, "Code").tooltip).toContain("after t0");
    expect(taskRow({ ...task, seconds: 65, usd: 0.123 }, "Code", 10).description).toBe("Code · attempt 2 · 1 min 15 s · $0.12 · 20 % · reading a.py");
    const sure = { ...task, response: { task_result: { confidence_score: 0.9 } } };
    expect(taskRow(sure, "Code").tooltip).toContain("Its own claim: 90 % sure.");
  });

  it.each([
    [change(), "a.py:5", "−1 +1 · add() subtracted.", "change pending"],
    [change({ status: "accepted" }), "a.py", "accepted · −1 +1 · add() subtracted.", "change accepted decided"],
    [change({ kind: "create", before: "" }), "a.py", "new file · add() subtracted.", "change pending"],
    [change({ status: "outdated", conflict: { base: "", theirs: "" } }), "a.py:5", "conflict: you changed these lines too · −1 +1 · add() subtracted.", "change conflict"],
    [insertion(4), "a.py:5", "−0 +1 · add() subtracted.", "change pending"],
  ])("a change %#", (given, label, description, context) => {
    expect(changeRow(given, "src/a.py", "Code")).toMatchObject({ label, description, context });
  });

  it("an agent is idle without a task", () => {
    const agent: AgentSnapshot = {
      agent_id: "alpha_test_creator", name: "Alpha", role: "test_creator", status: "active",
      current_task: null, health_score: null, tasks_completed_today: 1,
      instances: [], restarts: 0, response_seconds: null, usd: 0, tokens: 0,
    };
    expect(agentRow(agent, undefined)).toMatchObject({ description: "test creator · idle", icon: "account" });
    expect(agentRow(agent, undefined).tooltip).toContain("1 task completed today");
    expect(agentRow({ ...agent, current_task: "r1/t1" }, "Test it").description).toBe("test creator · at work: Test it");
  });

  it("an agent that asks, or is strained, says so", () => {
    const instance = {
      instance_id: "code_developer#t1", run_id: "r1", task_id: "t1", attempt: 2, percent: null, message: "",
      waits_for_user: true, silent_seconds: 3, stress: { level: 2, causes: ["2 red gates"] },
    };
    const agent: AgentSnapshot = {
      agent_id: "code_developer", name: "Code", role: "developer", status: "active", current_task: "r1/t1",
      health_score: 8.5, tasks_completed_today: 0, instances: [instance], restarts: 1, response_seconds: 1, usd: 0, tokens: 0,
    };
    expect(agentRow(agent, "Mend it")).toMatchObject({ description: "developer · asks you · strained · health 8.5", icon: "question" });
    expect(agentRow(agent, "Mend it").tooltip).toContain("health 8.5 of 10\n1 restart\nstrained: 2 red gates");
  });

  it.each<[Partial<Quality>, string]>([
    [{}, "nothing could be measured"],
    [{ changedCoverage: 75, changedLines: 4, coveredLines: 3, tests: 1, newTests: 1 }, "tests execute 3 of 4 changed lines · 1 test, 1 new"],
    [{ complexity: 9, complexityBefore: 7, lintErrors: 0, lintErrorsBefore: 0, rounds: 1 }, "complexity 7 → 9 · lint errors 0 · 1 repair round"],
  ])("figures of a run %#", (measured, description) => {
    const nothing: Quality = {
      coverage: null, changedCoverage: null, changedLines: null, coveredLines: null, lintErrors: null, lintErrorsBefore: null,
      complexity: null, complexityBefore: null, worst: "", tests: null, newTests: null, rounds: 0, notes: [], measuredBy: "nexus",
    };
    expect(qualityRow({ ...nothing, ...measured }).description).toBe(description);
  });

  it.each([[9.6, "10 s"], [65, "1 min 05 s"], [3720, "1 h 02 min"]])("%d seconds are %s", (seconds, told) => {
    expect(duration(seconds)).toBe(told);
  });

  it("a question says who asks, and why", () => {
    const ask: Ask = { askId: "a1", kind: "question", question: "Raise or clamp?", options: ["raise"], default: "", expires: null, taskId: "t1", agentId: "c", why: "Callers differ." };
    expect(askRow(ask, "Code")).toMatchObject({ label: "Code asks: Raise or clamp?", tooltip: "Code asks: Raise or clamp?\nWhy: Callers differ.\nAnswers: raise" });
    expect(askRow({ ...ask, kind: "plan", agentId: "" }, "Code")).toMatchObject({ label: "Raise or clamp?", description: "look at the plan", icon: "list-tree" });
    expect(askRow({ ...ask, kind: "permission", question: "May I run `ls`?" }, "Code")).toMatchObject({ label: "Code asks: May I run `ls`?", icon: "shield", description: "answer" });
  });

  const busy = { current_task: "r1/t1", instances: [{}, {}] } as AgentSnapshot;
  const asking = { current_task: "r1/t1", instances: [{}, { waits_for_user: true }] } as AgentSnapshot;
  it.each<[RunSummary[], AgentSnapshot[], number, string, string]>([
    [[], [], 0, "$(type-hierarchy) NEXUS", "NEXUS: nothing at work, nothing waits"],
    [[run(), run({ status: "completed" })], [], 0, "$(loading~spin) NEXUS: 1 running", "NEXUS: 1 running"],
    [[run({ changesPending: 3 })], [busy], 0, "$(loading~spin) NEXUS: 2 agents at work, 3 to review", "NEXUS: 2 agents at work, 3 to review"],
    [[run()], [busy], 1, "$(question) NEXUS: 1 question, 2 agents at work", "NEXUS: 1 question, 2 agents at work"],
    [[run()], [asking], 1, "$(question) NEXUS: 1 question, 1 agent at work", "NEXUS: 1 question, 1 agent at work"],
    [[run()], [], 1, "$(question) NEXUS: 1 question", "NEXUS: 1 question"],
    [[run({ status: "paused" })], [], 1, "$(question) NEXUS: 1 question", "NEXUS: 1 question"],
    [[run({ status: "paused" })], [], 0, "$(type-hierarchy) NEXUS: 1 paused", "NEXUS: 1 paused"],
  ])("the status bar %#", (runs, agents, asks, text, spoken) => {
    expect(status(runs, agents, asks)).toEqual({ text, spoken, asks: asks > 0 });
  });
});

describe("walking", () => {
  const a5 = change({ id: "a5", line: 5 });
  const a9 = change({ id: "a9", line: 9 });
  const b1 = change({ id: "b1", line: 1, uri: "file:///w/b.py" });
  const all = [b1, a9, a5];

  it.each([
    [undefined, 1, "a5"],
    [{ uri: "file:///w/a.py", line: 0 }, 1, "a5"],
    [{ uri: "file:///w/a.py", line: 5 }, 1, "a9"],
    [{ uri: "file:///w/a.py", line: 9 }, 1, "b1"],
    [{ uri: "file:///w/b.py", line: 1 }, 1, "a5"],
    [{ uri: "file:///w/a.py", line: 5 }, -1, "b1"],
    [{ uri: "file:///w/b.py", line: 1 }, -1, "a9"],
    [{ uri: "file:///w/z.py", line: 3 }, -1, "b1"],
  ] as const)("from %o by %i is %s", (from, step, id) => {
    expect(neighbour(all, from, step)?.id).toBe(id);
  });

  it("nothing to walk to", () => expect(neighbour([], undefined, 1)).toBeUndefined());

  it.each([
    [insertion(0), 0],
    [insertion(3), 2],
    [change({ line: 3 }), 3],
  ])("a change shows on its line, an insertion on the line before %#", (given, line) => {
    expect(shownLine(given)).toBe(line);
  });
});

describe("text", () => {
  it("splices in any order, and leaves out what overlaps", () => {
    const text = "one\ntwo\nthree\n";
    expect(spliced(text, [{ start: 8, end: 14, after: "3\n" }, { start: 0, end: 4, after: "1\n" }])).toBe("1\ntwo\n3\n");
    expect(spliced(text, [{ start: 0, end: 8, after: "x\n" }, { start: 4, end: 8, after: "y\n" }])).toBe("x\nthree\n");
    expect(spliced(text, [{ start: 4, end: 4, after: "and\n" }])).toBe("one\nand\ntwo\nthree\n");
    expect(spliced(text, [])).toBe(text);
  });

  it("a change without a place in the current text has the one it was made for", () => {
    const { range: _, ...bare } = change();
    const lines = (line: number, n: number) => ({ start: { line, character: 0 }, end: { line: line + n, character: 0 } });
    expect(placed({ ...bare, line: 7 }, undefined).range).toEqual(lines(7, 1));
    expect(placed({ ...bare, line: 7 }, lines(9, 1)).range).toEqual(lines(9, 1));
    expect(placed({ ...bare, kind: "create", line: 0 }, undefined).range).toEqual(lines(0, 0));
  });
});

describe("all changes side by side", () => {
  it("shows edits, new, deleted and renamed files, each once, and nothing that is no text", () => {
    const file = (uri: string, kind: "text" | "new" | "gone" | "other", oldUri: string | null = null) =>
      ({ uri, kind, oldUri, previewUri: kind === "gone" || kind === "other" ? null : `p:${uri}` }) as const;
    const files = [file("m", "new", "d"), file("d", "gone"), file("c", "gone"), file("b", "new"), file("a", "text"), file("z", "other")];
    expect(sides(files)).toEqual([
      ["a", "a", "p:a"],
      ["b", undefined, "p:b"],
      ["c", "c", undefined],
      ["m", "d", "p:m"],
    ]);
  });
});
