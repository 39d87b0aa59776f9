/** What the walkthrough's buttons do: a small sample to try it on, the team, and the first run. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as vscode from "vscode";
import { type Ctx, setContext } from "./ctx";
import { ANTHROPIC, setKey } from "./keys";
import type { Team } from "./lspExt";
import { delegate } from "./runs";
import { SAMPLE } from "./sample";
import { t } from "./words";

/** The sample was just opened: the window that comes up shows the walkthrough again. */
const GO_ON = "nexus.walkthrough.goOn";
const SAMPLE_NAME = "nexus-sample";

/** A fresh copy each time, so that whatever was done to the last one, this one is as it should be. */
export async function openSample(ctx: Ctx): Promise<void> {
  const root = join(ctx.extension.globalStorageUri.fsPath, SAMPLE_NAME, new Date().toISOString().replace(/\D/g, "").slice(0, 14), "shop");
  await mkdir(root, { recursive: true });
  for (const [name, text] of Object.entries(SAMPLE.files)) await writeFile(join(root, name), text);
  await ctx.extension.globalState.update(GO_ON, root);
  await vscode.commands.executeCommand("vscode.openFolder", vscode.Uri.file(root), { forceReuseWindow: true });
}

const inSample = (): boolean => vscode.workspace.workspaceFolders?.[0]?.uri.path.includes(`/${SAMPLE_NAME}/`) ?? false;

export async function showWalkthrough(ctx: Ctx): Promise<void> {
  await vscode.commands.executeCommand("workbench.action.openWalkthrough", `${ctx.extension.extension.id}#start`, false);
  for (const wait of TICKS_MS) setTimeout(() => void tick(ctx), wait);
}

/** The editor opens a walkthrough first and listens for its steps at some time after that. */
const TICKS_MS = [0, 500, 1500, 4000];

/** A step is ticked when its context changes while the walkthrough listens, not when it holds already: these are for nothing else. */
async function tick(ctx: Ctx): Promise<void> {
  const did = {
    folder: Boolean(vscode.workspace.workspaceFolders?.length),
    server: ctx.running,
    run: ctx.store.runs.length > 0,
    accept: ctx.store.changes.some((change) => change.status === "accepted"),
  };
  for (const [step, done] of Object.entries(did)) {
    await setContext(`did.${step}`, false);
    await setContext(`did.${step}`, done);
  }
}

export async function goOn(ctx: Ctx): Promise<void> {
  const state = ctx.extension.globalState;
  const root = state.get<string>(GO_ON);
  if (!root || !vscode.workspace.workspaceFolders?.some((folder) => folder.uri.fsPath === root)) return;
  await state.update(GO_ON, undefined);
  await showWalkthrough(ctx);
}

/** In the sample nothing is asked: the request is the one that it was made for. */
export async function firstRun(ctx: Ctx): Promise<void> {
  const runId = await delegate(ctx, inSample() ? { request: SAMPLE.request } : undefined);
  if (runId) await vscode.commands.executeCommand("nexus.showDashboard", runId);
}

export async function chooseTeam(ctx: Ctx): Promise<void> {
  const teams: (vscode.QuickPickItem & { team: Team })[] = [
    { team: "auto", label: t("Whichever can work"), detail: t("Claude Code where it has credentials, else the built-in team.") },
    { team: "local", label: t("The built-in team"), detail: t("No key and no network: lint fixes, tests, analysis, by rules and tools.") },
    { team: "claude", label: t("Claude Code agents"), detail: t("Any request. Needs a login of Claude Code, or an Anthropic API key.") },
  ];
  const picked = await vscode.window.showQuickPick(teams, { title: t("NEXUS: which team?"), ignoreFocusOut: true });
  if (!picked) return;
  await vscode.workspace.getConfiguration("nexus").update("team", picked.team, vscode.ConfigurationTarget.Global);
  if (picked.team !== "claude" || (await ctx.extension.secrets.get(ANTHROPIC.name))) return;
  const [set, have] = [t("Set API Key…"), t("I Am Logged In")];
  if ((await vscode.window.showInformationMessage(t("NEXUS: Claude agents use the login of Claude Code, or an Anthropic API key."), set, have)) === set) await setKey(ANTHROPIC)(ctx);
}
