/** Commands on the user's repository, and the diff of all that waits. */
import * as vscode from "vscode";
import type { Ctx } from "./ctx";
import { committedText, sides, type Side } from "./view";
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

/** Commits what was accepted, after the user has seen and edited the message. */
export async function commitAccepted(ctx: Ctx): Promise<void> {
  await vscode.workspace.saveAll(false);
  const draft = await ctx.execute("nexus.review.commit", { dryRun: true });
  const document = await vscode.workspace.openTextDocument({ language: "git-commit", content: draft.message });
  await vscode.window.showTextDocument(document);
  const commit = t("Commit to {0}", draft.branch);
  const withNote = t("{0} with a Note", commit);
  const question = t("NEXUS: {0} Edit the message in the editor, then commit.", committedText(draft));
  const chosen = await vscode.window.showInformationMessage(question, commit, withNote);
  if (!chosen) return;
  const made = await ctx.execute("nexus.review.commit", { message: document.getText(), notes: chosen === withNote });
  say(made.warning ?? t("committed as {0} on {1}.", made.commit?.slice(0, 10), made.branch));
}
