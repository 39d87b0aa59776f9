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

/** The files that were dirty before the decision: those stay the user's to save. Those that had a tab keep it. */
export interface Before {
  readonly command: string;
  readonly dirty: ReadonlySet<string>;
  readonly open: ReadonlySet<string>;
}

/** How long after a decision the editor may still open a tab for what it edited. */
const TABS_MS = 1000;
/** After which it is known whether the user went to such a tab: then it is theirs. */
const LOOK_MS = 300;

export function beforeDecision(command: string): Before | undefined {
  if (!DECISIONS.has(command)) return undefined;
  const dirty = vscode.workspace.textDocuments.filter((document) => document.isDirty);
  return { command, dirty: new Set(dirty.map((document) => document.uri.toString())), open: new Set(tabs().map(uriOf)) };
}

export async function afterDecision(before: Before, answer: unknown): Promise<void> {
  const { unsaved = [], refused = [] } = (answer ?? {}) as Partial<Refused>;
  if (refused.length) void sayRefused(before.command, refused);
  if (!vscode.workspace.getConfiguration("nexus").get("saveAfterAccept", true)) return;
  // An answer's URI may be written otherwise than the editor writes it (`%3A`, a drive's case).
  const uris = new Set(unsaved.map((uri) => vscode.Uri.parse(uri).toString()));
  const saved = vscode.workspace.textDocuments.filter((document) => {
    const uri = document.uri.toString();
    return uris.has(uri) && !before.dirty.has(uri) && document.isDirty;
  });
  await Promise.all(saved.map((document) => document.save()));
  closeOpened(new Set(saved.map((document) => document.uri.toString()).filter((uri) => !before.open.has(uri))));
}

/** The editor opens a tab for each file that an edit makes dirty, which after forty accepted files is forty tabs. */
function closeOpened(files: ReadonlySet<string>): void {
  if (!files.size) return;
  const theirs = new Set<string>();
  const looked = (): void => tabs().filter((tab) => tab.isActive).forEach((tab) => theirs.add(uriOf(tab)));
  const close = (): void => {
    const opened = tabs().filter((tab) => files.has(uriOf(tab)) && !theirs.has(uriOf(tab)) && !tab.isDirty && !tab.isPinned);
    if (opened.length) void vscode.window.tabGroups.close(opened, true);
  };
  let waiting: NodeJS.Timeout | undefined;
  const look = (): void => {
    looked();
    clearTimeout(waiting);
    waiting = setTimeout(close, LOOK_MS);
  };
  const watching = vscode.window.tabGroups.onDidChangeTabs(look);
  setTimeout(() => watching.dispose(), TABS_MS);
  look();
}

const tabs = (): vscode.Tab[] => vscode.window.tabGroups.all.flatMap((group) => group.tabs);
const uriOf = ({ input }: vscode.Tab): string => (input instanceof vscode.TabInputText ? input.uri.toString() : "");

/** Where only something else has to come first, that is offered, and to insist. */
async function sayRefused(command: string, refused: Refused["refused"]): Promise<void> {
  const reasons = [...new Set(refused.map(({ why }) => why))].join(" ");
  const needs = [...new Set(refused.flatMap((one) => one.needs ?? []))];
  const text = t("NEXUS could not apply {0}. {1}", count(refused.length, "change"), reasons);
  if (!needs.length || refused.some((one) => !one.needs?.length)) return void vscode.window.showWarningMessage(text);
  const ids = refused.map(({ id }) => id);
  const [together, anyway] = [t("With the {0}", count(needs.length, "other")), t("Anyway")];
  const picked = await vscode.window.showWarningMessage(text, together, anyway);
  if (picked === together) await decide(command, [...new Set([...needs, ...ids])], false);
  if (picked === anyway) await decide(command, ids, true);
}

const decide = (command: string, changeIds: ChangeId[], anyway: boolean): Thenable<unknown> =>
  vscode.commands.executeCommand(command, { changeIds, ...(anyway ? { anyway } : {}) });
