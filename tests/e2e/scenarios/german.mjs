// The same way in German: palette, views, a run, its review, the plan's form, a question, the walkthrough.
import { scenario } from "../lib/scenario.mjs";

await scenario("german", async ({ page, code, step, given, onDisk }) => {
  const views = async (...names) => {
    for (const name of names) await page.locator(".pane-header", { hasText: name }).first().waitFor({ timeout: 10_000 });
  };
  await step("the palette", async () => {
    await code.ready();
    await code.openFile(given.file);
    await page.keyboard.press("F1");
    await code.input.fill(">NEXUS: Team");
    await code.pick("NEXUS: Team beauftragen…").waitFor({ timeout: 5000 });
    await page.keyboard.press("Escape");
  });
  await step("the views", async () => {
    await page.locator(".activitybar .action-item", { has: page.locator('[aria-label^="NEXUS"]') }).first().click();
    await views("Aufträge", "Prüfung", "Team", "Gedächtnis");
  });
  await step("the request is asked for", async () => {
    await code.command("NEXUS: Team beauftragen", (timeout) => page.getByText("Geht mit").first().waitFor({ timeout }));
    await page.waitForTimeout(300);
  });
  await step("a run at work", async () => {
    await code.answerInput(given.request);
    await code.toast("bereit").waitFor({ timeout: given.patience });
  });
  await step("its review", async () => {
    await code.toast("bereit").getByText("Später").click();
    await code.lens("Annehmen").waitFor({ timeout: 10_000 });
    await page.locator(".statusbar-item", { hasText: "2 zu prüfen" }).waitFor({ timeout: 10_000 });
  });
  await step("the dashboard", async () => {
    const frame = page.frameLocator("iframe.webview.ready").frameLocator("iframe#active-frame");
    await code.command("NEXUS: Übersicht zeigen", (timeout) => frame.locator(".figures").waitFor({ timeout }), { patience: 15_000 });
  });
  await step("the transcript", async () => {
    await code.command("NEXUS: Verlauf zeigen", (timeout) => code.pick("Code").waitFor({ timeout }));
    await code.pick("Code").click();
    await code.tab("Verlauf").waitFor({ timeout: 10_000 });
  });
  await step("the walkthrough", async () => {
    await code.command("NEXUS: Erste Schritte", (timeout) => page.locator(".getting-started-step").first().waitFor({ timeout }));
  });
});
