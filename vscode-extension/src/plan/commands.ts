/** Commands about plans: show, change, approve, reject. */
import * as vscode from "vscode";
import type { Ctx } from "../ctx";
import type { RunSummary } from "../lspExt";
import { pickRun } from "../pick";
import { count, word } from "../view";
import { agentsOf, PLAN_SCHEME, planAtHand, planUri, waits } from "./documents";
import { assigned, moved, removed, withOneMore } from "./edits";
import { parsePlan } from "./text";
import { t } from "../words";

export async function showPlan(ctx: Ctx, arg: unknown): Promise<void> {
  const runId = await pickRun(ctx, arg, () => true, t("there is no run yet."));
  // An editor that is opened read-only has no light bulb, also when it can be written in later.
  await ctx.store.settled();
  const run = runId && (await ctx.store.load(runId));
  if (run) await vscode.window.showTextDocument(planUri(run), { preview: false });
}

/** Of a run whose plan waits, also one that was revised while it was at work. */
const awaiting = (ctx: Ctx) => (run: RunSummary): boolean => {
  const detail = ctx.store.run(run.runId);
  return detail ? waits(detail) : run.status === "awaiting_approval";
};
const NO_PLAN = t("no plan waits for you.");

/** The plan as it stands in its document; with problems in it, it is shown instead of sent. */
export async function approvePlan(ctx: Ctx, arg: unknown): Promise<void> {
  const runId = await pickRun(ctx, arg, awaiting(ctx), NO_PLAN);
  const run = runId && (await ctx.store.load(runId));
  if (!run) return;
  const { plan, problems, changed } = planAtHand(ctx.store, ctx.extension.workspaceState, run);
  const first = problems[0];
  if (changed && first) {
    const at = new vscode.Range(first.line, first.start, first.line, first.end);
    await vscode.window.showTextDocument(planUri(run), { preview: false, selection: at });
    return void vscode.window.showWarningMessage(t("NEXUS: {0} in the plan. {1}", count(problems.length, "problem"), first.message));
  }
  // Unsaved edits would keep the document from showing the plan as it was approved.
  await openPlan(planUri(run))?.save();
  await ctx.execute("nexus.plan.approve", changed ? { runId, plan } : { runId });
  ctx.store.touch(runId);
}

const openPlan = (uri: vscode.Uri): vscode.TextDocument | undefined =>
  vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString() && document.isDirty);

export async function rejectPlan(ctx: Ctx, arg: unknown): Promise<void> {
  const runId = await pickRun(ctx, arg, awaiting(ctx), NO_PLAN);
  const run = runId && (await ctx.store.load(runId));
  if (!run) return;
  const reason = await vscode.window.showInputBox({ title: t("NEXUS: Reject Plan"), prompt: t("Why? (may stay empty)"), ignoreFocusOut: true });
  if (reason === undefined) return;
  await openPlan(planUri(run))?.save();
  await ctx.execute("nexus.plan.reject", { runId, ...(reason.trim() ? { reason: reason.trim() } : {}) });
  ctx.store.touch(runId);
}

/** What the buttons over a plan call: one edit of its text, that the editor's undo takes back. */
export async function editPlan(ctx: Ctx, uri: unknown, what: unknown, at: unknown): Promise<void> {
  if (!(uri instanceof vscode.Uri) || uri.scheme !== PLAN_SCHEME) return;
  const document = await vscode.workspace.openTextDocument(uri);
  const agents = agentsOf(ctx.store);
  const text = document.getText();
  const parsed = parsePlan(text, agents);
  const task = typeof at === "number" ? at : -1;
  const next = async (): Promise<string | undefined> => {
    switch (what) {
      case "up":
        return moved(text, parsed, task, -1);
      case "down":
        return moved(text, parsed, task, 1);
      case "remove":
        return removed(text, parsed, task);
      case "add":
        return withOneMore(text, parsed, agents);
      case "assign": {
        const items = ctx.store.agents.map(({ name, role, current_task }) => ({ label: name, description: word(role), detail: current_task ? t("at work") : "" }));
        const picked = await vscode.window.showQuickPick(items, { title: t("NEXUS: who does “{0}”?", parsed.spots[task]?.title) });
        return picked && assigned(text, parsed, task, picked.label);
      }
      default:
        return undefined;
    }
  };
  const changed = await next();
  if (changed === undefined || changed === text) return;
  const edit = new vscode.WorkspaceEdit();
  edit.replace(uri, new vscode.Range(new vscode.Position(0, 0), document.lineAt(document.lineCount - 1).range.end), changed);
  await vscode.workspace.applyEdit(edit);
  if (what === "add") await vscode.commands.executeCommand("cursorBottom");
}
