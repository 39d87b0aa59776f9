/**
 * Questions and permissions as notifications that say who asks, for what, and why.
 *
 * A notification holds nothing up, and closing it answers nothing: the question stays in the view Runs, in the status
 * bar and in the command Answer a Question until it is answered, here or anywhere else. No extension can take a
 * notification away: the button of one that is over says what became of it.
 */
import * as vscode from "vscode";
import type { Ctx } from "./ctx";
import type { Ask, AskId, RunDetail, RunId } from "./lspExt";
import { asked, became, buttons, CHOOSE, OWN_WORDS, READ, SHOW_PLAN, wholeText } from "./sentences";
import { askText } from "./serverWords";
import { isNode } from "./trees";
import { oneLine, word } from "./view";
import { t } from "./words";

/** The run of each question that was put here: snapshots have open ones alone. */
const runs = new Map<AskId, RunId>();

export function putAsks(ctx: Ctx): vscode.Disposable {
  return ctx.store.onDidChange(() => {
    for (const ask of ctx.store.asks) {
      const run = runOf(ctx, ask);
      if (runs.has(ask.askId) || !run) continue;
      runs.set(ask.askId, run.runId);
      void notify(ctx, ask);
    }
  });
}

async function notify(ctx: Ctx, ask: Ask): Promise<void> {
  const items = buttons(ask).map((value) => ({ title: askText(value), value }));
  const picked = (await vscode.window.showInformationMessage(`NEXUS: ${asked(ask, ctx.store.agentName(ask.agentId), clock)}`, ...items))?.value;
  if (!picked) return;
  if (picked === SHOW_PLAN) await vscode.commands.executeCommand("nexus.showPlan", runs.get(ask.askId));
  else if (picked === CHOOSE || picked === OWN_WORDS || picked === READ) await vscode.commands.executeCommand("nexus.answerAsk", { kind: "ask", ask });
  else await vscode.commands.executeCommand("nexus.answerAsk", { kind: "ask", ask }, picked);
}

const clock = (at: number): string => new Date(at * 1000).toLocaleTimeString(vscode.env.language, { hour: "2-digit", minute: "2-digit" });

const runOf = (ctx: Ctx, { askId }: Ask): RunDetail | undefined => ctx.store.loaded.find((run) => run.asks.some((each) => each.askId === askId));

const isOpen = (ctx: Ctx, { askId }: Ask): boolean => ctx.store.asks.some((each) => each.askId === askId);

/** Answers the row's question, or the one that the user picks; `given` is the answer where it is known already. */
export async function answerAsk(ctx: Ctx, arg: unknown, given?: unknown): Promise<void> {
  // A server that just ended is started: only it knows whether the question still waits.
  await ctx.start();
  await ctx.store.settled();
  if (!ctx.running) return;
  const ask = isNode(arg) && arg.kind === "ask" ? arg.ask : await pickAsk(ctx);
  if (!ask) return;
  if (!isOpen(ctx, ask)) return sayOver(ctx, ask);
  const runId = runOf(ctx, ask)?.runId;
  // A plan is decided as it stands in its document, where it may have been changed.
  if (ask.kind === "plan" && given === undefined) return void (await vscode.commands.executeCommand("nexus.showPlan", runId));
  const answer = typeof given === "string" ? given : await pickAnswer(ctx, ask);
  if (!answer) return;
  if (ask.kind === "plan") {
    const yes = answer === ask.options[0];
    return void (await vscode.commands.executeCommand(yes ? "nexus.approvePlan" : "nexus.rejectPlan", runId));
  }
  await send(ctx, ask, answer);
}

async function send(ctx: Ctx, ask: Ask, answer: string): Promise<void> {
  const runId = runOf(ctx, ask)?.runId;
  try {
    await ctx.execute("nexus.answer", { askId: ask.askId, answer });
  } catch (error) {
    ctx.store.touch();
    await ctx.store.settled();
    if (!ctx.running || isOpen(ctx, ask)) throw error;
    return sayOver(ctx, ask);
  }
  if (runId) ctx.store.touch(runId);
}

