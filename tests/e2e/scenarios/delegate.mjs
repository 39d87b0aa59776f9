// A person's way through one run: delegate, watch, accept from the light bulb, undo with the editor's undo.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Report } from "../lib/report.mjs";
import { openVsCode } from "../lib/vscode.mjs";
import { Workbench } from "../lib/workbench.mjs";

/** @type {{workspace: string, settings: object, env: object, request: string, file: string, line: number, before: string, after: string, patience: number}} */
const given = JSON.parse(process.argv[2]);
const report = new Report("delegate");
const window = await openVsCode(given);
const { page } = window;
const code = new Workbench(page);
const path = join(given.workspace, given.file);

async function onDisk(text, timeout = 10_000) {
  const until = Date.now() + timeout;
  for (;;) {
    const found = await readFile(path, "utf8");
    if (found.includes(text)) return;
    if (Date.now() > until) throw new Error(`${given.file} on disk has no ${JSON.stringify(text)}:\n${found}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const inEditor = (text) => code.editor.locator(".view-line", { hasText: text }).first().waitFor({ timeout: 10_000 });

try {
  await report.step(page, "open the workspace", async () => {
    await code.openFile(given.file);
    await page.locator(".statusbar-item", { hasText: "NEXUS" }).waitFor({ timeout: 30_000 });
  });
  await report.step(page, "ask for the request", () =>
    code.command("NEXUS: Delegate to Team", (timeout) => page.getByText("Goes along").waitFor({ timeout })),
  );
  await report.step(page, "progress shows as a toast", async () => {
    await code.answerInput(given.request);
    await page.locator(".notification-toast .monaco-progress-container.active").first().waitFor({ timeout: 20_000 });
    await page.waitForTimeout(900);
  });
  await report.step(page, "the run shows in the view", async () => {
    await page.locator(".activitybar .action-item", { has: page.locator('[aria-label^="NEXUS"]') }).first().click();
    await code.treeRow(given.request).waitFor({ timeout: 20_000 });
    await page.waitForTimeout(400);
  });
  await report.step(page, "the change shows as a diagnostic", () =>
    code.squiggle().first().waitFor({ timeout: given.patience }),
  );
  await report.step(page, "the run says it is ready", async () => {
    await code.toast("ready for").waitFor({ timeout: given.patience });
    await page.waitForTimeout(500);
  });
  await report.step(page, "the diff opens", async () => {
    await code.toast("ready for").getByText("Later").click();
    await code.command("NEXUS: Open Diff of a Run", (timeout) => page.locator(".multiDiffEditor, .multi-diff-root-floating-menu, .monaco-component.multiDiffEditor").first().waitFor({ timeout }));
    await page.waitForTimeout(1200);
  });
  await report.step(page, "a hover tells about the change", async () => {
    await page.keyboard.press("Control+W");
    await code.openFile(given.file);
    await code.goToLine(given.line);
    await page.locator(".view-line", { hasText: given.before.trim() }).first().locator("span span").last().hover();
    await page.locator(".monaco-hover:visible", { hasText: given.after.trim() }).first().waitFor({ timeout: 8000 });
  });
  await page.mouse.move(900, 600);
  let accept;
  await report.step(page, "the light bulb offers to accept", async () => {
    await code.goToLine(given.line);
    await page.locator(".view-line", { hasText: given.before.trim() }).first().click();
    accept = await code.quickFix(/accept/i);
  });
  await report.step(page, "accepted, in the editor and on disk", async () => {
    await accept.click();
    await inEditor(given.after.trim());
    await onDisk(given.after.trim());
    await page.waitForTimeout(500);
  });
  await report.step(page, "undo opens the change again", async () => {
    await code.editor.locator(".view-line").first().click();
    await page.keyboard.press("Control+Z");
    await inEditor(given.before.trim());
    await code.squiggle().first().waitFor({ timeout: 10_000 });
    await page.waitForTimeout(500);
  });
} catch (error) {
  console.error(error);
} finally {
  const log = await window.log();
  await window.close();
  report.print(log.slice(-6000));
}
