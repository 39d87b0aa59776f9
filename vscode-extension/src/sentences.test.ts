import { describe, expect, it } from "vitest";
import type { Ask } from "./lspExt";
import { asked, became, buttons, problemRequest } from "./sentences";

const ask = (over: Partial<Ask> = {}): Ask => ({
  askId: "a1", kind: "question", question: "Raise or\nclamp?", options: ["raise", "clamp"], default: "", expires: null,
  taskId: "t1", agentId: "code_developer", why: "", ...over,
});
const at = (): string => "10:30";

describe("a question", () => {
  it.each<[Ask, string]>([
    [ask(), "Code asks: Raise or clamp?"],
    [ask({ why: "Callers differ." }), "Code asks: Raise or clamp? Why: Callers differ."],
    [ask({ expires: 1, default: "raise" }), "Code asks: Raise or clamp? Without an answer by 10:30: raise."],
    [ask({ expires: 1, default: "(no answer)" }), "Code asks: Raise or clamp? Waits until 10:30."],
    [ask({ kind: "budget", agentId: "", question: "Spent: 1 dollar. Go on?" }), "Spent: 1 dollar. Go on?"],
    [ask({ kind: "permission", question: "May I run `curl x`?", why: "Look it up. `curl` reaches the network.", options: ["Allow once", "Allow for this run", "Deny"], default: "Deny", expires: 1 }), "Code asks: May I run `curl x`? Why: Look it up. `curl` reaches the network. Without an answer by 10:30: Deny."],
    [ask({ question: "Look [here](command:workbench.action.quit)?" }), "Code asks: Look [here] (command:workbench.action.quit)?"],
  ])("says who asks, why, and what happens without an answer %#", (given, text) => expect(asked(given, "Code", at)).toBe(text));

  it.each<[Ask, string[]]>([
    [ask(), ["raise", "clamp", "In my own words…"]],
    [ask({ options: ["a", "b", "c"] }), ["Answer…"]],
    [ask({ kind: "head_moved", options: ["Here", "Wait", "Stop"] }), ["Here", "Wait", "Stop"]],
    [ask({ kind: "permission", options: ["Allow once", "Allow for this run", "Deny"] }), ["Allow once", "Allow for this run", "Deny"]],
    [ask({ kind: "plan", options: ["Approve", "Reject"] }), ["Look at the plan", "Approve", "Reject"]],
  ])("has buttons that fit %#", (given, expected) => expect(buttons(given)).toEqual(expected));
});

const permission = (command: string): Ask =>
  ask({ kind: "permission", question: `May I run \`${command}\`?`, why: "`curl` reaches the network.", options: ["Allow once", "Allow for this run", "Deny"], default: "Deny" });

describe("a question that a notification would cut off", () => {
  it.each([
    [600, ["Allow once", "Allow for this run", "Deny"], "Code asks: May I run `curl x"],
    [1500, ["Read it and answer…"], "Code asks: a question of 1518 characters, too long to be shown here."],
  ])("is read before it is allowed: %i", (length, offered, text) => {
    const given = permission(`curl ${"x".repeat(length)}`);
    expect(buttons(given)).toEqual(offered);
    expect(asked(given, "Code", at)).toContain(text);
    expect(asked(given, "Code", at).length).toBeLessThan(1000);
  });
});

describe("a question that is over", () => {
  it.each<[string, Parameters<typeof became>[0], string, string]>([
    ["answered elsewhere", { answer: "Deny", by: "user" }, "", "NEXUS: this was answered already: Deny."],
    ["allowed with another's", { answer: "Allow for this run", by: "engine" }, "", "NEXUS: this was answered already: Allow for this run."],
    ["not answered in time", { answer: "Deny", by: "timeout" }, "", "NEXUS: nobody answered this in time, so it counts as: Deny."],
    ["of a cancelled run", { answer: "Deny", by: "engine" }, "cancelled", "NEXUS: nobody waits for this answer any more: the run is cancelled."],
    ["of an agent that began anew", { answer: "Deny", by: "engine" }, "", "NEXUS: nobody waits for this answer any more."],
    ["of a run that is not known", undefined, "", "NEXUS: nobody waits for this answer any more."],
  ])("%s", (_, answered, over, text) => expect(became(answered, permission("curl x"), over)).toBe(text));
});

describe("a problem is asked for in words", () => {
  const problem = (line: number, message: string, over: object = {}) => ({
    message, range: { start: { line, character: 4 }, end: { line, character: 9 } }, ...over,
  });

  it("with its line, its text and whose it is", () => {
    const given = [problem(4, "`os` imported but\nunused", { source: "Ruff", code: { value: "F401" } })];
    expect(problemRequest("shop/a.py", given, "file:///w/shop/a.py")).toEqual({
      request: "Fix this problem in shop/a.py, line 5: `os` imported but unused (Ruff F401)",
      uris: ["file:///w/shop/a.py"],
      range: { start: { line: 4, character: 0 }, end: { line: 5, character: 0 } },
    });
  });

  it("and several together", () => {
    const { request, range } = problemRequest("a.py", [problem(9, "too long"), problem(2, "no name", { code: 7 })], "file:///a.py");
    expect(request).toBe("Fix these problems in a.py:\n- line 10: too long\n- line 3: no name (7)");
    expect(range).toEqual({ start: { line: 2, character: 0 }, end: { line: 10, character: 0 } });
  });
});
