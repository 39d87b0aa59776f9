import { describe, expect, it } from "vitest";
import type { Plan, PlanTask } from "../lspExt";
import { assigned, moved, removed, withOneMore } from "./edits";
import { parsePlan, planText } from "./text";

const AGENTS = [{ id: "code_developer", name: "Code" }, { id: "alpha_test_creator", name: "Alpha" }];

const task = (over: Partial<PlanTask> = {}): PlanTask => ({
  id: "fix", title: "Mend add()", agent: "code_developer", type: "implementation",
  description: "Only add().", depends_on: [], writes: ["a.py"], acceptance: ["add(2, 3) is 5"], ...over,
});
const TEST = task({ id: "test", title: "Test it", agent: "alpha_test_creator", type: "test", description: "", depends_on: ["fix"], writes: [], acceptance: [] });
const PLAN: Plan = { summary: "Code mends it.", tasks: [task(), TEST] };
const TEXT = `# Mend add()

Code mends it.

## Mend add() \`fix\`
agent: Code
type: implementation
after:
writes: a.py

Only add().

Done when:
- add(2, 3) is 5

## Test it \`test\`
agent: Alpha
type: test
after: fix
writes:
`;

describe("a plan's text", () => {
  it("reads as a form", () => expect(planText(PLAN, "Mend\nadd()", AGENTS)).toBe(TEXT));

  it.each<[string, Plan]>([
    ["plain", PLAN],
    ["no summary", { ...PLAN, summary: "" }],
    ["a description that looks like the form", { ...PLAN, tasks: [task({ description: "## A heading\nDone when:\n\\# escaped\n\nagent: Alpha\n\n- an item" })] }],
    ["a title with code", { ...PLAN, tasks: [task({ title: "Mend `add`" })] }],
    ["somebody nobody knows", { ...PLAN, tasks: [task({ agent: "gone" })] }],
  ])("comes back as it was: %s", (_, plan) => {
    expect(parsePlan(planText(plan, "Mend add()", AGENTS), AGENTS).plan).toEqual(plan);
  });

  it("takes names in any case, ids in backticks, Windows' line ends, and items over several lines", () => {
    const text = "## Test\r\nAgent: ALPHA\r\ntype: Test\r\nafter: `fix`\r\n\r\nDone when:\r\n* one\r\n  goes on\r\n\r\n## Mend `fix`\r\nagent: code_developer\r\n";
    const { plan, problems } = parsePlan(text, AGENTS);
    expect(problems).toEqual([]);
    expect(plan.tasks[0]).toMatchObject({ id: "test", agent: "alpha_test_creator", type: "test", depends_on: ["fix"], acceptance: ["one goes on"] });
  });

  it("gives tasks without an id one of their own", () => {
    const { plan } = parsePlan("## Add Docs!\nagent: Code\n\n## Add docs\nagent: Code\n\n## ÄÖ\nagent: Code\n", AGENTS);
    expect(plan.tasks.map(({ id }) => id)).toEqual(["add-docs", "add-docs-2", "task"]);
  });
});

describe("what is wrong is said where it stands", () => {
  const replaced = (from: string, to: string): string => TEXT.replace(from, to);

  it.each<[string, string, string, string]>([
    ["agent: Code", "agent: Cod", "Cod", "Nobody is called “Cod”. Use one of: Code, Alpha."],
    ["agent: Code\n", "", "## Mend add() `fix`", "Nobody does this task. Write “agent:” and one of: Code, Alpha."],
    ["type: test", "type: tests", "tests", "“tests” is not a type of task. Use one of: analysis, implementation, test, validation."],
    ["after: fix", "after: fix, mend", "mend", "There is no task “mend”. Use one of: fix."],
    ["after: fix", "after: test", "test", "A task cannot wait for itself."],
    ["after:\n", "after: test\n", "test", "These tasks wait for each other: fix → test → fix. Take one link out."],
    ["writes: a.py", "writes: a.py, ../b.py", "../b.py", "“../b.py” leaves the workspace. Use a path relative to it."],
    ["`test`", "`fix`", "fix", "Two tasks are called “fix”. Give each an id of its own."],
    ["`test`", "`te st`", "te st", "“te st” is not an id. Use letters, digits, _ . and -."],
    ["Test it `test`", "`test`", "## `test`", "This task has no title. Say in a few words what is done."],
    ["writes: a.py", "write: a.py", "write", "“write” is not a field of a task. Use agent, type, after, writes; or leave a blank line before the description."],
    [TEXT, "# Mend add()\n", "# Mend add()", "The plan has no task. A task begins with a line “## What is to be done”."],
  ])("%s → %s", (from, to, at, message) => {
    const text = replaced(from, to);
    const found = parsePlan(text, AGENTS).problems.find((problem) => problem.message === message);
    expect(found, JSON.stringify(parsePlan(text, AGENTS).problems)).toBeDefined();
    expect(text.split("\n")[found?.line ?? -1]?.slice(found?.start, found?.end)).toBe(at);
  });

  it("names what would be right", () => {
    expect(parsePlan(replaced("agent: Code", "agent: x"), AGENTS).problems[0]?.instead).toEqual(["Code", "Alpha"]);
    expect(parsePlan(replaced("after: fix", "after: x"), AGENTS).problems[0]?.instead).toEqual(["fix"]);
  });

  it("finds no fault with forty tasks, and one with more", () => {
    const many = (n: number): string => Array.from({ length: n }, (_, at) => `## T${at}\nagent: Code\n`).join("\n");
    expect(parsePlan(many(40), AGENTS).problems).toEqual([]);
    expect(parsePlan(many(41), AGENTS).problems.map(({ message }) => message)).toEqual(["41 tasks are too many. Leave at most 40."]);
  });
});

describe("the buttons over a task", () => {
  const ids = (text: string): string[] => parsePlan(text, AGENTS).plan.tasks.map(({ id }) => id);
  const parsed = parsePlan(TEXT, AGENTS);

  it("move it", () => {
    expect(ids(moved(TEXT, parsed, 1, -1))).toEqual(["test", "fix"]);
    expect(ids(moved(TEXT, parsed, 0, 1))).toEqual(["test", "fix"]);
    expect(parsePlan(moved(TEXT, parsed, 0, 1), AGENTS).plan.tasks.toReversed()).toEqual(PLAN.tasks);
    expect(moved(TEXT, parsed, 0, -1)).toBe(TEXT);
    expect(moved(TEXT, parsed, 1, 1)).toBe(TEXT);
  });

  it("remove it, and nothing waits for it any more", () => {
    const left = parsePlan(removed(TEXT, parsed, 0), AGENTS);
    expect(left.plan.tasks).toEqual([{ ...TEST, depends_on: [] }]);
    expect(left.problems).toEqual([]);
  });

  it("give it to somebody else, also where nobody had it", () => {
    expect(parsePlan(assigned(TEXT, parsed, 0, "Alpha"), AGENTS).plan.tasks[0]?.agent).toBe("alpha_test_creator");
    const bare = "## Do it\n";
    expect(assigned(bare, parsePlan(bare, AGENTS), 0, "Code")).toBe("## Do it\nagent: Code\n");
  });

  it("add one that is valid as it stands", () => {
    const { plan, problems } = parsePlan(withOneMore(TEXT, parsed, AGENTS), AGENTS);
    expect(problems).toEqual([]);
    expect(plan.tasks.at(-1)).toMatchObject({ title: "What is to be done", agent: "alpha_test_creator", depends_on: ["test"] });
  });
});
