/** Delegating what the editor says is wrong: a light bulb on every problem that is not NEXUS's own. */
import * as vscode from "vscode";
import type { Ctx } from "./ctx";
import { SOURCE } from "./lspExt";
import { delegate } from "./runs";
import { problemRequest } from "./sentences";
import { oneLine } from "./view";
import { t } from "./words";

export class ProblemActions implements vscode.CodeActionProvider {
  static register(): vscode.Disposable {
    const metadata = { providedCodeActionKinds: [vscode.CodeActionKind.QuickFix] };
    return vscode.languages.registerCodeActionsProvider({ scheme: "file" }, new ProblemActions(), metadata);
  }

  provideCodeActions(document: vscode.TextDocument, _range: vscode.Range, { diagnostics }: vscode.CodeActionContext): vscode.CodeAction[] {
    const others = diagnostics.filter(isForeign);
    const first = others[0];
    if (!first) return [];
    const actions = [action(t("Fix This Problem with NEXUS"), document.uri, [first])];
    if (others.length > 1) actions.push(action(t("Fix These {0} Problems with NEXUS", others.length), document.uri, others));
    return actions;
  }
}

function action(title: string, uri: vscode.Uri, diagnostics: vscode.Diagnostic[]): vscode.CodeAction {
  const made = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
  made.diagnostics = diagnostics;
  made.command = { command: "nexus.fixProblem", title, arguments: [uri, diagnostics] };
  return made;
}

const isForeign = ({ source }: vscode.Diagnostic): boolean => source !== SOURCE && source !== "NEXUS plan";

/** From the palette: the problems on the cursor's line, else one of the file's. */
export async function fixProblem(ctx: Ctx, uri: unknown, given: unknown): Promise<void> {
  const file = uri instanceof vscode.Uri ? uri : vscode.window.activeTextEditor?.document.uri;
  if (!file) return void vscode.window.showInformationMessage(t("NEXUS: open the file with the problem first."));
  const problems = Array.isArray(given) ? (given as vscode.Diagnostic[]) : await chosen(file);
  if (!problems?.length) return;
  await delegate(ctx, problemRequest(vscode.workspace.asRelativePath(file), problems, file.toString()));
}

async function chosen(file: vscode.Uri): Promise<vscode.Diagnostic[] | undefined> {
  const all = vscode.languages.getDiagnostics(file).filter(isForeign);
  const line = vscode.window.activeTextEditor?.selection.active.line ?? -1;
  const here = all.filter(({ range }) => range.start.line <= line && line <= range.end.line);
  if (here.length) return here;
  if (!all.length) return void vscode.window.showInformationMessage(t("NEXUS: this file has no problem that is not NEXUS's own."));
  const items = all.map((problem) => ({ label: oneLine(problem.message), description: t("line {0}", problem.range.start.line + 1), problem }));
  const picked = await vscode.window.showQuickPick(items, { title: t("NEXUS: fix which problem?") });
  return picked && [picked.problem];
}
