import { describe, expect, it } from "vitest";
import { gathered, grouped, groupRow, memoryDetails, memoryRow } from "./groups";
import type { ChangeGroup, MemoryItem } from "./lspExt";
import type { Placed } from "./view";

const change = (id: string, uri: string, status: Placed["status"] = "pending", line = 0): Placed => ({
  id, runId: "r1", taskId: "t1", agentId: "c", uri: `file:///w/${uri}`, kind: "edit", status,
  range: { start: { line, character: 0 }, end: { line: line + 1, character: 0 } }, before: "a\n", after: "b\n", why: "",
});
const group = (id: string, changeIds: string[], over: Partial<ChangeGroup> = {}): ChangeGroup =>
  ({ id, runId: "r1", summary: `${id}: what it does`, risk: "code", riskWhy: "", changeIds, ...over }) as ChangeGroup;
const path = (uri: string): string => uri.replace("file:///w/", "");
const shown = (changes: Placed[], groups: ChangeGroup[]): [string, string[]][] =>
  grouped(changes, groups, path).map(({ summary, changes: own }) => [summary, own.map(({ id }) => id)]);

describe("changes in groups", () => {
  it("stand in the server's order, each group by file and line", () => {
    const changes = [change("b9", "b.py", "pending", 9), change("a2", "a.py", "pending", 2), change("b1", "b.py", "pending", 1)];
    expect(shown(changes, [group("g2", ["b9", "a2"]), group("g1", ["b1"])])).toEqual([["g2: what it does", ["a2", "b9"]], ["g1: what it does", ["b1"]]]);
  });

  it("what is in no group stands by file, and what was replaced nowhere", () => {
    const changes = [change("a1", "a.py"), change("b1", "b.py"), change("b2", "b.py", "outdated", 2), change("b3", "b.py", "pending", 3)];
    expect(shown(changes, [group("g1", ["a1", "gone"])])).toEqual([["g1: what it does", ["a1"]], ["b.py", ["b1", "b3"]]]);
  });

  it("those in which nothing waits come last", () => {
    expect(shown([change("a1", "a.py", "accepted"), change("b1", "b.py")], []).map(([name]) => name)).toEqual(["b.py", "a.py"]);
  });

  it("very many about one file, and as risky, stand together as that file", () => {
    const changes = Array.from({ length: 40 }, (_, n) => change(`c${n}`, n < 35 ? "a.py" : "b.py", n ? "pending" : "accepted", n));
    const groups = changes.map(({ id }, n) => group(`g${n}`, [id], n === 39 ? { risk: "security" } : {}));
    const rows = (n: number): [string, number][] =>
      gathered(grouped(changes.slice(0, n), groups, path), path).map(({ summary, changes: own }) => [summary.split(":")[0] ?? "", own.length]);
    expect(rows(40)).toEqual([["a.py", 34], ["b.py", 4], ["g39", 1], ["g0", 1]]);
    expect(rows(30)).toHaveLength(30);
  });

  it.each<[Placed[], ChangeGroup[], object]>([
    [[change("a1", "a.py"), change("a2", "a.py", "accepted", 1)], [group("g1", ["a1", "a2"])], { description: "1 to review · 1 accepted", context: "group pending", open: true, icon: "files" }],
    [[change("a1", "a.py")], [group("g1", ["a1"], { risk: "security", riskWhy: "It opens a socket." })], { description: "1 to review · security", icon: "warning", tooltip: "g1: what it does\nsecurity: It opens a socket.\n1 to review" }],
    [[change("a1", "a.py", "rejected")], [], { label: "a.py", description: "1 rejected", context: "group", open: false, icon: "pass" }],
  ])("a group's row %#", (changes, groups, row) => {
    const found = grouped(changes, groups, path)[0];
    expect(found && groupRow(found)).toMatchObject(row);
  });
});

describe("memory", () => {
  const item: MemoryItem = { id: "m1", agentId: "c", kind: "lesson", text: "Prices are cents.\nNever floats.", source: "user", at: 0, paths: ["shop/"], runId: "r1", taskId: "t1", why: ["shares “prices”"] };

  it("says what, whose, and how it was found", () => {
    expect(memoryRow(item, "Code", "yesterday")).toMatchObject({ label: "Prices are cents. Never floats.", description: "lesson · Code · yesterday", context: "memory" });
    expect(memoryDetails(item)).toEqual(["Never floats.", "from you", "about shop/", "shares “prices”"]);
  });
});
