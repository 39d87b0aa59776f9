/** Commands about runs: delegating, steering, plans and questions. */
import * as vscode from "vscode";
import type { Ctx } from "./ctx";
import type { Ask, DelegateParams, RunId, RunSummary } from "./lspExt";
import { pickRun } from "./pick";
import { planUri } from "./preview";
import { isNode } from "./trees";
import { isActive, isRetryable, oneLine } from "./view";

/** With an argument (from a keybinding or a test) nothing is asked. */
export async function delegate(ctx: Ctx, arg: unknown): Promise<RunId | undefined> {
  const given = isRequest(arg) ? arg : undefined;
  const focus = given ? {} : inFocus();
  const request = given?.request ?? (await askRequest(focus));
  if (!request?.trim()) return undefined;
  const { runId } = await ctx.execute("nexus.delegate", { ...focus, ...given, request: request.trim() });
  ctx.store.touch(runId);
  vscode.window.setStatusBarMessage(`$(check) NEXUS took on: ${oneLine(request).slice(0, 60)}`, 5000);
  return runId;
}

const isRequest = (arg: unknown): arg is DelegateParams => typeof (arg as DelegateParams | undefined)?.request === "string";

type Focus = Pick<DelegateParams, "uris" | "range">;

/** The file the user is in, and what is selected in it. */
function inFocus(): Focus {
  const editor = vscode.window.activeTextEditor;
  if (editor?.document.uri.scheme !== "file") return {};
  const { start, end, isEmpty } = editor.selection;
  const range = { start: { line: start.line, character: start.character }, end: { line: end.line, character: end.character } };
  return { uris: [editor.document.uri.toString()], ...(isEmpty ? {} : { range }) };
}

async function askRequest({ uris, range }: Focus): Promise<string | undefined> {
  const file = uris?.[0] && vscode.workspace.asRelativePath(vscode.Uri.parse(uris[0]));
  const lines = range && (range.start.line === range.end.line ? `line ${range.start.line + 1}` : `lines ${range.start.line + 1}–${range.end.line + 1}`);
  return vscode.window.showInputBox({
    title: "NEXUS: Delegate to Team",
    prompt: file ? `Goes along: ${file}${lines ? `, ${lines}` : ""}` : "What should the team do?",
    placeHolder: "Add input validation to the signup form, with tests",
    ignoreFocusOut: true,
  });
}

// --- steering --------------------------------------------------------------------------------------------

type Steering = "nexus.run.cancel" | "nexus.run.pause" | "nexus.run.resume" | "nexus.run.retry";

const CAN: Record<Steering, [which: (run: RunSummary) => boolean, none: string]> = {
  "nexus.run.cancel": [isActive, "no run is at work."],
  "nexus.run.pause": [(run) => run.status === "in_progress", "no run is at work."],
  "nexus.run.resume": [(run) => run.status === "paused", "no run is paused."],
  "nexus.run.retry": [isRetryable, "no run failed or was cancelled."],
};

export const steer = (command: Steering) => async (ctx: Ctx, arg: unknown): Promise<void> => {
  const runId = await pickRun(ctx, arg, ...CAN[command]);
  if (!runId) return;
  await ctx.execute(command, { runId });
  ctx.store.touch(runId);
};

// --- plans and questions ---------------------------------------------------------------------------------

export async function showPlan(ctx: Ctx, arg: unknown): Promise<void> {
  const runId = await pickRun(ctx, arg, () => true, "there is no run yet.");
  if (!runId) return;
  await vscode.commands.executeCommand("markdown.showPreview", planUri(runId));
}

const awaiting = (run: RunSummary): boolean => run.status === "awaiting_approval";
const NO_PLAN = "no plan waits for you.";

export async function approvePlan(ctx: Ctx, arg: unknown): Promise<void> {
  const runId = await pickRun(ctx, arg, awaiting, NO_PLAN);
  if (runId) await ctx.execute("nexus.plan.approve", { runId });
}

export async function rejectPlan(ctx: Ctx, arg: unknown): Promise<void> {
  const runId = await pickRun(ctx, arg, awaiting, NO_PLAN);
  if (!runId) return;
  const reason = await vscode.window.showInputBox({ title: "NEXUS: Reject Plan", prompt: "Why? (may stay empty)", ignoreFocusOut: true });
  if (reason === undefined) return;
  await ctx.execute("nexus.plan.reject", { runId, ...(reason.trim() ? { reason: reason.trim() } : {}) });
}

export async function answerAsk(ctx: Ctx, arg: unknown): Promise<void> {
  await ctx.store.settled();
  const open = ctx.store.loaded.flatMap((run) => run.asks.filter((ask) => ask.answer == null));
  const ask = isNode(arg) && arg.kind === "ask" ? arg.ask : open[0];
  if (!ask) return void vscode.window.showInformationMessage("NEXUS: no question waits for you.");
  const answer = await pickAnswer(ctx, ask);
  if (answer) await ctx.execute("nexus.answer", { askId: ask.askId, answer });
}

const OWN_WORDS = "In my own words…";

/** One of an ask's options; an agent's question takes any words as well. */
async function pickAnswer(ctx: Ctx, ask: Ask): Promise<string | undefined> {
  const asked = ask.kind === "question" ? `${ctx.store.agentName(ask.agentId)} asks: ${ask.question}` : ask.question;
  const options = ask.kind === "question" ? [...ask.options, OWN_WORDS] : ask.options;
  const picked = await vscode.window.showQuickPick(options, { title: asked, ignoreFocusOut: true, ...(ask.why ? { placeHolder: ask.why } : {}) });
  if (picked !== OWN_WORDS || ask.kind !== "question") return picked;
  return (await vscode.window.showInputBox({ title: asked, ignoreFocusOut: true, ...(ask.why ? { prompt: ask.why } : {}) }))?.trim();
}
