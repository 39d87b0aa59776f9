/** What the server writes over lenses and in the light bulb, in the user's language: its own words alone, no agent's. */
import { t } from "./words";

type Saying = (value: string) => string;

/** By the server's English, with `#` for a number. */
const SAID: Readonly<Record<string, Saying>> = {
  Accept: () => t("Accept"),
  Reject: () => t("Reject"),
  "Accept without what it needs": () => t("Accept without what it needs"),
  "Accept with the # change it needs": (n) => t("Accept with the {0} change it needs", n),
  "Accept with the # changes it needs": (n) => t("Accept with the {0} changes it needs", n),
  "Take back": () => t("Take back"),
  "Take back with the # change that needs it": (n) => t("Take back with the {0} change that needs it", n),
  "Take back with the # changes that need it": (n) => t("Take back with the {0} changes that need it", n),
  "Accept all changes of this file": () => t("Accept all changes of this file"),
  "Reject all changes of this file": () => t("Reject all changes of this file"),
  "Accept all changes of this run": () => t("Accept all changes of this run"),
  "Reject all changes of this run": () => t("Reject all changes of this run"),
  Conflict: () => t("Conflict"),
  "Keep mine": () => t("Keep mine"),
  "Take theirs": () => t("Take theirs"),
  "Take both": () => t("Take both"),
};
const ASKED: readonly [RegExp, Saying][] = [
  [/^Ask (.+) to do it in another way…$/, (name) => t("Ask {0} to do it in another way…", name)],
  [/^Ask (.+) to put both together$/, (name) => t("Ask {0} to put both together", name)],
];

/** What the server itself asks and offers as answers; an agent's own words are left as they are. */
const ASKS: readonly [RegExp, Saying][] = [
  [/^Approve$/, () => t("Approve")],
  [/^Reject$/, () => t("Reject")],
  [/^Go on$/, () => t("Go on")],
  [/^Go on here$/, () => t("Go on here")],
  [/^Wait until I am back$/, () => t("Wait until I am back")],
  [/^Cancel the run$/, () => t("Cancel the run")],
  [/^Allow once$/, () => t("Allow once")],
  [/^Allow for this run$/, () => t("Allow for this run")],
  [/^Deny$/, () => t("Deny")],
  [/^May I run `(.*)`\?$/s, (command) => t("May I run `{0}`?", command)],
  [/(?<=^|; |[.!?] )(`[^`]+`) reaches the network(?=\.|;)/, (program) => t("{0} reaches the network", program)],
  [/(?<=^|; |[.!?] )(`[^`]+`) brings in code from the network(?=\.|;)/, (program) => t("{0} brings in code from the network", program)],
  [/(?<=^|; |[.!?] )(`[^`]+`) acts on more than the checkout(?=\.|;)/, (program) => t("{0} acts on more than the checkout", program)],
  [/(?<=^|[.!?] )It cannot be read for what it does\.$/, () => t("It cannot be read for what it does.")],
  [/“Allow for this run” covers every (.*)\.$/, (programs) => t("“Allow for this run” covers every {0}.", programs)],
];

export const askText = (text: string): string =>
  ASKS.reduce((told, [pattern, saying]) => told.replace(new RegExp(pattern, `${pattern.flags}g`), (_all, value: string) => saying(value)), text);

/** Where the run is, as its progress says it; what an agent says of itself stays as it is. */
export function progressText(message: string): string {
  const [, said = "", done, all] = /^(.*?)(?: \((\d+) of (\d+) tasks\))?$/s.exec(message) ?? [];
  const counted = done === undefined ? "" : ` (${t("{0} of {1} tasks", done, all)})`;
  const [, asks, question = ""] = /^(.+?) asks you: (.*)$/s.exec(said) ?? [];
  const [, waits] = /^(.+) waits for your answer$/.exec(said) ?? [];
  const [, goes] = /^(.+) goes on$/.exec(said) ?? [];
  const [, ended] = /^(.+) is done$/s.exec(said) ?? [];
  const told = asks ? t("{0} asks you: {1}", asks, askText(question)) : waits ? t("{0} waits for your answer", waits) : goes ? t("{0} goes on", goes) : ended ? t("{0} is done", ended) : said;
  return `${told}${counted}`;
}

/** Why a change is left out of a commit. */
const REASONS: Readonly<Record<string, Saying>> = {
  "its lines rest on edits that are not committed": () => t("its lines rest on edits that are not committed"),
  "the file itself is not committed yet: commit it first, or commit it whole": () => t("the file itself is not committed yet"),
  "the last commit has another version of this file": () => t("the last commit has another version of this file"),
  "your file does not hold it as it was accepted: you changed these lines since": () => t("you changed these lines since"),
};

export const reasonText = (why: string): string => REASONS[plainSentence(why)]?.("") ?? plainSentence(why);

/** Without what is for a terminal alone. */
export const plainSentence = (text: string): string => text.replace(/ \((?:git restore --staged|--whole-files)\)/g, "");

/** A title is a mark, what it does, and then whose and which change it is about. */
export function serverText(title: string): string {
  for (const [pattern, saying] of ASKED) {
    const [, name] = pattern.exec(title) ?? [];
    if (name) return saying(name);
  }
  const [, mark = "", does = "", about = ""] = /^([✓✗↶⚠] |NEXUS: )?(.*?)( — .*| “.*)?$/s.exec(title) ?? [];
  const [n = ""] = /\d+/.exec(does) ?? [];
  const saying = SAID[does.replace(/\d+/, "#")];
  return saying ? `${mark}${saying(n)}${about}` : title;
}
