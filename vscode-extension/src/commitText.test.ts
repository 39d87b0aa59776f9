import { describe, expect, it } from "vitest";
import { choices, committedText } from "./commitText";
import type { CommitAnswer } from "./lspExt";

const answer = (over: Partial<CommitAnswer> = {}): CommitAnswer => ({
  commit: null, branch: "main", message: "Add", changeIds: ["a"], paths: ["a.py"], left: [], ...over,
});
const NO_FILE = "the file itself is not committed yet: commit it first, or commit it whole (--whole-files)";
const part = answer({ left: [{ id: "b", why: NO_FILE }] });
const whole = answer({ changeIds: ["a", "b"], paths: ["a.py", "b.py"] });

describe("a commit", () => {
  it.each([
    [answer(), "1 accepted change in 1 file."],
    [answer({ changeIds: ["a", "b"], left: [{ id: "c", why: "another reason" }] }), "2 accepted changes in 1 file. Left out: 1 change (another reason)."],
    [part, "1 accepted change in 1 file. Left out: 1 change (the file itself is not committed yet)."],
  ])("says what it holds and what it leaves out %#", (given, text) => expect(committedText(given)).toBe(text));

  const offered = (offer: Parameters<typeof choices>[0], asWhole: boolean): string[] => choices(offer, asWhole).buttons.map(({ label }) => label);

  it("is offered with and without a note", () => {
    expect(offered({ part: answer() }, false)).toEqual(["Commit to main", "Commit to main with a Note"]);
  });

  it("can be of whole files where some of it rests on the user's own edits, and back", () => {
    expect(offered({ part, whole }, false)).toEqual(["Commit to main", "Commit to main with a Note", "Whole Files…"]);
    expect(offered({ part, whole }, true)).toEqual(["Commit Whole Files to main", "Commit Whole Files to main with a Note", "Only What I Accepted…"]);
    expect(choices({ part, whole }, true).question).toContain("2 accepted changes in 2 files. Your own edits of these files go along: a.py, b.py.");
  });

  it("is of whole files alone where nothing can be committed by itself", () => {
    expect(offered({ whole }, true)).toEqual(["Commit Whole Files to main", "Commit Whole Files to main with a Note"]);
    expect(choices({ whole }, true).question).toContain("They rest on your own edits of these files, which go along: a.py, b.py.");
  });
});
