/** `nexus-lsp doctor` in a terminal, with the server's own interpreter and keys. */
import * as vscode from "vscode";
import type { Ctx } from "./ctx";
import { keysEnvironment } from "./keys";
import { SERVER_CWD, withSubcommand } from "./server";
import { t } from "./words";

export async function doctor(ctx: Ctx): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const found = ctx.launch ?? (await ctx.find(folder));
  if ("tried" in found) {
    for (const line of found.tried) ctx.log.error(`Not usable: ${line}`);
    ctx.log.show();
    return;
  }
  const launch = withSubcommand(found, "doctor");
  if (!launch) {
    const text = t("NEXUS: nexus.server.command does not end in “serve --stdio”, so Doctor cannot be derived from it.");
    return void vscode.window.showWarningMessage(text);
  }
  const env = await keysEnvironment(ctx.extension.secrets);
  // The workspace is looked at, not stood in: nothing of it must be run in place of what is installed.
  const args = folder ? [...launch.args, folder.fsPath] : [...launch.args];
  const execution = new vscode.ProcessExecution(launch.command, args, { cwd: SERVER_CWD, env });
  const task = new vscode.Task({ type: "nexus" }, vscode.TaskScope.Workspace, t("Doctor"), "NEXUS", execution, []);
  task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, focus: true, clear: true };
  await vscode.tasks.executeTask(task);
}
