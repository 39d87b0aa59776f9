/** What calls for the user: the status bar, `when` contexts, and the notification that a run is ready. */
import * as vscode from "vscode";
import { type Ctx, setContext } from "./ctx";
import type { NexusEvent } from "./lspExt";
import { fileUri, previewUri } from "./preview";
import { showPlan } from "./runs";
import { count, isRetryable, oneLine, statusText } from "./view";

export function callAttention(ctx: Ctx): vscode.Disposable[] {
  const item = vscode.window.createStatusBarItem("nexus.status", vscode.StatusBarAlignment.Left, 10);
  item.name = "NEXUS";
  item.command = "nexus.runsView.focus";
  const draw = (): void => {
    item.text = statusText(ctx.store.runs);
    item.tooltip = "NEXUS: show runs and agents";
    item.show();
    updateContexts(ctx);
  };
  draw();
  return [item, ctx.store.onDidChange(draw), ctx.onEvent((event) => void onEvent(ctx, event))];
}

function updateContexts(ctx: Ctx): void {
  const { pending, runs, loaded } = ctx.store;
  const paths = pending.flatMap((change) => [fileUri(change), previewUri(fileUri(change), change.id)].map((uri) => uri.fsPath));
  void setContext("hasPending", pending.length > 0);
  void setContext("pendingPaths", [...new Set(paths)]);
  void setContext("hasAwaitingPlan", runs.some((run) => run.status === "awaiting_approval"));
  void setContext("hasAsk", loaded.some((run) => run.asks.some((ask) => ask.answer == null)));
}

async function onEvent(ctx: Ctx, event: NexusEvent): Promise<void> {
  if (event.type === "run_ready") await sayReady(ctx, event.runId);
  if (event.type === "run_failed") await sayFailed(ctx, event.runId, event.reason);
  // The server asks for the decision in every editor; here the plan itself stands beside the question.
  if (event.type === "ask_opened" && event.kind === "plan") await showPlan(ctx, event.runId);
}

async function sayReady(ctx: Ctx, runId: string): Promise<void> {
  await ctx.store.settled();
  const run = ctx.store.runs.find((each) => each.runId === runId);
  if (!run?.changesPending) return;
  const [review, all, later] = ["Review", "Accept all", "Later"];
  const text = `NEXUS: ${count(run.changesPending, "change")} ready for “${oneLine(run.request)}”.`;
  const picked = await vscode.window.showInformationMessage(text, review, all, later);
  if (picked === review) await vscode.commands.executeCommand("nexus.reviewChanges");
  if (picked === all) await vscode.commands.executeCommand("nexus.acceptRun", runId);
}

async function sayFailed(ctx: Ctx, runId: string, reason: string): Promise<void> {
  await ctx.store.settled();
  const run = ctx.store.runs.find((each) => each.runId === runId);
  const [retry, log] = ["Retry", "Show log"];
  const actions = run && isRetryable(run) ? [retry, log] : [log];
  const text = `NEXUS could not do “${oneLine(run?.request ?? runId)}”. ${oneLine(reason)}`;
  const picked = await vscode.window.showErrorMessage(text, ...actions);
  if (picked === retry) await vscode.commands.executeCommand("nexus.retryRun", runId);
  if (picked === log) ctx.log.show();
}
