/** `nexus-lsp doctor` in a terminal, with the server's own interpreter and keys. */
import * as vscode from "vscode";
import type { Ctx } from "./ctx";
import { keysEnvironment } from "./keys";
import { findServer, SERVER_CWD, withSubcommand } from "./server";

export async function doctor(ctx: Ctx): Promise<void> {
  const found = ctx.launch ?? (await findServer(vscode.workspace.workspaceFolders?.[0]?.uri));
  if ("tried" in found) {
    for (const line of found.tried) ctx.log.error(`Not usable: ${line}`);
    ctx.log.show();
    return;
  }
  const launch = withSubcommand(found, "doctor");
  if (!launch) {
    const text = "NEXUS: nexus.server.command does not end in “serve --stdio”, so Doctor cannot be derived from it.";
    return void vscode.window.showWarningMessage(text);
  }
  const env = await keysEnvironment(ctx.extension.secrets);
  const execution = new vscode.ProcessExecution(launch.command, [...launch.args], { cwd: SERVER_CWD, env });
  const task = new vscode.Task({ type: "nexus" }, vscode.TaskScope.Workspace, "Doctor", "NEXUS", execution, []);
  task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, focus: true, clear: true };
  await vscode.tasks.executeTask(task);
}