/** What became of a question that nobody can answer any more. */
async function sayOver(ctx: Ctx, ask: Ask): Promise<void> {
  const runId = runs.get(ask.askId);
  const [run, events] = runId ? await Promise.all([ctx.store.load(runId), ctx.history.load(runId)]) : [undefined, []];
  const answered = events.findLast((event) => event.type === "ask_answered" && event.askId === ask.askId);
  const over = run && ["cancelled", "failed", "completed"].includes(run.status) ? word(run.status) : "";
  void vscode.window.showInformationMessage(became(answered?.type === "ask_answered" ? answered : undefined, ask, over));
}

async function pickAsk(ctx: Ctx): Promise<Ask | undefined> {
  const open = ctx.store.asks;
  if (!open.length) return void vscode.window.showInformationMessage(t("NEXUS: no question waits for you."));
  if (open.length === 1) return open[0];
  const items = open.map((ask) => ({ label: oneLine(askText(ask.question)), description: whose(ctx, ask), detail: askText(ask.why), ask }));
  return (await vscode.window.showQuickPick(items, { title: t("NEXUS: which question?") }))?.ask;
}

/** Who asks, and in which run where there are several. */
function whose(ctx: Ctx, ask: Ask): string {
  const runs = new Set(ctx.store.asks.map((each) => runOf(ctx, each)?.runId));
  const request = runs.size > 1 ? oneLine(runOf(ctx, ask)?.request ?? "") : "";
  return [ask.agentId && ctx.store.agentName(ask.agentId), request].filter(Boolean).join(" · ");
}

/** One of an ask's options; an agent's question takes any words as well. */
async function pickAnswer(ctx: Ctx, ask: Ask): Promise<string | undefined> {
  const title = ask.agentId ? t("{0} asks: {1}", ctx.store.agentName(ask.agentId), oneLine(askText(ask.question))) : askText(ask.question);
  const options = ask.kind === "question" ? [...ask.options, OWN_WORDS] : ask.options;
  const picked = options.length ? await pickOption(ctx, ask, title, options) : OWN_WORDS;
  if (picked !== OWN_WORDS || ask.kind !== "question") return picked;
  return (await vscode.window.showInputBox({ title, ignoreFocusOut: true, prompt: wholeText(ask) }))?.trim();
}

/** Characters of a list's title or hint that can be seen. */
const MOST_TITLE = 70;

/** The transcript of the task has the question in full. */
async function showBeside(ctx: Ctx, ask: Ask): Promise<void> {
  const run = runOf(ctx, ask);
  const task = run?.tasks.find((each) => each.taskId === ask.taskId);
  if (run && task) await vscode.commands.executeCommand("nexus.showTranscript", { kind: "task", run, task });
}

/** The list ends when the question does: answered elsewhere, given up, or out of time. */
function pickOption(ctx: Ctx, ask: Ask, title: string, options: readonly string[]): Promise<string | undefined> {
  // `prompt`, which shows all of a text, came to VS Code after the version that is asked for.
  const list: vscode.QuickPick<vscode.QuickPickItem & { value: string }> & { prompt?: string } = vscode.window.createQuickPick();
  const cutOff = title.length > MOST_TITLE || ask.why.length > MOST_TITLE;
  if (cutOff && !("prompt" in list)) void showBeside(ctx, ask);
  list.title = cutOff && "prompt" in list ? (ask.agentId ? t("{0} asks you", ctx.store.agentName(ask.agentId)) : "NEXUS") : title;
  if (cutOff) list.prompt = wholeText(ask);
  else if (ask.why) list.placeholder = askText(ask.why);
  list.ignoreFocusOut = true;
  list.items = options.map((value) => ({ label: askText(value), value }));
  return new Promise((resolve) => {
    const watch = ctx.store.onDidChange(() => isOpen(ctx, ask) || list.hide());
    list.onDidAccept(() => {
      resolve(list.selectedItems[0]?.value);
      list.hide();
    });
    list.onDidHide(() => {
      watch.dispose();
      list.dispose();
      resolve(undefined);
    });
    list.show();
  });
}
