/** After an accept, or one that is taken back: saves what was closed or clean before, and says what was refused. */
import * as vscode from "vscode";
import type { ChangeId, Refused } from "./lspExt";
import { count } from "./view";
import { t } from "./words";

const DECISIONS: ReadonlySet<string> = new Set([
  "nexus.review.accept",
  "nexus.review.reject",
  "nexus.review.undo",
  "nexus.review.resolve",
]);

/** The files that were dirty before the decision: those stay the user's to save. */
export interface Before {
  readonly command: string;
  readonly dirty: ReadonlySet<string>;
}

export function beforeDecision(command: string): Before | undefined {
  if (!DECISIONS.has(command)) return undefined;
  const dirty = vscode.workspace.textDocuments.filter((document) => document.isDirty);
  return { command, dirty: new Set(dirty.map((document) => document.uri.toString())) };
}

export async function afterDecision(before: Before, answer: unknown): Promise<void> {
  const { unsaved = [], refused = [] } = (answer ?? {}) as Partial<Refused>;
  if (refused.length) void sayRefused(before.command, refused);
  if (!vscode.workspace.getConfiguration("nexus").get("saveAfterAccept", true)) return;
  // An answer's URI may be written otherwise than the editor writes it (`%3A`, a drive's case).
  const uris = new Set(unsaved.map((uri) => vscode.Uri.parse(uri).toString()));
  for (const document of vscode.workspace.textDocuments) {
    const uri = document.uri.toString();
    if (uris.has(uri) && !before.dirty.has(uri) && document.isDirty) await document.save();
  }
}

/** Where only something else has to come first, that is offered, and to insist. */
async function sayRefused(command: string, refused: Refused["refused"]): Promise<void> {
  const reasons = [...new Set(refused.map(({ why }) => why))].join(" ");
  const needs = [...new Set(refused.flatMap((one) => one.needs ?? []))];
  const text = t("NEXUS could not apply {0}. {1}", count(refused.length, "change"), reasons);
  if (!needs.length || refused.some((one) => !one.needs?.length)) return void vscode.window.showWarningMessage(text);
  const ids = refused.map(({ id }) => id);
  const together = t("With the {0}", count(needs.length, "other"));
  const picked = await vscode.window.showWarningMessage(text, together, t("Anyway"));
  if (picked === together) await decide(command, [...new Set([...needs, ...ids])], false);
  if (picked === "Anyway") await decide(command, ids, true);
}

const decide = (command: string, changeIds: ChangeId[], anyway: boolean): Thenable<unknown> =>
  vscode.commands.executeCommand(command, { changeIds, ...(anyway ? { anyway } : {}) });
