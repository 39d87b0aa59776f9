import { describe, expect, it } from "vitest";
import type { NexusEvent } from "../lspExt";
import { add, type Subject, transcript } from "./text";

const WORDS = {
  agentName: (id: string) => ({ code_developer: "Code", alpha_test_creator: "Alpha" })[id] ?? id,
  taskTitle: (id: string) => ({ fix: "Mend add()", test: "Test it" })[id] ?? id,
  path: (uri: string) => uri.replace("file:///w/", ""),
  time: (at: number) => `12:00:0${at}`,
};

let seq = 0;
const event = (type: NexusEvent["type"], fields: object): NexusEvent => ({ seq: ++seq, at: seq % 10, runId: "r1", type, ...fields }) as NexusEvent;
const CODE = { taskId: "fix", agentId: "code_developer" };
const ALPHA = { taskId: "test", agentId: "alpha_test_creator" };
const message = (from: string, text: string): object => ({ message: { from: { agent_id: from.split("#")[0], instance_id: from }, payload: { text } } });

seq = 0;
const EVENTS: NexusEvent[] = [
  event("run_started", { request: "Mend\nadd()" }),
  event("task_started", { ...CODE, attempt: 1 }),
  event("task_started", { ...ALPHA, attempt: 2 }),
  event("task_progress", { ...CODE, message: "edits a.py" }),
  event("message_sent", { ...message("code_developer#fix", "add() takes ints.\nOnly those."), recipients: ["alpha_test_creator#test"] }),
  event("change_proposed", { change: { id: "c1", uri: "file:///w/a.py", kind: "edit", before: "a - b\n", after: "a + b\n", why: "It subtracted.", taskIds: ["fix"], agentIds: ["code_developer"] } }),
  event("gate_failed", { gate: "tests", taskId: "test", output: "1 failed" }),
  event("base_moved", {}),
  event("run_ready", { summary: "" }),
];

describe("a transcript", () => {
  const read = (subject: Subject): string => transcript(EVENTS, subject, WORDS);

  it("of a run has everything, what belongs to a line below it", () => {
    expect(read({})).toMatchInlineSnapshot(`
      "12:00:01  You asked: Mend add()
      12:00:02  Code starts “Mend add()”
      12:00:03  Alpha starts “Test it”, attempt 2
      12:00:04  Code: edits a.py
      12:00:05  Code to Alpha:
                add() takes ints.
                Only those.
      12:00:06  Proposes a.py (−1 +1): It subtracted.
                - a - b
                + a + b
      12:00:07  Gate tests failed on “Test it”
                1 failed
      12:00:09  Ready for review
      "
    `);
  });

  it.each<[Subject, string[]]>([
    [{ agentId: "code_developer" }, ["You", "Code starts", "Code: edits", "Code to Alpha", "Proposes a.py", "Ready"]],
    [{ agentId: "alpha_test_creator" }, ["You", "Alpha starts", "Code to Alpha", "Gate tests", "Ready"]],
    [{ taskId: "test" }, ["You", "Alpha starts", "Code to Alpha", "Gate tests", "Ready"]],
    [{ agentId: "nobody" }, ["You", "Ready"]],
  ])("of %o has what concerns it", (subject, begins) => {
    const lines = read(subject).split("\n").filter((line) => /^\d/.test(line)).map((line) => line.slice(10));
    expect(lines.map((line, at) => line.slice(0, begins[at]?.length))).toEqual(begins);
  });

  it("of an agent has the answers to its questions, and no message without words", () => {
    const asked = { askId: "a1", kind: "question", question: "Keep it?", why: "", options: [] };
    const story = [
      event("task_started", { ...CODE, attempt: 1 }),
      event("ask_opened", { ...asked, ...CODE }),
      event("ask_answered", { askId: "a1", answer: "Yes" }),
      event("ask_answered", { askId: "other", answer: "No" }),
      event("message_sent", { message: { from: { agent_id: "code_developer" }, payload: { task_result: {} } }, recipients: ["nexus_prime"] }),
    ];
    const lines = transcript(story, { agentId: "code_developer" }, WORDS).trimEnd().split("\n").map((line) => line.slice(10));
    expect(lines).toEqual(["Code starts “Mend add()”", "Code asks you: Keep it?", "Answer: Yes"]);
  });

  it("of nothing is empty", () => expect(transcript([], {}, WORDS)).toBe(""));

  it("cuts what would drown the rest", () => {
    const long = event("gate_failed", { gate: "tests", taskId: "fix", output: Array.from({ length: 60 }, (_, n) => `line ${n}`).join("\n") });
    const lines = transcript([long], {}, WORDS).trimEnd().split("\n");
    expect(lines).toHaveLength(42);
    expect(lines.at(-1)?.trim()).toBe("… 20 more lines");
  });
});

describe("a history", () => {
  it.each([
    [[1, 2], [3], [1, 2, 3]],
    [[1, 3], [2], [1, 2, 3]],
    [[5], [1, 2, 5], [1, 2, 5]],
    [[], [2, 2], [2]],
  ])("of %o with %o is %o: whatever comes twice or late", (have, more, all) => {
    const made = (each: number): NexusEvent => ({ seq: each }) as NexusEvent;
    const events = have.map(made);
    add(events, more.map(made));
    expect(events.map((each) => each.seq)).toEqual(all);
  });
});
