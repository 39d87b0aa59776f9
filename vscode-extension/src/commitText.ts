/** What a commit would hold, and what the user can choose, in words. */
import type { CommitAnswer } from "./lspExt";
import { reasonText } from "./serverWords";
import { count } from "./view";
import { t } from "./words";

/** What the server would commit: the accepted changes alone, or the files as they are with the user's own edits. */
export interface Offer {
  part?: CommitAnswer;
  whole?: CommitAnswer;
}

export type Choice = "commit" | "note" | "other";

export interface Choices {
  question: string;
  /** `short`: for a notification, where three buttons share little room. */
  buttons: readonly { label: string; short: string; choice: Choice }[];
}

export function accepted({ part, whole }: Offer, asWhole: boolean): CommitAnswer {
  const answer = asWhole ? whole : part;
  if (!answer) throw new Error("there is nothing to commit");
  return answer;
}

export function choices(offer: Offer, asWhole: boolean): Choices {
  const answer = accepted(offer, asWhole);
  const commit = asWhole ? t("Commit Whole Files to {0}", answer.branch) : t("Commit to {0}", answer.branch);
  const buttons: Choices["buttons"] = [
    { label: commit, short: asWhole ? t("Commit Whole Files") : t("Commit"), choice: "commit" },
    { label: t("{0} with a Note", commit), short: asWhole ? t("With a Note") : t("Commit with a Note"), choice: "note" },
    asWhole ? { label: t("Only What I Accepted…"), short: t("Only Accepted…"), choice: "other" } : { label: t("Whole Files…"), short: t("Whole Files…"), choice: "other" },
  ];
  return {
    question: t("NEXUS: {0} Edit the message in the editor, then commit to {1}.", `${committedText(answer)}${asWhole ? along(offer, answer) : ""}`, answer.branch),
    buttons: offer.part && offer.whole ? buttons : buttons.slice(0, 2),
  };
}

const along = ({ part }: Offer, { paths }: CommitAnswer): string =>
  part ? t(" Your own edits of these files go along: {0}.", paths.join(", ")) : t(" They rest on your own edits of these files, which go along: {0}.", paths.join(", "));

export function committedText({ changeIds, paths, left }: Pick<CommitAnswer, "changeIds" | "paths" | "left">): string {
  const more = left.length ? t(" Left out: {0} ({1}).", count(left.length, "change"), reasonText(left[0]?.why ?? "")) : "";
  return `${t("{0} in {1}.", count(changeIds.length, "accepted change"), count(paths.length, "file"))}${more}`;
}
