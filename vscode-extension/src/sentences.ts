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
export const READ = t("Read it and answer…");

/** Characters after which a notification cuts a text off: nobody is to allow what they could not read. */
const MOST_SHOWN = 850;

/** The question in a sentence: who asks, what, why, and what happens without an answer. */
export function asked(ask: Ask, agentName: string, time: (at: number) => string): string {
  const who = ask.agentId ? t("{0} asks: ", agentName) : "";
  const until = ask.expires ? (ask.options.includes(ask.default) ? t(" Without an answer by {0}: {1}.", time(ask.expires), askText(ask.default)) : t(" Waits until {0}.", time(ask.expires))) : "";
  const what = isLong(ask) ? t("a question of {0} characters, too long to be shown here.", askText(ask.question).length) : wholeText(ask);
  return unlinked(`${who}${what}${until}`);
}

/** The question, and why it is put: all of it. */
export function wholeText(ask: Ask): string {
  return `${oneLine(askText(ask.question))}${ask.why ? t(" Why: {0}", oneLine(askText(ask.why))) : ""}`;
}

const isLong = (ask: Ask): boolean => ask.kind !== "plan" && ask.question.length + ask.why.length > MOST_SHOWN;

/** A notification makes a link of `[words](command:…)`, and an agent writes parts of these texts. */
const unlinked = (text: string): string => text.replaceAll("](", "] (");

/** The buttons under it. */
export function buttons(ask: Ask): string[] {
  if (ask.kind === "plan") return [SHOW_PLAN, ...ask.options];
  if (isLong(ask)) return [READ];
  const own = ask.kind === "question" ? [OWN_WORDS] : [];
  return ask.options.length + own.length > MOST_BUTTONS ? [CHOOSE] : [...ask.options, ...own];
}

/** How a question ended, as its event tells; `over`: the word for what became of its run, where that is over. */
export function became(answered: { answer: string; by: string } | undefined, ask: Ask, over: string): string {
  const { answer, by } = answered ?? { answer: ask.default, by: "engine" };
  if (by === "timeout") return t("NEXUS: nobody answered this in time, so it counts as: {0}.", askText(answer));
  // What NEXUS answers itself is either what the user said elsewhere, or what counts where nobody waits any more.
  if (by === "user" || answer !== ask.default) return t("NEXUS: this was answered already: {0}.", askText(answer));
  return over ? t("NEXUS: nobody waits for this answer any more: the run is {0}.", over) : t("NEXUS: nobody waits for this answer any more.");
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
