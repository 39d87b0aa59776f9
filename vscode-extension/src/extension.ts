import * as vscode from "vscode";
import { callAttention } from "./attention";
import { registerCommands } from "./commands";
import { Ctx } from "./ctx";
import { Decorations } from "./decorations";
import { Previews } from "./preview";
import { AgentsTree, RunsTree } from "./trees";

let ctx: Ctx | undefined;

export async function activate(extension: vscode.ExtensionContext): Promise<void> {
  const own = new Ctx(extension);
  ctx = own;
  extension.subscriptions.push(
    own,
    new Previews(own.store),
    new Decorations(extension, own.store),
    new RunsTree(own.store),
    new AgentsTree(own.store),
    ...registerCommands(own),
    ...callAttention(own),
    vscode.workspace.onDidChangeConfiguration((change) => onSettings(own, change)),
    vscode.workspace.onDidGrantWorkspaceTrust(() => onTrust(own)),
    vscode.workspace.onDidChangeWorkspaceFolders(() => void own.start()),
  );
  // Not awaited: the commands are there at once, and wait for the server where they need it.
  void own.start();
}

/** The server must have gone when this resolves: the editor kills what is left after a few seconds. */
export async function deactivate(): Promise<void> {
  await ctx?.stop();
}

function onSettings(own: Ctx, change: vscode.ConfigurationChangeEvent): void {
  if (change.affectsConfiguration("nexus.server")) void own.restart();
  else if (change.affectsConfiguration("nexus")) void own.pushSettings();
}

/** A server that could not be found without the workspace's interpreter may be found now. */
function onTrust(own: Ctx): void {
  if (own.running) void own.pushSettings();
  else void own.start();
}
