// A real VS Code (code-server) with the extension, and a real browser on it.
import { execFile, spawn } from "node:child_process";
import { cp, glob, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
export const REPO = join(here, "../../..");
const NODE24 = join(REPO, ".cache/node24/node_modules/node/bin/node");
const CODE_SERVER = join(REPO, ".cache/code-server/node_modules/code-server");
const EXTENSION = join(REPO, "vscode-extension");

const SETTINGS = {
  "chat.disableAIFeatures": true,
  "git.enabled": false,
  "workbench.startupEditor": "none",
  "workbench.colorTheme": "Default Dark Modern",
  "extensions.ignoreRecommendations": true,
  "telemetry.telemetryLevel": "off",
  "files.autoSave": "off",
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "terminal.integrated.gpuAcceleration": "off", // its text is in the page then
};

/**
 * @param {{workspace: string, settings: object, trusted?: boolean, env?: Record<string, string>, vsix?: string, beside?: string[], locale?: string}} given `beside`: folders of further extensions
 * @returns {Promise<{page: import("playwright-core").Page, close(): Promise<void>, log(): Promise<string>}>}
 */
export async function openVsCode({ workspace, settings, env = {}, trusted = true, vsix, beside = [], locale }) {
  const home = await mkdtemp(join(tmpdir(), "nexus-e2e-"));
  const closers = [() => rm(home, { recursive: true, force: true, maxRetries: 3 })];
  const close = async () => {
    for (const step of closers.reverse()) await step().catch((error) => console.error(String(error)));
  };
  try {
    const extensions = vsix ? await installPackage(home, vsix) : await installExtension(home, beside);
    const data = await userData(home, { ...SETTINGS, ...settings });
    if (locale) await languagePack(data, locale);
    const server = await startServer({ home, extensions, data, env, trusted, locale });
    closers.push(server.stop);
    const browser = await chromium.launch({
      executablePath: process.env.NEXUS_E2E_CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
    });
    closers.push(() => browser.close());
    const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
    await page.goto(`http://127.0.0.1:${server.port}/?folder=${encodeURIComponent(workspace)}`);
    await page.locator(".monaco-workbench").waitFor({ timeout: 60_000 });
    return { page, close, log: async () => server.log() + (await extensionLog(data)) };
  } catch (error) {
    await close();
    throw error;
  }
}

async function installExtension(home, beside) {
  const manifest = JSON.parse(await readFile(join(EXTENSION, "package.json"), "utf8"));
  const extensions = join(home, "extensions");
  const target = join(extensions, `${manifest.publisher}.${manifest.name}-${manifest.version}`);
  await mkdir(target, { recursive: true });
  for (const part of ["package.json", "package.nls.json", "package.nls.de.json", "l10n", "dist", "media", "README.md"]) {
    await cp(join(EXTENSION, part), join(target, part), { recursive: true });
  }
  for (const folder of beside) await cp(folder, join(extensions, `beside.${basename(folder)}-0.0.1`), { recursive: true });
  return extensions;
}

async function installPackage(home, vsix) {
  const extensions = join(home, "extensions");
  const args = [join(CODE_SERVER, "out/node/entry.js"), "--user-data-dir", join(home, "data"), "--extensions-dir", extensions];
  await promisify(execFile)(NODE24, [...args, "--install-extension", vsix], { env: environment(home), timeout: 60_000 });
  return extensions;
}

const environment = (home, env = {}) => ({
  ...process.env,
  PATH: `${dirname(NODE24)}:${process.env.PATH}`,
  HOME: home,
  EXTENSIONS_GALLERY: "{}",
  ...env,
});

async function userData(home, settings) {
  const data = join(home, "data");
  // `machine` settings are read from Machine/settings.json, as on a remote.
  for (const scope of ["User", "Machine"]) {
    await mkdir(join(data, scope), { recursive: true });
    await writeFile(join(data, scope, "settings.json"), JSON.stringify(settings));
  }
  return data;
}

/** Another language, as an installed language pack brings it; the editor's own texts stay English. */
async function languagePack(data, locale) {
  const translations = join(data, "translations.json");
  await writeFile(translations, JSON.stringify({ version: "1.0.0", contents: {} }));
  const extensions = [{ extensionIdentifier: { id: `e2e.${locale}` }, version: "1.0.0" }];
  const pack = { hash: "e2e", extensions, translations: { vscode: translations }, label: locale };
  await writeFile(join(data, "languagepacks.json"), JSON.stringify({ [locale]: pack }));
}

/** What the extension and its server wrote to the output channel; empty where spdlog could not be built. */
async function extensionLog(data) {
  let text = "";
  for await (const path of glob(join(data, "logs/**/*NEXUS*.log"))) text += `\n--- ${path}\n${await readFile(path, "utf8")}`;
  return text;
}

async function startServer({ home, extensions, data, env, trusted, locale }) {
  const port = await freePort();
  const config = join(home, "config.yaml");
  await writeFile(config, "auth: none\ncert: false\n");
  const args = [
    join(CODE_SERVER, "out/node/entry.js"),
    ...["--config", config, "--user-data-dir", data, "--extensions-dir", extensions],
    ...["--bind-addr", `127.0.0.1:${port}`, "--disable-telemetry", "--disable-update-check"],
    ...["--disable-getting-started-override", ...(trusted ? ["--disable-workspace-trust"] : [])],
    ...(locale ? ["--locale", locale] : []),
  ];
  const child = spawn(NODE24, args, {
    detached: true, // a process group of its own, ended as a whole
    stdio: ["ignore", "pipe", "pipe"],
    env: environment(home, env),
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (log += chunk));
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    const end = (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch {
        // the group is gone
      }
    };
    end("SIGTERM");
    await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, 3000))]);
    end("SIGKILL");
  };
  await answering(port, child, () => log).catch(async (error) => {
    await stop();
    throw error;
  });
  return { port, stop, log: () => log };
}

async function answering(port, child, log) {
  const until = Date.now() + 60_000;
  while (Date.now() < until) {
    if (child.exitCode !== null) break;
    if (await fetch(`http://127.0.0.1:${port}/healthz`).then((answer) => answer.ok, () => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  throw new Error(`code-server did not come up:\n${log()}`);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
