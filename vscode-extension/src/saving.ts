/** After an accept, or one that is taken back: saves what was closed or clean before, and says what was refused. */
import * as vscode from "vscode";
import type { Refused } from "./lspExt";
import { count } from "./view";

const DECISIONS: ReadonlySet<string> = new Set([
  "nexus.review.accept",
  "nexus.review.reject",
  "nexus.review.undo",
  "nexus.review.resolve",
]);

/** The files that were dirty before the decision: those stay the user's to save. */
export interface Before {
  readonly dirty: ReadonlySet<string>;
}

export function beforeDecision(command: string): Before | undefined {
  if (!DECISIONS.has(command)) return undefined;
  const dirty = vscode.workspace.textDocuments.filter((document) => document.isDirty);
  return { dirty: new Set(dirty.map((document) => document.uri.toString())) };
}

export async function afterDecision(before: Before, answer: unknown): Promise<void> {
  const { unsaved = [], refused = [] } = (answer ?? {}) as Partial<Refused>;
  if (refused.length) sayRefused(refused);
  if (!vscode.workspace.getConfiguration("nexus").get("saveAfterAccept", true)) return;
  // An answer's URI may be written otherwise than the editor writes it (`%3A`, a drive's case).
  const uris = new Set(unsaved.map((uri) => vscode.Uri.parse(uri).toString()));
  for (const document of vscode.workspace.textDocuments) {
    const uri = document.uri.toString();
    if (uris.has(uri) && !before.dirty.has(uri) && document.isDirty) await document.save();
  }
}

function sayRefused(refused: Refused["refused"]): void {
  const reasons = [...new Set(refused.map(({ why }) => why))].join(" ");
  void vscode.window.showWarningMessage(`NEXUS could not apply ${count(refused.length, "change")}. ${reasons}`);
}
