/** The one table of the extension's commands. The server's own (`lspExt.Commands`) have other names. */
import * as vscode from "vscode";
import { commitAccepted, showChanges } from "./commit";
import { type Ctx, NotRunning } from "./ctx";
import { doctor } from "./doctor";
import { ANTHROPIC, OPENAI, setKey } from "./keys";
import * as review from "./review";
import * as runs from "./runs";

type Run = (ctx: Ctx, arg: unknown) => unknown;

export const COMMANDS: Readonly<Record<string, Run>> = {
  "nexus.delegateToTeam": runs.delegate,
  "nexus.cancelRun": runs.steer("nexus.run.cancel"),
  "nexus.pauseRun": runs.steer("nexus.run.pause"),
  "nexus.resumeRun": runs.steer("nexus.run.resume"),
  "nexus.retryRun": runs.steer("nexus.run.retry"),
  "nexus.showPlan": runs.showPlan,
  "nexus.approvePlan": runs.approvePlan,
  "nexus.rejectPlan": runs.rejectPlan,
  "nexus.answerAsk": runs.answerAsk,

  "nexus.reviewChanges": review.reviewChanges,
  "nexus.nextChange": review.walk(1),
  "nexus.previousChange": review.walk(-1),
  "nexus.openChange": review.openChange,
  "nexus.diffChange": review.diffChange,
  "nexus.diffRun": review.diffRun,
  "nexus.showChanges": showChanges,
  "nexus.commitAccepted": commitAccepted,
  "nexus.openPreview": review.openPreview,
  "nexus.acceptChange": review.decideChange("nexus.review.accept"),
  "nexus.rejectChange": review.decideChange("nexus.review.reject"),
  "nexus.acceptFile": review.decideFile("nexus.review.accept"),
  "nexus.rejectFile": review.decideFile("nexus.review.reject"),
  "nexus.acceptRun": review.decideRun("nexus.review.accept"),
  "nexus.rejectRun": review.decideRun("nexus.review.reject"),
  "nexus.undoDecision": review.undoDecision,
  "nexus.reviseChange": review.reviseChange,

  "nexus.setOpenaiKey": setKey(OPENAI),
  "nexus.setAnthropicKey": setKey(ANTHROPIC),
  "nexus.doctor": doctor,
  "nexus.showLog": (ctx) => ctx.log.show(),
  "nexus.restartServer": (ctx) => ctx.restart(),
};

export function registerCommands(ctx: Ctx): vscode.Disposable[] {
  return Object.entries(COMMANDS).map(([name, run]) =>
    vscode.commands.registerCommand(name, (arg: unknown) => attempt(ctx, run, arg)),
  );
}

async function attempt(ctx: Ctx, run: Run, arg: unknown): Promise<unknown> {
  try {
    return await run(ctx, arg);
  } catch (error) {
    ctx.log.error(error instanceof Error ? error : String(error));
    if (!(error instanceof NotRunning)) void vscode.window.showErrorMessage(`NEXUS: ${error instanceof Error ? error.message : error}`);
    else if (!vscode.workspace.workspaceFolders?.length) void vscode.window.showErrorMessage("NEXUS works on a folder: open one first.");
    return undefined;
  }
}
