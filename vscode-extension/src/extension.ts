import "./speak";
import * as vscode from "vscode";
import { putAsks } from "./asks";
import { callAttention } from "./attention";
import { joinChat } from "./chat";
import { registerCommands } from "./commands";
import { commitCommands, offerCommits } from "./commitDraft";
import { Ctx, setContext } from "./ctx";
import { DashboardPanel } from "./dashboardPanel";
import { Decorations } from "./decorations";
import { goOn } from "./firstUse";
import { memoryCommands, MemoryTree } from "./memory";
import { PlanFiles } from "./plan/documents";
import { PlanEditor } from "./plan/editor";
import { Previews } from "./preview";
import { ProblemActions } from "./problems";
import { ReviewTree } from "./reviewTree";
import { talkCommands, Talks } from "./talk";
import { Transcripts } from "./transcript/documents";
import { RunsTree, TeamTree } from "./trees";

let ctx: Ctx | undefined;

export async function activate(extension: vscode.ExtensionContext): Promise<void> {
  const own = new Ctx(extension);
  ctx = own;
  const memory = new MemoryTree(own);
  const talks = new Talks(own);
  const dashboard = new DashboardPanel(own);
  extension.subscriptions.push(
    own,
    new Previews(own.store),
    new Decorations(extension, own.store),
    new PlanFiles(own.store, extension.workspaceState, () => own.start()),
    new PlanEditor(own.store),
    new Transcripts(own),
    new RunsTree(own.store, own.history),
    new ReviewTree(own.store),
    new TeamTree(own.store),
    memory,
    dashboard,
    talks,
    ProblemActions.register(),
    putAsks(own),
    ...registerCommands(own, memoryCommands(memory), talkCommands(talks), commitCommands, { "nexus.showDashboard": (_, run) => dashboard.show(run) }),
    ...callAttention(own),
    ...joinChat(own),
    ...offerCommits(),
    vscode.workspace.onDidChangeConfiguration((change) => onSettings(own, change)),
    vscode.workspace.onDidGrantWorkspaceTrust(() => onTrust(own)),
    vscode.workspace.onDidChangeWorkspaceFolders(() => onFolders(own)),
  );
  sayFolder();
  // Not awaited: the commands are there at once, and wait for the server where they need it.
  void own.start();
  void goOn(own);
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

function onFolders(own: Ctx): void {
  sayFolder();
  void own.start();
}

/** The walkthrough's first step is done where a folder is open. */
function sayFolder(): void {
  void setContext("hasFolder", Boolean(vscode.workspace.workspaceFolders?.length));
}
