/** What calls for the user: the status bar, `when` contexts, and the notifications that a run is ready or failed. */
import * as vscode from "vscode";
import { type Ctx, setContext } from "./ctx";
import type { NexusEvent } from "./lspExt";
import { givenChange } from "./pick";
import { waits } from "./plan/documents";
import { fileUri, previewUri } from "./preview";
import { askText } from "./serverWords";
import { count, isActive, isResumable, isRetryable, oneLine, status } from "./view";
import { t } from "./words";

export function callAttention(ctx: Ctx): vscode.Disposable[] {
  const item = vscode.window.createStatusBarItem("nexus.status", vscode.StatusBarAlignment.Left, 10);
  item.name = "NEXUS";
  const draw = (): void => {
    const { runs, agents, asks } = ctx.store;
    const { text, spoken, asks: asked } = status(runs, agents, asks.length);
    item.text = text;
    item.accessibilityInformation = { label: spoken, role: "button" };
    item.command = asked ? "nexus.answerAsk" : "nexus.runsView.focus";
    item.backgroundColor = asked ? new vscode.ThemeColor("statusBarItem.warningBackground") : undefined;
    item.tooltip = [...asks.map((ask) => shortened(oneLine(askText(ask.question)))), ...runs.filter(isActive).map((run) => t("at work: {0}", oneLine(run.request))), asked ? t("Click to answer") : t("Click to show runs and agents")].join("\n");
    item.show();
    updateContexts(ctx);
  };
  draw();
  return [
    item,
    ctx.store.onDidChange(draw),
    ctx.onEvent((event) => void onEvent(ctx, event)),
    vscode.window.onDidChangeTextEditorSelection(() => atCursor(ctx)),
    vscode.window.onDidChangeActiveTextEditor(() => atCursor(ctx)),
  ];
}

const MOST_TOOLTIP = 200;
const shortened = (text: string): string => (text.length > MOST_TOOLTIP ? `${text.slice(0, MOST_TOOLTIP)}…` : text);

function updateContexts(ctx: Ctx): void {
  const { pending, runs, loaded, asks, changes } = ctx.store;
  const paths = pending.flatMap((change) => [fileUri(change), previewUri(fileUri(change), change.id)].map((uri) => uri.fsPath));
  set("hasPending", pending.length > 0);
  set("hasConflict", changes.some((change) => change.conflict));
  set("hasAccepted", changes.some((change) => change.status === "accepted"));
  set("pendingPaths", [...new Set(paths)]);
  set("hasAwaitingPlan", loaded.some(waits));
  set("hasAsk", asks.length > 0);
  set("hasRun", runs.length > 0);
  set("hasActiveRun", runs.some(isActive));
  set("hasPausedRun", runs.some(isResumable));
  set("hasRetryableRun", runs.some(isRetryable));
  atCursor(ctx);
}

/** Whether the cursor is on lines of a change that waits. */
const atCursor = (ctx: Ctx): void => set("changeAtCursor", givenChange(ctx, undefined) !== undefined);

const last = new Map<string, string>();

/** Contexts are set on every event and cursor move; only what changed is worth a message to the window. */
function set(key: string, value: unknown): void {
  const now = JSON.stringify(value);
  if (last.get(key) === now) return;
  last.set(key, now);
  void setContext(key, value);
}

async function onEvent(ctx: Ctx, event: NexusEvent): Promise<void> {
  if (event.type === "run_ready") await sayReady(ctx, event.runId);
  if (event.type === "run_failed") await sayFailed(ctx, event.runId, event.reason);
  // Beside the question stands the plan itself, to be changed or approved.
  if (event.type === "ask_opened" && event.kind === "plan") await vscode.commands.executeCommand("nexus.showPlan", event.runId);
}

async function sayReady(ctx: Ctx, runId: string): Promise<void> {
  await ctx.store.settled();
  const run = ctx.store.runs.find((each) => each.runId === runId);
  if (!run?.changesPending) return;
  const [review, all, later] = [t("Review"), t("Accept all"), t("Later")];
  const text = t("NEXUS: {0} ready for “{1}”.", count(run.changesPending, "change"), oneLine(run.request));
  const picked = await vscode.window.showInformationMessage(text, review, all, later);
  if (picked === undefined || picked === later) return;
  // No extension can take a notification away: it may have been decided elsewhere since.
  await ctx.start();
  await ctx.store.settled();
  const now = ctx.store.runs.find((each) => each.runId === runId);
  if (ctx.running && !now?.changesPending) return void vscode.window.showInformationMessage(t("NEXUS: all changes of “{0}” have been decided already.", oneLine(run.request)));
  if (picked === review) await vscode.commands.executeCommand("nexus.reviewChanges");
  if (picked === all) await vscode.commands.executeCommand("nexus.acceptRun", runId);
}

async function sayFailed(ctx: Ctx, runId: string, reason: string): Promise<void> {
  await ctx.store.settled();
  const run = ctx.store.runs.find((each) => each.runId === runId);
  const [retry, transcript] = [t("Retry"), t("Show transcript")];
  const actions = run && isRetryable(run) ? [retry, transcript] : [transcript];
  const text = t("NEXUS could not do “{0}”. {1}", oneLine(run?.request ?? runId), oneLine(reason));
  const picked = await vscode.window.showErrorMessage(text, ...actions);
  if (picked === retry) await vscode.commands.executeCommand("nexus.retryRun", runId);
  if (picked === transcript) await vscode.commands.executeCommand("nexus.showTranscript", runId);
}
