/** Commands about changes: looking at them and deciding on them. */
import * as vscode from "vscode";
import type { Ctx } from "./ctx";
import type { Change } from "./lspExt";
import { isPending } from "./groups";
import { givenChange, pendingIn, pickAgent, pickChange, pickRun } from "./pick";
import { beforeUri, fileUri, isHunk, previewUri } from "./preview";
import { isNode } from "./trees";
import { inOrder, neighbour, oneLine, type Placed, shownLine } from "./view";
import { t } from "./words";

const say = (text: string): void => void vscode.window.showInformationMessage(`NEXUS: ${text}`);
const NO_PENDING = t("no change waits for you.");

// --- looking ---------------------------------------------------------------------------------------------

export async function openChange(ctx: Ctx, arg: unknown): Promise<void> {
  const change = givenChange(ctx, arg);
  if (!change) return;
  if (change.kind === "edit") await reveal(change);
  else if (change.kind === "create" && change.status === "pending") await showPreview(change);
  else if (change.status === "accepted" && change.kind !== "delete") await vscode.window.showTextDocument(fileUri(change));
  else await diffChange(ctx, change.id);
}

async function reveal(change: Placed): Promise<void> {
  const line = shownLine(change);
  const end = Math.max(line, change.range.end.line);
  const editor = await vscode.window.showTextDocument(fileUri(change), { selection: new vscode.Range(line, 0, line, 0) });
  editor.revealRange(new vscode.Range(line, 0, end, 0), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

async function showPreview(change: Change): Promise<void> {
  await vscode.window.showTextDocument(previewUri(fileUri(change), change.id), { preview: true });
}

export async function diffChange(ctx: Ctx, arg: unknown): Promise<void> {
  const change = givenChange(ctx, arg) ?? (await pickPending(ctx, t("NEXUS: diff of which change?")));
  if (!change) return;
  const left = isHunk(change) ? fileUri(change) : beforeUri(change);
  const title = `${vscode.workspace.asRelativePath(fileUri(change))} (NEXUS: ${oneLine(change.why)})`;
  await vscode.commands.executeCommand("vscode.diff", left, previewUri(fileUri(change), change.id), title);
}

export async function diffRun(ctx: Ctx, arg: unknown): Promise<void> {
  const runId = await pickRun(ctx, arg, (run) => run.changesPending > 0, NO_PENDING);
  const run = runId && (await ctx.store.load(runId));
  if (!run) return;
  await vscode.commands.executeCommand("vscode.changes", `NEXUS: ${oneLine(run.request)}`, pairs(runId, ctx.store.changesOf(run)));
}

type Pair = [label: vscode.Uri, before: vscode.Uri | undefined, after: vscode.Uri | undefined];

/** One pair for each file that the run would change; a side that does not exist is left out. */
function pairs(runId: string, changes: readonly Placed[]): Pair[] {
  const files = new Map<string, Placed>();
  for (const change of changes.filter((each) => each.status === "pending").sort(inOrder)) {
    if (!files.has(change.uri)) files.set(change.uri, change);
  }
  return [...files.values()].map((first): Pair => {
    const file = fileUri(first);
    const before = isHunk(first) ? file : beforeUri(first);
    const after = previewUri(file, runId);
    return [file, first.kind === "create" ? undefined : before, first.kind === "delete" ? undefined : after];
  });
}

export async function openPreview(ctx: Ctx, arg: unknown): Promise<void> {
  const given = arg === undefined ? undefined : givenChange(ctx, arg);
  if (given) return showPreview(given);
  await ctx.store.settled();
  const created = ctx.store.pending.filter((change) => change.kind === "create").sort(inOrder);
  if (!created.length) return say(t("no new file waits for you."));
  const change = created.length === 1 ? created[0] : await pickChange(ctx, created, t("NEXUS: preview of which new file?"));
  if (change) await showPreview(change);
}

export async function reviewChanges(ctx: Ctx): Promise<void> {
  const change = await pickPending(ctx, t("NEXUS: changes to review"));
  if (change) await openChange(ctx, change.id);
}

async function pickPending(ctx: Ctx, title: string): Promise<Placed | undefined> {
  await ctx.store.settled();
  const pending = ctx.store.pending.toSorted(inOrder);
  if (!pending.length) return void say(NO_PENDING);
  return pending.length === 1 ? pending[0] : pickChange(ctx, pending, title);
}

export const walk = (step: 1 | -1) => async (ctx: Ctx): Promise<void> => {
  const editor = vscode.window.activeTextEditor;
  const here = editor && { uri: editor.document.uri.with({ scheme: "file", query: "" }).toString(), line: editor.selection.active.line };
  const next = neighbour(ctx.store.pending, here, step);
  if (next) await openChange(ctx, next.id);
  else say(NO_PENDING);
};

// --- deciding --------------------------------------------------------------------------------------------

type Decision = "nexus.review.accept" | "nexus.review.reject";

export const decideChange = (decision: Decision) => async (ctx: Ctx, arg: unknown): Promise<void> => {
  const change = givenChange(ctx, arg) ?? (await pickPending(ctx, t("NEXUS: which change?")));
  if (change) await ctx.execute(decision, { changeIds: [change.id] });
};

export const decideFile = (decision: Decision) => async (ctx: Ctx, arg: unknown): Promise<void> => {
  const uri = arg instanceof vscode.Uri ? arg : vscode.window.activeTextEditor?.document.uri;
  const changes = uri ? pendingIn(ctx, uri) : [];
  if (!changes[0]) return say(t("no change waits for you in this file."));
  await ctx.execute(decision, { uri: changes[0].uri });
};

export const decideRun = (decision: Decision) => async (ctx: Ctx, arg: unknown): Promise<void> => {
  const runId = await pickRun(ctx, arg, (run) => run.changesPending > 0, NO_PENDING);
  if (runId) await ctx.execute(decision, { runId });
};

/** All of an agent's. */
export const decideAgent = (decision: Decision) => async (ctx: Ctx, arg: unknown): Promise<void> => {
  const agentId = await pickAgent(ctx, arg);
  if (agentId) await ctx.execute(decision, { agentId });
};

/** A row of Review: a group, or all rows that are selected. */
export const decideRows = (decision: Decision) => async (ctx: Ctx, arg: unknown, selected: unknown): Promise<void> => {
  const rows = (Array.isArray(selected) && selected.length ? selected : [arg]).filter(isNode);
  const changes = rows.flatMap((row) => (row.kind === "group" ? row.group.changes : row.kind === "change" ? [row.change] : []));
  const changeIds = [...new Set(changes.filter(isPending).map((change) => change.id))];
  if (changeIds.length) await ctx.execute(decision, { changeIds });
  else await decideChange(decision)(ctx, undefined);
};

type How = "mine" | "theirs" | "both";

/** Settles a change in whose lines the user typed; `how` is asked for. */
export async function resolveConflict(ctx: Ctx, arg: unknown): Promise<void> {
  const here = vscode.window.activeTextEditor;
  const line = here?.selection.active.line ?? -1;
  const all = ctx.store.changes.filter((change) => change.conflict).sort(inOrder);
  const under = all.find((change) => fileUri(change).toString() === here?.document.uri.toString() && change.range.start.line <= line && line <= change.range.end.line);
  const given = isNode(arg) && arg.kind === "change" ? arg.change : under;
  if (!given && !all.length) return say(t("there is no conflict."));
  const change = given ?? (all.length === 1 ? all[0] : await pickChange(ctx, all, t("NEXUS: settle which conflict?")));
  if (!change) return;
  await openChange(ctx, change.id);
  const name = ctx.store.agentName(change.agentId);
  const ways: (vscode.QuickPickItem & { how: How | undefined })[] = [
    { label: t("Keep mine"), description: t("what stands there now"), how: "mine" },
    { label: t("Take theirs"), description: t("what {0} proposes", name), how: "theirs" },
    { label: t("Take both"), description: t("one after the other"), how: "both" },
    { label: t("Ask {0} to put both together", name), how: undefined },
  ];
  const way = await vscode.window.showQuickPick(ways, { title: t("NEXUS: you and {0} changed the same lines", name), placeHolder: oneLine(change.why) });
  if (!way) return;
  if (way.how) await ctx.execute("nexus.review.resolve", { changeIds: [change.id], how: way.how });
  else await ctx.execute("nexus.review.revise", { changeIds: [change.id], feedback: "The user changed these lines meanwhile. Put together what both sides want." });
}

export async function undoDecision(ctx: Ctx, arg: unknown): Promise<void> {
  const decided = ctx.store.changes.filter(({ status }) => status === "accepted" || status === "rejected").sort(inOrder);
  const given = arg === undefined ? undefined : givenChange(ctx, arg);
  if (!given && !decided.length) return say(t("nothing was decided yet."));
  const change = given ?? (await pickChange(ctx, decided, t("NEXUS: take back which decision?")));
  if (change) await ctx.execute("nexus.review.undo", { changeIds: [change.id] });
}

export async function reviseChange(ctx: Ctx, arg: unknown): Promise<void> {
  const change = givenChange(ctx, arg) ?? (await pickPending(ctx, t("NEXUS: another version of which change?")));
  if (!change) return;
  const feedback = await vscode.window.showInputBox({
    title: t("NEXUS: what should {0} do differently?", ctx.store.agentName(change.agentId)),
    prompt: change.why,
    ignoreFocusOut: true,
  });
  if (feedback?.trim()) await ctx.execute("nexus.review.revise", { changeIds: [change.id], feedback: feedback.trim() });
}
