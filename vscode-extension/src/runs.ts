/** Commands about runs: delegating and steering. */
import * as vscode from "vscode";
import type { Ctx } from "./ctx";
import type { DelegateParams, RunId, RunSummary } from "./lspExt";
import { pickRun } from "./pick";
import { isActive, isResumable, isRetryable, oneLine } from "./view";
import { t } from "./words";

/** With an argument (from a keybinding or a test) nothing is asked. */
export async function delegate(ctx: Ctx, arg: unknown): Promise<RunId | undefined> {
  return isRequest(arg) ? take(ctx, {}, arg) : take(ctx, inFocus(vscode.window.activeTextEditor));
}

/** About what is selected, and nothing else. */
export async function delegateSelection(ctx: Ctx): Promise<RunId | undefined> {
  const focus = inFocus(vscode.window.activeTextEditor);
  if (focus.range) return take(ctx, focus);
  return void vscode.window.showInformationMessage(t("NEXUS: select the lines it is about first."));
}

/** About one or several files: the explorer's, else the one that is open. */
export async function delegateFile(ctx: Ctx, arg: unknown, all: unknown): Promise<RunId | undefined> {
  const picked = Array.isArray(all) && all.length ? all : [arg instanceof vscode.Uri ? arg : vscode.window.activeTextEditor?.document.uri];
  const uris = picked.filter((uri): uri is vscode.Uri => uri instanceof vscode.Uri && uri.scheme === "file");
  if (uris.length) return take(ctx, { uris: uris.map(String) });
  return void vscode.window.showInformationMessage(t("NEXUS: open the file it is about first."));
}

async function take(ctx: Ctx, focus: Focus, given?: DelegateParams): Promise<RunId | undefined> {
  const request = given?.request ?? (await askRequest(focus));
  if (!request?.trim()) return undefined;
  const { runId } = await ctx.execute("nexus.delegate", { ...focus, ...given, request: request.trim() });
  ctx.store.touch(runId);
  vscode.window.setStatusBarMessage(t("$(check) NEXUS took on: {0}", oneLine(request).slice(0, 60)), 5000);
  return runId;
}

const isRequest = (arg: unknown): arg is DelegateParams => typeof (arg as DelegateParams | undefined)?.request === "string";

type Focus = Pick<DelegateParams, "uris" | "range">;

/** The file the user is in, and what is selected in it. */
function inFocus(editor: vscode.TextEditor | undefined): Focus {
  if (editor?.document.uri.scheme !== "file") return {};
  const { start, end, isEmpty } = editor.selection;
  const range = { start: { line: start.line, character: start.character }, end: { line: end.line, character: end.character } };
  return { uris: [editor.document.uri.toString()], ...(isEmpty ? {} : { range }) };
}

async function askRequest({ uris, range }: Focus): Promise<string | undefined> {
  const file = uris?.map((uri) => vscode.workspace.asRelativePath(vscode.Uri.parse(uri))).join(", ");
  const lines = range && (range.start.line === range.end.line ? t("line {0}", range.start.line + 1) : t("lines {0}–{1}", range.start.line + 1, range.end.line + 1));
  return vscode.window.showInputBox({
    title: t("NEXUS: Delegate to Team"),
    prompt: file ? t("Goes along: {0}{1}", file, lines ? `, ${lines}` : "") : t("What should the team do?"),
    placeHolder: t("Add input validation to the signup form, with tests"),
    ignoreFocusOut: true,
  });
}

// --- steering --------------------------------------------------------------------------------------------

type Steering = "nexus.run.cancel" | "nexus.run.pause" | "nexus.run.resume" | "nexus.run.retry";

const CAN: Record<Steering, [which: (run: RunSummary) => boolean, none: string]> = {
  "nexus.run.cancel": [isActive, t("no run is at work.")],
  "nexus.run.pause": [(run) => run.status === "in_progress", t("no run is at work.")],
  "nexus.run.resume": [isResumable, t("no run is paused.")],
  "nexus.run.retry": [isRetryable, t("no run failed or was cancelled.")],
};

export const steer = (command: Steering) => async (ctx: Ctx, arg: unknown): Promise<void> => {
  const runId = await pickRun(ctx, arg, ...CAN[command]);
  if (!runId) return;
  await ctx.execute(command, { runId });
  ctx.store.touch(runId);
};
