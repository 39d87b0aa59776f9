import { describe, expect, it } from "vitest";
import { isOver, planLines, progressLine, summaryText } from "./chatText";
import type { Change, NexusEvent, RunDetail } from "./lspExt";

const event = (type: string, more: object = {}): NexusEvent => ({ seq: 1, at: 0, runId: "r", type, ...more }) as unknown as NexusEvent;
const name = (id: string): string => ({ code_developer: "Code" })[id] ?? id;
const change = (uri: string, why: string, status = "pending"): Change => ({ uri, why, status }) as Change;
const run = (over: Partial<RunDetail>): RunDetail => ({ runId: "r", status: "ready", changes: [], gates: [], ...over }) as RunDetail;

describe("a chat hears", () => {
  it.each([
    [event("task_started", { agentId: "code_developer", attempt: 1 }), "Code begins"],
    [event("task_started", { agentId: "code_developer", attempt: 2 }), "Code: attempt 2"],
    [event("task_progress", { agentId: "code_developer", message: "reading a.py" }), "Code: reading a.py"],
    [event("gate_failed", { gate: "tests" }), "The gate “tests” failed; it goes back to its agent."],
    [event("message_delivered"), undefined],
  ])("%#", (given, expected) => expect(progressLine(given, name)).toBe(expected));

  it("the plan as a list, with nothing in it that Markdown would carry out", () => {
    const plan = { summary: "Two steps.", tasks: [{ title: "Fix [it](command:evil)", agent: "code_developer" }] };
    expect(planLines(event("plan_proposed", { plan }), name)).toBe("Two steps.\n\n- Fix \\[it\\](command:evil) — *Code*\n\n");
  });

  it.each([["run_ready", true], ["run_failed", true], ["run_cancelled", true], ["task_completed", false], ["run_paused", false]])("%s ends it: %s", (type, over) => expect(isOver(event(type))).toBe(over));
});

describe("at the end", () => {
  it.each([
    ["changes, by file", run({ changes: [change("a.py", "Adds."), change("a.py", "Adds."), change("b.py", "Tests."), change("c.py", "Old.", "accepted")] }), "**3 changes in 2 files** wait for you. Nothing is in your files yet.\n\n- `a.py`: Adds.\n- `b.py`: Tests."],
    ["reasons that are no sentences", run({ changes: [change("a.py", "unused (F401)"), change("a.py", "no placeholders (F541)")] }), "**2 changes in 1 file** wait for you. Nothing is in your files yet.\n\n- `a.py`: unused (F401); no placeholders (F541)"],
    ["nothing to do", run({ status: "completed" }), "**Done; there is nothing to change.**"],
    ["a failure and its reason", run({ status: "failed", reason: "No key." }), "**The team could not do it.** No key."],
    ["only what was measured, as it was last", run({ status: "completed", gates: [{ gate: "tests", status: "failed" }, { gate: "tests", status: "passed" }, { gate: "lint", status: "not_measured" }, { gate: "old", status: "failed", baseline: true }] as never }), "**Done; there is nothing to change.**\n\nMeasured by NEXUS: tests passed, lint not measured."],
  ])("%s", (_, given, expected) => expect(summaryText(given, (uri) => uri)).toBe(expected));
});
