/**
 * The message of a commit in an editor of its own, with what can be done above it and in a notification.
 *
 * A notification goes after some seconds, and a message may take minutes: the lenses above it stay.
 */
import * as vscode from "vscode";
import type { Choice, Choices } from "./commitText";
import type { Run } from "./commands";
import { t } from "./words";

interface Waiting {
  document: vscode.TextDocument;
  choices: Choices;
  choose(choice: Choice | undefined): void;
}

/** One at a time: a commit asked for anew takes the place of one that waits. */
let waiting: Waiting | undefined;
/** The message as it was drafted last. */
let draft: string | undefined;
const changed = new vscode.EventEmitter<void>();

const COMMAND = "nexus.commitChoice";
export const commitCommands: Readonly<Record<string, Run>> = { [COMMAND]: (_, choice) => waiting?.choose(choice as Choice) };

export function offerCommits(): vscode.Disposable[] {
  const lenses = { onDidChangeCodeLenses: changed.event, provideCodeLenses };
  return [
    vscode.languages.registerCodeLensProvider({ scheme: "untitled" }, lenses),
    vscode.workspace.onDidCloseTextDocument((document) => {
      if (document === waiting?.document) waiting.choose(undefined);
    }),
  ];
}

function provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
  if (document !== waiting?.document) return [];
  const top = new vscode.Range(0, 0, 0, 0);
  return waiting.choices.buttons.map(({ label, choice }) => new vscode.CodeLens(top, { title: label, command: COMMAND, arguments: [choice] }));
}

/** Asked for anew while a message waits, its editor is taken, with what the user wrote in it. */
export async function openDraft(message: string): Promise<vscode.TextDocument> {
  const earlier = waiting?.document;
  if (earlier && draft !== undefined) await replaceText(earlier, draft, message);
  const document = earlier ?? (await vscode.workspace.openTextDocument({ language: "git-commit", content: message }));
  draft = message;
  waiting?.choose(undefined);
  await vscode.window.showTextDocument(document);
  return document;
}

/** What the user chose; undefined where the message was closed. */
export function chosen(document: vscode.TextDocument, choices: Choices): Promise<Choice | undefined> {
  return new Promise((resolve) => {
    const mine: Waiting = {
      document,
      choices,
      choose: (choice) => {
        if (waiting === mine) waiting = undefined;
        changed.fire();
        resolve(choice);
      },
    };
    waiting = mine;
    changed.fire();
    void notify(mine);
  });
}

async function notify(mine: Waiting): Promise<void> {
  const items = mine.choices.buttons.map(({ short, choice }) => ({ title: short, choice }));
  const picked = await vscode.window.showInformationMessage(mine.choices.question, ...items);
  if (!picked) return;
  if (waiting === mine) mine.choose(picked.choice);
  else void vscode.window.showInformationMessage(t("NEXUS: this was dealt with already."));
}

/** Another draft, where the user has not written in this one. */
export async function replaceText(document: vscode.TextDocument, before: string, after: string): Promise<void> {
  if (document.getText() !== before) return;
  const edit = new vscode.WorkspaceEdit();
  edit.replace(document.uri, new vscode.Range(0, 0, document.lineCount, 0), after);
  await vscode.workspace.applyEdit(edit);
  draft = after;
}

/** The commit has the message now: its editor goes without a question. */
export async function closeDraft(document: vscode.TextDocument): Promise<void> {
  if (document.isClosed) return;
  await vscode.window.showTextDocument(document);
  await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
}
