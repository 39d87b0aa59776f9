/**
 * Questions and permissions as notifications that say who asks, for what, and why.
 *
 * A notification holds nothing up, and closing it answers nothing: the question stays in the view Runs, in the status
 * bar and in the command Answer a Question until it is answered, here or anywhere else.
 */
import * as vscode from "vscode";
import type { Ctx } from "./ctx";
import type { Ask, AskId } from "./lspExt";
import { askText } from "./serverWords";
import { asked, buttons, CHOOSE, OWN_WORDS, SHOW_PLAN } from "./sentences";
import { isNode } from "./trees";
import { oneLine } from "./view";
import { t } from "./words";

export function putAsks(ctx: Ctx): vscode.Disposable {
  const put = new Set<AskId>();
  return ctx.store.onDidChange(() => {
    for (const ask of ctx.store.asks) {
      if (put.has(ask.askId)) continue;
      put.add(ask.askId);
      void notify(ctx, ask);
    }
  });
}

async function notify(ctx: Ctx, ask: Ask): Promise<void> {
  const items = buttons(ask).map((value) => ({ title: askText(value), value }));
  const picked = (await vscode.window.showInformationMessage(`NEXUS: ${asked(ask, ctx.store.agentName(ask.agentId), clock)}`, ...items))?.value;
  if (!picked) return;
  if (picked === SHOW_PLAN) await vscode.commands.executeCommand("nexus.showPlan", runOf(ctx, ask));
  else if (picked === CHOOSE || picked === OWN_WORDS) await vscode.commands.executeCommand("nexus.answerAsk", { kind: "ask", ask });
  else await vscode.commands.executeCommand("nexus.answerAsk", { kind: "ask", ask }, picked);
}

const clock = (at: number): string => new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

const runOf = (ctx: Ctx, { askId }: Ask): string | undefined => ctx.store.loaded.find((run) => run.asks.some((each) => each.askId === askId))?.runId;

/** Answers the row's question, or the one that the user picks; `given` is the answer where it is known already. */
export async function answerAsk(ctx: Ctx, arg: unknown, given?: unknown): Promise<void> {
  await ctx.store.settled();
  const ask = isNode(arg) && arg.kind === "ask" ? arg.ask : await pickAsk(ctx);
  if (!ask) return;
  const runId = runOf(ctx, ask);
  if (!runId) return void vscode.window.showInformationMessage(t("NEXUS: this question has been answered already."));
  // A plan is decided as it stands in its document, where it may have been changed.
  if (ask.kind === "plan" && given === undefined) return void (await vscode.commands.executeCommand("nexus.showPlan", runId));
  const answer = typeof given === "string" ? given : await pickAnswer(ctx, ask);
  if (!answer) return;
  if (ask.kind === "plan") {
    const yes = answer === ask.options[0];
    return void (await vscode.commands.executeCommand(yes ? "nexus.approvePlan" : "nexus.rejectPlan", runId));
  }
  await ctx.execute("nexus.answer", { askId: ask.askId, answer });
  ctx.store.touch(runId);
}

async function pickAsk(ctx: Ctx): Promise<Ask | undefined> {
  const open = ctx.store.asks;
  if (!open.length) return void vscode.window.showInformationMessage(t("NEXUS: no question waits for you."));
  if (open.length === 1) return open[0];
  const items = open.map((ask) => ({ label: oneLine(askText(ask.question)), description: ask.agentId ? ctx.store.agentName(ask.agentId) : "", detail: askText(ask.why), ask }));
  return (await vscode.window.showQuickPick(items, { title: t("NEXUS: which question?") }))?.ask;
}

/** One of an ask's options; an agent's question takes any words as well. */
async function pickAnswer(ctx: Ctx, ask: Ask): Promise<string | undefined> {
  const question = askText(ask.question);
  const why = askText(ask.why);
  const title = ask.agentId ? t("{0} asks: {1}", ctx.store.agentName(ask.agentId), question) : question;
  const more = { title, ignoreFocusOut: true };
  const options = ask.kind === "question" ? [...ask.options, OWN_WORDS] : ask.options;
  const items = options.map((value) => ({ label: askText(value), value }));
  const picked = (await vscode.window.showQuickPick(items, { ...more, ...(why ? { placeHolder: why } : {}) }))?.value;
  if (picked !== OWN_WORDS || ask.kind !== "question") return picked;
  return (await vscode.window.showInputBox({ ...more, ...(why ? { prompt: why } : {}) }))?.trim();
}
