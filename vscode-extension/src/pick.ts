/** From whatever a command was called with (a tree row, an id, nothing) to the run or change it means. */
import * as vscode from "vscode";
import type { Ctx } from "./ctx";
import type { ChangeStatus, RunId, RunSummary } from "./lspExt";
import { PLAN_SCHEME, planRun } from "./plan/documents";
import { fileUri } from "./preview";
import { isNode } from "./trees";
import { by, type Placed, runRow, shownLine, weight } from "./view";
import { t } from "./words";

/** The run meant; the user is asked where several could be. */
export async function pickRun(
  ctx: Ctx,
  arg: unknown,
  which: (run: RunSummary) => boolean,
  none: string,
): Promise<RunId | undefined> {
  const given = givenRun(arg);
  if (given) return given;
  await ctx.store.settled();
  const runs = ctx.store.runs.filter(which);
  if (runs.length === 0) return void vscode.window.showInformationMessage(`NEXUS: ${none}`);
  if (runs.length === 1) return runs[0]?.runId;
  const items = runs.map((run) => {
    const { label, description, icon } = runRow(run);
    return { label: `$(${icon}) ${label}`, description, runId: run.runId };
  });
  return (await vscode.window.showQuickPick(items, { title: t("NEXUS: which run?") }))?.runId;
}

export function givenRun(arg: unknown): RunId | undefined {
  if (typeof arg === "string") return arg;
  if (isNode(arg) && arg.kind === "run") return arg.run.runId;
  if (isNode(arg) && arg.kind === "task") return arg.run.runId;
  if (arg instanceof vscode.Uri) return arg.scheme === PLAN_SCHEME ? planRun(arg) : arg.query || undefined;
  return undefined;
}

/** The change meant: the row's, the id's, or the one the cursor is on. */
export function givenChange(ctx: Ctx, arg: unknown): Placed | undefined {
  if (isNode(arg) && arg.kind === "change") return arg.change;
  if (typeof arg === "string") return ctx.store.change(arg);
  const editor = vscode.window.activeTextEditor;
  if (!editor) return undefined;
  const line = editor.selection.active.line;
  return pendingIn(ctx, editor.document.uri).find((change) => {
    return line >= shownLine(change) && line <= Math.max(shownLine(change), change.range.end.line);
  });
}

/** What waits in a file, or what a preview shows. */
export function pendingIn(ctx: Ctx, document: vscode.Uri): readonly Placed[] {
  const shown = document.query ? ctx.store.change(document.query) : undefined;
  return shown?.status === "pending" ? [shown] : ctx.store.pendingIn(document.toString());
}

const ICON: Record<ChangeStatus, string> = { pending: "circle-filled", accepted: "check", rejected: "close", outdated: "history" };

export async function pickChange(ctx: Ctx, changes: readonly Placed[], title: string): Promise<Placed | undefined> {
  let file = "";
  const items = changes.flatMap((change) => {
    const path = vscode.workspace.asRelativePath(fileUri(change));
    const row = {
      label: `$(${ICON[change.status]}) ${change.why}`,
      description: `${change.kind === "edit" ? `${t("line {0}", change.range.start.line + 1)} · ` : ""}${weight(change)} · ${ctx.store.agentName(change.agentId)}`,
      change,
    };
    const heading = path === file ? [] : [{ label: path, kind: vscode.QuickPickItemKind.Separator, description: "", change: undefined }];
    file = path;
    return [...heading, row];
  });
  return (await vscode.window.showQuickPick(items, { title, matchOnDescription: true }))?.change;
}

/** The agent meant; the user is asked where several have changes that wait. */
export async function pickAgent(ctx: Ctx, arg: unknown): Promise<string | undefined> {
  if (isNode(arg) && arg.kind === "agent") return arg.agent.agent_id;
  if (typeof arg === "string") return arg;
  await ctx.store.settled();
  const counts = by(ctx.store.pending, (change) => change.agentId);
  const items = [...counts].map(([agentId, changes]) => ({ label: ctx.store.agentName(agentId), description: t("{0} to review", changes.length), agentId }));
  if (!items.length) return void vscode.window.showInformationMessage(t("NEXUS: no change waits for you."));
  if (items.length === 1) return items[0]?.agentId;
  return (await vscode.window.showQuickPick(items, { title: t("NEXUS: whose changes?") }))?.agentId;
}
