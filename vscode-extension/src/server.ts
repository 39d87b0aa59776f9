/**
 * Finding the language server, in plain steps:
 *
 *  1. `nexus.server.command`, taken as it stands;
 *  2. the environment that NEXUS: Install Server made (`install.ts`), where `nexus.server.python` names no other;
 *  3. `nexus.server.python`, else the interpreter selected in the Python extensions (trusted workspaces only:
 *     it may lie in the workspace), where it has `nexus_lsp`;
 *  4. `python3` (on Windows `python`);
 *  5. `nexus-lsp` on the path, as `uv tool` and `pipx` install it.
 */
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import * as vscode from "vscode";

const run = promisify(execFile);

export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly why: string;
  /** The installed package's; undefined where it was not asked. */
  readonly version?: string | undefined;
}

/** Where nothing works: what was tried, one line each. */
export interface NotFound {
  readonly tried: readonly string[];
}

const SERVE = ["serve", "--stdio"];

/** `managed`: the interpreter of the environment that the extension installs into, where that is there. */
export async function findServer(scope: vscode.Uri | undefined, managed?: string): Promise<Launch | NotFound> {
  const settings = vscode.workspace.getConfiguration("nexus.server", scope);
  const given = settings.get<string[] | null>("command");
  if (given?.[0]) return { command: given[0], args: given.slice(1), why: "setting nexus.server.command" };

  const tried: string[] = [];
  for await (const { python, why } of interpreters(settings.get<string | null>("python") || undefined, scope, managed)) {
    const { problem, version } = await probed(python);
    if (!problem) return { command: python, args: moduleArgs(SERVE), why, version };
    tried.push(`${why}: ${python}: ${problem}`);
  }
  const tool = await onPath("nexus-lsp");
  if (tool) return { command: tool, args: SERVE, why: "nexus-lsp on the path" };
  tried.push("nexus-lsp: not on the path");
  return { tried };
}

/** The same server program with another subcommand; undefined where the command line is not ours to read. */
export function withSubcommand(launch: Launch, subcommand: string): Launch | undefined {
  const tail = launch.args.slice(-SERVE.length);
  if (tail.join(" ") !== SERVE.join(" ")) return undefined;
  return { ...launch, args: [...launch.args.slice(0, -SERVE.length), subcommand] };
}

/** Never the workspace: a `nexus_lsp` folder in it must not be run in place of the installed one. */
export const SERVER_CWD = homedir();

/** `-P` keeps the working directory off `sys.path`. */
const moduleArgs = (args: readonly string[]): string[] => ["-P", "-m", "nexus_lsp", ...args];

async function* interpreters(
  setting: string | undefined,
  scope: vscode.Uri | undefined,
  managed: string | undefined,
): AsyncGenerator<{ python: string; why: string }> {
  if (setting) {
    yield { python: setting, why: "setting nexus.server.python" };
    return;
  }
  if (managed) yield { python: managed, why: "installed by the extension" };
  if (vscode.workspace.isTrusted) {
    const fromEnvs = await pythonEnvironments(scope);
    if (fromEnvs) yield { python: fromEnvs, why: "selected in Python Environments" };
    const fromPython = await msPython(scope);
    if (fromPython && fromPython !== fromEnvs) yield { python: fromPython, why: "selected in the Python extension" };
  }
  yield { python: process.platform === "win32" ? "python" : "python3", why: "python3 on the path" };
}

/** One JSON object: the version of Python, and of `nexus-lsp` (null where it is not there, "" where unknown). */
const PROBE = `
import sys, json, importlib.util, importlib.metadata
found = None
if importlib.util.find_spec("nexus_lsp"):
    try: found = importlib.metadata.version("nexus-lsp")
    except importlib.metadata.PackageNotFoundError: found = ""
print(json.dumps({"python": sys.version_info[:2], "nexus": found}))
`;

type PythonVersion = readonly [major: number, minor: number];

async function look(python: string): Promise<{ python: PythonVersion; nexus: string | null }> {
  const { stdout } = await run(python, ["-P", "-c", PROBE], { timeout: 15_000, cwd: SERVER_CWD }).catch((error: { stderr?: string }) => {
    // `-P` is unknown before 3.11: that is too old, and said so by asking without it.
    if (!error.stderr?.includes("-P")) throw error;
    return run(python, ["-c", PROBE], { timeout: 15_000, cwd: SERVER_CWD });
  });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as { python: PythonVersion; nexus: string | null };
}

/** Why this interpreter cannot run the server, or the server's version. */
async function probed(python: string): Promise<{ problem?: string; version?: string | undefined }> {
  try {
    const { python: version, nexus } = await look(python);
    if (version[0] < 3 || (version[0] === 3 && version[1] < 11)) return { problem: `Python ${version.join(".")}; 3.11 or newer is needed` };
    return nexus === null ? { problem: "it has no nexus_lsp" } : { version: nexus || undefined };
  } catch (error) {
    return { problem: error instanceof Error ? (error.message.split("\n")[0] ?? "failed") : String(error) };
  }
}

export async function pythonVersion(python: string): Promise<PythonVersion | undefined> {
  return look(python).then((found) => found.python, () => undefined);
}

export async function serverVersion(python: string): Promise<string | undefined> {
  return (await probed(python)).version;
}

export async function onPath(name: string): Promise<string | undefined> {
  const names = process.platform === "win32" ? [`${name}.exe`, `${name}.cmd`] : [name];
  for (const folder of (process.env["PATH"] ?? "").split(delimiter).filter(Boolean)) {
    for (const file of names) {
      const path = join(folder, file);
      if (await access(path, constants.X_OK).then(() => true, () => false)) return path;
    }
  }
  return undefined;
}

// --- the parts of the Python extensions' APIs that are used ----------------------------------------------

interface EnvironmentsApi {
  getEnvironment(scope: vscode.Uri | undefined): Promise<{ execInfo: { run: { executable: string } } } | undefined>;
}

interface PythonApi {
  environments: {
    getActiveEnvironmentPath(scope?: vscode.Uri): { path: string };
    resolveEnvironment(path: { path: string }): Promise<{ executable: { uri?: vscode.Uri } } | undefined>;
  };
}

async function pythonEnvironments(scope: vscode.Uri | undefined): Promise<string | undefined> {
  return asking<EnvironmentsApi>("ms-python.vscode-python-envs", async (api) => {
    return (await api.getEnvironment(scope))?.execInfo.run.executable;
  });
}

async function msPython(scope: vscode.Uri | undefined): Promise<string | undefined> {
  return asking<PythonApi>("ms-python.python", async ({ environments }) => {
    const found = await environments.resolveEnvironment(environments.getActiveEnvironmentPath(scope));
    return found?.executable.uri?.fsPath;
  });
}

/** Another extension that is absent, or whose API changed, is no reason to fail: the next step is tried. */
async function asking<Api>(id: string, ask: (api: Api) => Promise<string | undefined>): Promise<string | undefined> {
  try {
    const extension = vscode.extensions.getExtension<Api>(id);
    return extension && (await ask(await extension.activate()));
  } catch {
    return undefined;
  }
}
