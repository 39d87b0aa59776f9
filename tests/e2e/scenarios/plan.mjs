// A plan that waits for the user, the preview of a new file, and all of a run accepted at once.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Report } from "../lib/report.mjs";
import { openVsCode } from "../lib/vscode.mjs";
import { Workbench } from "../lib/workbench.mjs";

/** @type {{workspace: string, settings: object, env: object, request: string, files: Record<string, string>, created: string, patience: number}} */
const given = JSON.parse(process.argv[2]);
const report = new Report("plan");
const window = await openVsCode(given);
const { page } = window;
const code = new Workbench(page);

try {
  await report.step(page, "delegate", async () => {
    await page.locator(".statusbar-item", { hasText: "NEXUS" }).waitFor({ timeout: 60_000 });
    await code.command("NEXUS: Delegate to Team", (timeout) => page.getByText("What should the team do?").waitFor({ timeout }));
    await code.answerInput(given.request);
    await page.locator(".activitybar .action-item", { has: page.locator('[aria-label^="NEXUS"]') }).first().click();
  });
  await report.step(page, "the plan opens and waits", async () => {
    await code.treeRow("plan waits for you").waitFor({ timeout: given.patience });
    await code.tab("plan").waitFor({ timeout: 15_000 });
    const preview = page.frameLocator("iframe.webview.ready").frameLocator("iframe#active-frame");
    await preview.getByText(given.request).first().waitFor({ timeout: 20_000 });
  });
  await report.step(page, "approve the plan", async () => {
    await page.locator(".editor-actions .action-label[aria-label='Approve Plan'], .editor-actions .action-item [aria-label='Approve Plan']").first().click();
    await code.treeRow("at work").waitFor({ timeout: 10_000 });
  });
  await report.step(page, "ready for review", async () => {
    await code.toast("ready for").waitFor({ timeout: given.patience });
    await code.toast("ready for").getByText("Review", { exact: true }).click();
    await page.locator(".quick-input-list .monaco-list-row", { hasText: given.created }).first().waitFor();
  });
  await report.step(page, "preview of the new file", async () => {
    await page.keyboard.press("Escape");
    await code.command("NEXUS: Open Preview of a New File", (timeout) => code.tab(given.created).waitFor({ timeout }));
    await code.squiggle().first().waitFor({ timeout: 10_000 });
  });
  await report.step(page, "accept all of the run", async () => {
    await code.command("NEXUS: Accept All Changes of a Run", (timeout) => code.treeRow("completed").waitFor({ timeout }));
    for (const [file, text] of Object.entries(given.files)) await onDisk(file, text);
  });
} catch (error) {
  console.error(error);
} finally {
  const log = await window.log();
  await window.close();
  report.print(log.slice(-6000));
}

async function onDisk(file, text, timeout = 10_000) {
  const until = Date.now() + timeout;
  for (;;) {
    const found = await readFile(join(given.workspace, file), "utf8").catch((error) => String(error));
    if (found.includes(text)) return;
    if (Date.now() > until) throw new Error(`${file} on disk has no ${JSON.stringify(text)}:\n${found}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
