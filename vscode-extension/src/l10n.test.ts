/** Every text a user reads is in English and German, and none is outside `t`. */
import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { counted, speak, t } from "./words";

const read = (path: string): Record<string, string> => JSON.parse(readFileSync(path, "utf8")) as Record<string, string>;
const manifest = readFileSync("package.json", "utf8");
const german = read("l10n/bundle.l10n.de.json");
const sources = globSync("src/**/*.ts").filter((path) => !path.endsWith(".test.ts")).map((path) => ({ path, code: readFileSync(path, "utf8").replace(/^\s*(?:\*|\/\*\*|\/\/).*$/gm, "") }));

/** What the wire says, shown by `word` and by `t` of a role or a type of message. */
const WIRE = "pending in_progress completed failed cancelled accepted rejected outdated passed not_measured warning awaiting_approval paused ready analysis implementation test validation coordinator developer test_creator test_validator orchestrator task_assignment question answer information handoff feedback alert status_update response".split(" ").map((id) => id.replaceAll("_", " "));

const literal = (text: string): string => JSON.parse(`"${text.replaceAll("\\`", "`")}"`) as string;
const STRING = '"((?:[^"\\\\]|\\\\.)*)"';

/** Texts given to `t`, to `counted`, and the nouns given to `count`. */
function texts(code: string): string[] {
  const given = [...code.matchAll(new RegExp(`\\bt\\(\\s*${STRING}`, "g"))].map(([, text = ""]) => literal(text));
  // `t(n === 1 ? "…" : "…")` and its like: both sides.
  const either = [...code.matchAll(new RegExp(`\\bt\\([^"()]*\\? ${STRING} : ${STRING}`, "g"))].flatMap(([, one = "", other = ""]) => [literal(one), literal(other)]);
  const numbers = [...code.matchAll(new RegExp(`\\bcounted\\([^"\\x60;]*?${STRING}, ${STRING}`, "g"))].flatMap(([, one = "", many = ""]) => [literal(one), literal(many)]);
  const nouns = [...code.matchAll(new RegExp(`\\bcount\\((?:[^"()]|\\([^"()]*\\))*, ${STRING}(?:, ${STRING})?\\)`, "g"))].flatMap(([, one = "", many]) => [`{0} ${literal(one)}`, `{0} ${literal(many ?? `${one}s`)}`]);
  return [...given, ...either, ...numbers, ...nouns];
}

const used = new Set([...WIRE, ...sources.flatMap(({ code }) => texts(code))]);
const holes = (text: string): string[] => [...new Set(text.match(/\{\d+\}/g) ?? [])].sort();

describe("German", () => {
  it("has every text of the extension", () => expect([...used].filter((text) => !(text in german)).sort()).toEqual([]));
  it("has no text that is not there any more", () => expect(Object.keys(german).filter((text) => !used.has(text))).toEqual([]));
  it("leaves no value out", () => expect(Object.entries(german).filter(([text, other]) => String(holes(text)) !== String(holes(other)))).toEqual([]));
  it("is spoken", () => {
    speak(german);
    expect([t("Reject"), counted(1, "{0} change", "{0} changes"), counted(3, "{0} change", "{0} changes")]).toEqual(["Ablehnen", "1 Änderung", "3 Änderungen"]);
    speak(undefined);
    expect(t("Reject")).toBe("Reject");
  });
});

describe("the manifest", () => {
  const [english, other] = [read("package.nls.json"), read("package.nls.de.json")];
  const keys = new Set([...manifest.matchAll(/"%([^%"]+)%"/g)].map(([, key = ""]) => key));
  it("has each key in both languages, and both only its keys", () => expect([Object.keys(english).sort(), Object.keys(other).sort()]).toEqual([[...keys].sort(), [...keys].sort()]));
  it("links to the same commands in both", () => {
    const links = (text: string): string => (text.match(/\(command:[\w.]+\)/g) ?? []).join();
    expect(Object.keys(english).filter((key) => links(english[key] ?? "") !== links(other[key] ?? ""))).toEqual([]);
  });
  it("has no text outside them", () => {
    const fields = [...manifest.matchAll(/"(title|shortTitle|description|markdownDescription|contents|displayName|userDescription|altText)":\s*"([^"%][^"]*)"/g)].filter(([, field, text]) => text !== "NEXUS" && !(field === "description" && /^(?:The user wants|What the team is|Paths, relative)/.test(text ?? "")));
    expect(fields.map(([all]) => all)).toEqual([]);
  });
});

describe("no text is outside t", () => {
  /** Where words are meant for a machine, a log or an agent. */
  const MACHINE = /\blog\.\w+\(|^import|new Error\("|super\(|MACHINE/;
  /** What the agent or the planner reads, the plan's own syntax, and what goes to the log. */
  const NOT_FOR_USERS = new Set(["src/sample.ts", "src/server.ts", "src/lspExt.ts", "src/plan/edits.ts", "src/dashboard/feed.ts"]);

  it.each(sources.filter(({ path }) => !NOT_FOR_USERS.has(path.replaceAll("\\", "/"))))("$path", ({ code }) => {
    const found = code.split("\n").flatMap((line) => {
      if (MACHINE.test(line)) return [];
      const calls = /\b(?:showInformationMessage|showWarningMessage|showErrorMessage|setStatusBarMessage|say|complain)\(\s*["`]/;
      const fields = /\b(?:title|prompt|placeHolder|label|detail|tooltip|message|description):\s*["`][^"`$]*[A-Za-z]{3}/;
      // A name that is the same everywhere, and values that are put together without a word of ours.
      const shown = line.replace(/label: "(?:Anthropic|OpenAI)"/g, "").replace(/`NEXUS: \$\{[^`]*\}`/g, "");
      return calls.test(shown) || fields.test(shown) ? [line.trim()] : [];
    });
    expect(found).toEqual([]);
  });
});
