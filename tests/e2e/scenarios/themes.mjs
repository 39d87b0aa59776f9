// Every view in one theme, for its pictures; and what the ready notification says of a run that was decided elsewhere.
import { scenario } from "../lib/scenario.mjs";

await scenario("themes", async ({ page, code, step, given }) => {
  const frame = page.frameLocator("iframe.webview.ready").frameLocator("iframe#active-frame");
  const away = () => page.mouse.move(900, 600);
  await step("the plan", async () => {
    await code.ready();
    await code.showView();
    await away();
    await code.delegate(given.request);
    await code.tab("Plan").waitFor({ timeout: given.patience });
    await code.lens("Approve plan").waitFor({ timeout: 20_000 });
  });
  await step("a problem in the plan", async () => {
    await code.line("agent: Code").click();
    await page.keyboard.press("End");
    await page.keyboard.type("x");
    await page.keyboard.press("Escape");
    await page.locator(".squiggly-error").first().waitFor({ timeout: 5000 });
    await page.keyboard.press("Backspace");
    await page.locator(".squiggly-error").first().waitFor({ state: "detached", timeout: 5000 });
  });
  await step("a permission", async () => {
    const approve = page.locator(".editor-actions [aria-label^='Approve Plan']").first();
    await code.until(() => approve.click({ timeout: 3000 }), (timeout) => code.treeRow("Test add()").waitFor({ timeout }), { patience: 6000 });
    await code.toast("Code asks: May I run").waitFor({ timeout: given.patience });
    await page.waitForTimeout(800);
  });
  await step("its answers", async () => {
    await code.until(() => code.treeRow("Code asks").click({ timeout: 5000 }), (timeout) => code.pick("Deny").waitFor({ timeout }));
    await away();
  });
  await step("a transcript", async () => {
    await page.keyboard.press("Escape");
    await code.rowButton(code.treeRow(/Make add\(\) add ?Code/), "Show Transcript", (timeout) => code.tab("Transcript").waitFor({ timeout }));
    await code.line("asks you").waitFor({ timeout: 10_000 });
    await away();
  });
  await step("the dashboard at work", async () => {
    await code.command("NEXUS: Show Dashboard", (timeout) => frame.locator(".figures").waitFor({ timeout }), { patience: 15_000 });
    await frame.locator(".queue, .panel").first().waitFor({ timeout: 5000 }).catch(() => undefined);
  });
  await step("ready", async () => {
    await code.until(() => code.treeRow("Code asks").click({ timeout: 5000 }), (timeout) => code.pick("Deny").waitFor({ timeout }));
    await code.pick("Allow for this run").click();
    await code.until(() => code.treeRow("Alpha asks").click({ timeout: given.patience }), (timeout) => code.pick("Deny").waitFor({ timeout }));
    await code.pick("Deny").click();
    await code.toast("ready for").waitFor({ timeout: given.patience });
    await away();
  });
  await step("decided elsewhere, its notification says so", async () => {
    await code.rowButton(code.treeRow(given.request), "Accept All Changes of a Run", (timeout) => code.treeRow("completed").waitFor({ timeout }));
    await code.toast("ready for").getByText("Accept all").click();
    await code.toast("have been decided already").waitFor({ timeout: 5000 });
    await code.dismissToasts();
  });
  await step("the dashboard at the end", async () => {
    await frame.locator(".pill", { hasText: "completed" }).waitFor({ timeout: 10_000 });
    await page.keyboard.press("Control+B");
    await page.waitForTimeout(600);
  });
  await step("the dashboard below", async () => {
    await frame.locator("body").evaluate((body) => body.ownerDocument.scrollingElement.scrollTo(0, 700));
    await page.waitForTimeout(300);
  });
  await step("waiting changes in the text", async () => {
    await page.keyboard.press("Control+B");
    await code.command("NEXUS: Undo Decision", (timeout) => code.pick("line 5").waitFor({ timeout }));
    await code.pick("line 5").click();
    await code.treeRow(`${given.file}:5`).waitFor({ timeout: 10_000 });
    await code.treeRow(`${given.file}:5`).click();
    await code.squiggle().first().waitFor({ timeout: 10_000 });
    await code.lens("Accept").waitFor({ timeout: 10_000 });
    await away();
  });
  await step("a hover", async () => {
    await code.until(
      async () => {
        await away();
        await code.line("return a - b").locator("span span").last().hover();
      },
      (timeout) => page.locator(".monaco-hover:visible", { hasText: "return a + b" }).first().waitFor({ timeout }),
    );
  });
  await step("a thread on a change", async () => {
    await away();
    await code.goToLine(5);
    await code.command("NEXUS: Talk about This Change", (timeout) => page.locator(".review-widget .monaco-editor").first().waitFor({ timeout }));
    await page.locator(".review-widget .monaco-editor").first().click();
    await page.keyboard.type("Say in a comment why it adds");
  });
  await step("a diff", async () => {
    await page.keyboard.press("Escape");
    await code.command("NEXUS: Show Diff of a Change", (timeout) => page.locator(".monaco-diff-editor").first().waitFor({ timeout }));
    await page.waitForTimeout(800);
  });
  await step("memory", async () => {
    await code.command("NEXUS: Search Memory", (timeout) => page.getByText("What should the team remember").first().waitFor({ timeout }));
    await code.answerInput("add");
    await page.getByText("remembered about “add”").first().waitFor({ timeout: 10_000 });
  });
  await step("the walkthrough knows what is done already", async () => {
    await code.command("NEXUS: Get Started", (timeout) => page.locator(".getting-started-step").first().waitFor({ timeout }));
    for (const title of ["Start the language server", "Give them work"]) await page.locator(".getting-started-step", { hasText: title }).locator(".codicon-getting-started-step-checked.complete").first().waitFor({ timeout: 10_000 });
  });
});
