/** Sentences of more than one part: what a question says, and what is asked for a problem. */
import type { Range } from "vscode-languageserver-protocol";
import type { Ask, DelegateParams } from "./lspExt";
import { oneLine } from "./view";
import { askText } from "./serverWords";
import { t } from "./words";

/** More buttons than this wrap in a notification; then a list is opened instead. */
const MOST_BUTTONS = 3;
export const OWN_WORDS = t("In my own words…");
export const SHOW_PLAN = t("Look at the plan");
export const CHOOSE = t("Answer…");

/** The question in a sentence: who asks, what, why, and what happens without an answer. */
export function asked(ask: Ask, agentName: string, time: (at: number) => string): string {
  const who = ask.agentId ? t("{0} asks: ", agentName) : "";
  const why = ask.why ? t(" Why: {0}", oneLine(askText(ask.why))) : "";
  const until = ask.expires ? (ask.options.includes(ask.default) ? t(" Without an answer by {0}: {1}.", time(ask.expires), askText(ask.default)) : t(" Waits until {0}.", time(ask.expires))) : "";
  return unlinked(`${who}${oneLine(askText(ask.question))}${why}${until}`);
}

/** A notification makes a link of `[words](command:…)`, and an agent writes parts of these texts. */
const unlinked = (text: string): string => text.replaceAll("](", "] (");

/** The buttons under it. */
export function buttons(ask: Ask): string[] {
  if (ask.kind === "plan") return [SHOW_PLAN, ...ask.options];
  const own = ask.kind === "question" ? [OWN_WORDS] : [];
  return ask.options.length + own.length > MOST_BUTTONS ? [CHOOSE] : [...ask.options, ...own];
}

/** The parts of an editor's diagnostic that are told. */
interface Problem {
  message: string;
  range: Range;
  source?: string | undefined;
  code?: string | number | { value: string | number } | undefined;
}

export function problemRequest(path: string, problems: readonly Problem[], uri: string): DelegateParams {
  const lines = problems.map((problem) => `line ${problem.range.start.line + 1}: ${told(problem)}`);
  const start = Math.min(...problems.map(({ range }) => range.start.line));
  const end = Math.max(...problems.map(({ range }) => range.end.line)) + 1;
  const request = lines.length === 1 ? `Fix this problem in ${path}, ${lines[0]}` : `Fix these problems in ${path}:\n${lines.map((line) => `- ${line}`).join("\n")}`;
  return { request, uris: [uri], range: { start: { line: start, character: 0 }, end: { line: end, character: 0 } } };
}

function told({ message, source, code }: Problem): string {
  const id = typeof code === "object" ? code.value : code;
  const by = [source, id].filter((part) => part !== undefined && part !== "").join(" ");
  return `${oneLine(message)}${by ? ` (${by})` : ""}`;
}
