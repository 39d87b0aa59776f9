/** The one table of the extension's commands. The server's own (`lspExt.Commands`) have other names. */
import * as vscode from "vscode";
import { commitAccepted, showChanges } from "./commit";
import { type Ctx, NotRunning } from "./ctx";
import { doctor } from "./doctor";
import { answerAsk } from "./asks";
import * as firstUse from "./firstUse";
import { installServer } from "./install";
import { ANTHROPIC, chooseKey, OPENAI, setKey } from "./keys";
import * as plan from "./plan/commands";
import { fixProblem } from "./problems";
import * as review from "./review";
import * as runs from "./runs";
import { showTranscript } from "./transcript/documents";
import { t } from "./words";

export type Run = (ctx: Ctx, arg: unknown, second?: unknown, third?: unknown) => unknown;

export const COMMANDS: Readonly<Record<string, Run>> = {
  "nexus.delegateToTeam": runs.delegate,
  "nexus.delegateSelection": runs.delegateSelection,
  "nexus.delegateFile": runs.delegateFile,
  "nexus.fixProblem": fixProblem,
  "nexus.cancelRun": runs.steer("nexus.run.cancel"),
  "nexus.pauseRun": runs.steer("nexus.run.pause"),
  "nexus.resumeRun": runs.steer("nexus.run.resume"),
  "nexus.retryRun": runs.steer("nexus.run.retry"),
  "nexus.showPlan": plan.showPlan,
  "nexus.approvePlan": plan.approvePlan,
  "nexus.rejectPlan": plan.rejectPlan,
  "nexus.plan.edit": plan.editPlan,
  "nexus.answerAsk": answerAsk,
  "nexus.showTranscript": showTranscript,

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
  "nexus.resolveConflict": review.resolveConflict,
  "nexus.acceptAgent": review.decideAgent("nexus.review.accept"),
  "nexus.rejectAgent": review.decideAgent("nexus.review.reject"),
  "nexus.acceptRows": review.decideRows("nexus.review.accept"),
  "nexus.rejectRows": review.decideRows("nexus.review.reject"),
  "nexus.undoDecision": review.undoDecision,
  "nexus.reviseChange": review.reviseChange,

  "nexus.setApiKey": chooseKey,
  "nexus.setOpenaiKey": setKey(OPENAI),
  "nexus.setAnthropicKey": setKey(ANTHROPIC),
  "nexus.doctor": doctor,
  "nexus.openWalkthrough": firstUse.showWalkthrough,
  "nexus.openSample": firstUse.openSample,
  "nexus.firstRun": firstUse.firstRun,
  "nexus.chooseTeam": firstUse.chooseTeam,
  "nexus.installServer": installServer,
  "nexus.showLog": (ctx) => ctx.log.show(),
  "nexus.restartServer": (ctx) => ctx.restart(),
};

/** `more`: commands of views that have a state of their own. */
export function registerCommands(ctx: Ctx, ...more: Readonly<Record<string, Run>>[]): vscode.Disposable[] {
  return Object.entries(Object.assign({}, COMMANDS, ...more) as Record<string, Run>).map(([name, run]) =>
    vscode.commands.registerCommand(name, (...args: unknown[]) => attempt(ctx, run, args)),
  );
}

async function attempt(ctx: Ctx, run: Run, [arg, second, third]: unknown[]): Promise<unknown> {
  try {
    return await run(ctx, arg, second, third);
  } catch (error) {
    ctx.log.error(error instanceof Error ? error : String(error));
    if (!(error instanceof NotRunning)) void vscode.window.showErrorMessage(`NEXUS: ${error instanceof Error ? error.message : error}`);
    else if (!vscode.workspace.workspaceFolders?.length) void vscode.window.showErrorMessage(t("NEXUS works on a folder: open one first."));
    return undefined;
  }
}
