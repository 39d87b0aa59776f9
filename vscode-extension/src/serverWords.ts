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
