/**
 * The language server in an environment of its own, below the extension's global storage: one click, nothing of
 * the user's Pythons is touched, and it goes with the extension's data.
 *
 * It comes from the wheel inside the extension where there is one, else from PyPI under the extension's own
 * version; what it depends on comes from PyPI in any case.
 */
import { spawn } from "node:child_process";
import { access, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import * as vscode from "vscode";
import type { Ctx } from "./ctx";
import { onPath, pythonVersion, SERVER_CWD, serverVersion } from "./server";
import { t } from "./words";

/** The managed environment's interpreter, whether or not it is there. */
export function managedPython(storage: vscode.Uri): string {
  const root = join(storage.fsPath, "server");
  return process.platform === "win32" ? join(root, "Scripts", "python.exe") : join(root, "bin", "python");
}

export const exists = (path: string): Promise<boolean> => access(path).then(() => true, () => false);

export async function installServer(ctx: Ctx): Promise<boolean> {
  const title = t("NEXUS: installing the language server");
  const done = await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title, cancellable: true }, async (progress, token) => {
    const say = (message: string): void => {
      progress.report({ message: message.slice(0, 100) });
      ctx.log.info(`Install: ${message}`);
    };
    try {
      await install(ctx, say, token);
      return true;
    } catch (error) {
      if (token.isCancellationRequested) return false;
      ctx.log.error(`Install: ${error}`);
      void failed(ctx, error instanceof Error ? error.message : String(error));
      return false;
    }
  });
  if (!done) return false;
  await offerOwn();
  await ctx.restart();
  return true;
}

/** A setting that names another server would win over what was just installed. */
async function offerOwn(): Promise<void> {
  const settings = vscode.workspace.getConfiguration("nexus.server");
  const named = ["command", "python"].filter((key) => settings.get(key));
  if (!named.length) return;
  const remove = t("Remove the Setting");
  const text = t("The setting {0} names another server, which goes before the one just installed.", named.map((key) => `nexus.server.${key}`).join(", "));
  if ((await vscode.window.showWarningMessage(text, remove)) !== remove) return;
  for (const key of named) await settings.update(key, undefined, vscode.ConfigurationTarget.Global);
}

type Say = (message: string) => void;

async function install(ctx: Ctx, say: Say, token: vscode.CancellationToken): Promise<void> {
  const storage = ctx.extension.globalStorageUri;
  await mkdir(storage.fsPath, { recursive: true });
  const root = join(storage.fsPath, "server");
  const python = managedPython(storage);
  const source = await packageSource(ctx);
  const run = (command: string, ...args: string[]): Promise<void> => carriedOut(command, args, say, token);
  await ctx.stop(); // on Windows the files of a server at work cannot be replaced
  await rm(root, { recursive: true, force: true });
  const uv = await onPath("uv");
  if (uv) {
    say(t("Making an environment with uv"));
    await run(uv, "venv", "--quiet", "--python", ">=3.11", root);
    await run(uv, "pip", "install", "--python", python, source);
  } else {
    say(t("Making an environment"));
    await run(await usablePython(), "-m", "venv", root);
    await run(python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", source);
  }
  const version = await serverVersion(python);
  if (!version) throw new Error(t("It was installed, but does not start: {0}", python));
  say(t("Installed nexus-lsp {0}", version));
}

/** A wheel that `npm run wheel` put into the package, else the release of the extension's own version. */
async function packageSource(ctx: Ctx): Promise<string> {
  const folder = join(ctx.extension.extensionPath, "server");
  const wheel = (await readdir(folder).catch((): string[] => [])).filter((name) => name.endsWith(".whl")).sort().at(-1);
  return wheel ? join(folder, wheel) : `nexus-lsp==${extensionVersion(ctx)}`;
}

export const extensionVersion = (ctx: Ctx): string => String((ctx.extension.extension.packageJSON as { version: unknown }).version);

const CANDIDATES = process.platform === "win32" ? ["python", "py"] : ["python3.14", "python3.13", "python3.12", "python3.11", "python3"];

async function usablePython(): Promise<string> {
  for (const name of CANDIDATES) {
    const path = await onPath(name);
    const version = path && (await pythonVersion(path));
    if (path && version && (version[0] > 3 || (version[0] === 3 && version[1] >= 11))) return path;
  }
  throw new Error(t("There is no Python 3.11 or newer, and no uv that could fetch one. Install either and try again."));
}

/** Its last lines are what went wrong. */
function carriedOut(command: string, args: readonly string[], say: Say, token: vscode.CancellationToken): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: SERVER_CWD, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, PYTHONUNBUFFERED: "1" } });
    let tail = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        tail = (tail + text).slice(-2000);
        const line = text.trim().split("\n").at(-1)?.trim();
        if (line) say(line);
      });
    }
    const stop = token.onCancellationRequested(() => child.kill());
    child.once("error", reject);
    child.once("close", (code) => {
      stop.dispose();
      if (code === 0) resolve();
      else reject(new Error(tail.trim().split("\n").slice(-3).join(" ") || t("{0} ended with {1}", command, String(code))));
    });
  });
}

async function failed(ctx: Ctx, why: string): Promise<void> {
  const [again, log] = [t("Try Again"), t("Show Log")];
  const picked = await vscode.window.showErrorMessage(t("NEXUS could not install its language server. {0}", why), again, log);
  if (picked === again) await installServer(ctx);
  if (picked === log) ctx.log.show();
}

/** Says once a window that a server of another version runs; what to do depends on whose it is. */
export async function sayOtherVersion(ctx: Ctx, version: string): Promise<void> {
  const [update, later] = [t("Install Version {0}", extensionVersion(ctx)), t("Later")];
  const text = t("The NEXUS language server is version {0}, the extension {1}. They may not understand each other.", version, extensionVersion(ctx));
  const picked = await vscode.window.showWarningMessage(text, update, later);
  if (picked === update) await installServer(ctx);
}
