/** Commands on the user's repository, and the diff of all that waits. */
import * as vscode from "vscode";
import { chosen, closeDraft, openDraft, replaceText } from "./commitDraft";
import { accepted, choices, type Offer } from "./commitText";
import type { Ctx } from "./ctx";
import type { CommitAnswer } from "./lspExt";
import { plainSentence } from "./serverWords";
import { sides, type Side } from "./view";
import { t } from "./words";

const say = (text: string): void => void vscode.window.showInformationMessage(`NEXUS: ${text}`);

/** One multi-file diff of every file with waiting changes; the server gives the proposed documents. */
export async function showChanges(ctx: Ctx): Promise<void> {
  const { files } = await ctx.execute("nexus.review.preview", {});
  if (!files.length) return say(t("no change waits for you."));
  const uri = (side: Side): vscode.Uri | undefined => (side ? vscode.Uri.parse(side) : undefined);
  const pairs = sides(files).map(([label, before, after]) => [vscode.Uri.parse(label), uri(before), uri(after)]);
  await vscode.commands.executeCommand("vscode.changes", t("NEXUS: All Changes"), pairs);
}

/**
 * Commits what was accepted, after the user has seen and edited the message; where some of it rests on the user's own
 * edits, the files can be committed whole.
 */
export async function commitAccepted(ctx: Ctx): Promise<void> {
  await vscode.workspace.saveAll(false);
  const offer = await look(ctx);
  let whole = !offer.part;
  const document = await openDraft(accepted(offer, whole).message);
  for (;;) {
    const choice = await chosen(document, choices(offer, whole));
    if (!choice) return;
    if (choice === "other") {
      const before = accepted(offer, whole).message;
      whole = !whole;
      await replaceText(document, before, accepted(offer, whole).message);
    } else if (await carryOut(ctx, document, whole, choice === "note", offer)) return closeDraft(document);
  }
}

/** What could be committed: the accepted changes alone, and the files whole where that is more. */
async function look(ctx: Ctx): Promise<Offer> {
  const part = await dryRun(ctx, false);
  if (!(part instanceof Error) && !part.left.length) return { part };
  const whole = await dryRun(ctx, true);
  if (whole instanceof Error) {
    if (part instanceof Error) throw part;
    return { part };
  }
  if (part instanceof Error) return { whole };
  return whole.changeIds.length > part.changeIds.length ? { part, whole } : { part };
}

async function dryRun(ctx: Ctx, wholeFiles: boolean): Promise<CommitAnswer | Error> {
  try {
    return await ctx.execute("nexus.review.commit", { dryRun: true, wholeFiles });
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

/** Whether it was made; where it was refused, why is said, and the files may be committed whole instead. */
async function carryOut(ctx: Ctx, document: vscode.TextDocument, wholeFiles: boolean, notes: boolean, offer: Offer): Promise<boolean> {
  try {
    const made = await ctx.execute("nexus.review.commit", { message: document.getText(), notes, wholeFiles });
    say(made.warning ?? t("committed as {0} on {1}.", made.commit?.slice(0, 10), made.branch));
    return true;
  } catch (error) {
    void vscode.window.showErrorMessage(`NEXUS: ${plainSentence(error instanceof Error ? error.message : String(error))}`);
    if (wholeFiles || offer.whole) return false;
    const whole = await dryRun(ctx, true);
    if (!(whole instanceof Error)) offer.whole = whole;
    return false;
  }
}
