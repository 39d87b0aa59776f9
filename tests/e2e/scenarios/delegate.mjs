// A person's way through one run: delegate, watch, accept from the light bulb, undo with the editor's undo.
import { scenario } from "../lib/scenario.mjs";

await scenario("delegate", async ({ page, code, step, given, onDisk }) => {
  await step("open the workspace", async () => {
    await code.openFile(given.file);
    await code.ready();
  });
  await step("ask for the request", () =>
    code.command("NEXUS: Delegate to Team", (timeout) => page.getByText("Goes along").waitFor({ timeout })),
  );
  await step("progress shows as a toast that can be cancelled", async () => {
    await code.answerInput(given.request);
    const toast = page.locator(".notification-toast", { hasText: given.request }).first();
    await toast.waitFor({ timeout: 20_000 });
    await toast.getByText("Cancel", { exact: true }).waitFor();
    await page.locator(".notification-toast", { hasText: "Code:" }).waitFor({ timeout: given.patience });
  });
  await step("the run and its tasks show in the view", async () => {
    await code.showView();
    await code.treeRow(given.request).waitFor({ timeout: 20_000 });
    await code.treeRow("Test add()").waitFor({ timeout: 20_000 });
  });
  await step("the change shows as a diagnostic", () => code.squiggle().first().waitFor({ timeout: given.patience }));
  await step("the run says it is ready", async () => {
    await code.toast("ready for").waitFor({ timeout: given.patience });
    await code.treeRow("test_calculator.py").waitFor({ timeout: 10_000 });
  });
  await step("the diff opens", async () => {
    await code.toast("ready for").getByText("Later").click();
    await code.command("NEXUS: Show Diff of a Run", (timeout) => page.locator(".multiDiffEditor, .monaco-component.multiDiffEditor").first().waitFor({ timeout }));
    await page.waitForTimeout(1200);
  });
  await step("a hover tells about the change", async () => {
    await page.keyboard.press("Control+W");
    await code.openFile(given.file);
    await code.goToLine(given.line);
    await code.until(
      async () => {
        await page.mouse.move(900, 600);
        await code.line(given.before).locator("span span").last().hover();
      },
      (timeout) => page.locator(".monaco-hover:visible", { hasText: given.after }).first().waitFor({ timeout }),
    );
  });
  let accept;
  await step("the light bulb offers to accept", async () => {
    await page.mouse.move(900, 600);
    await code.goToLine(given.line);
    await code.line(given.before).click();
    accept = await code.quickFix(/accept/i);
  });
  await step("accepted, in the editor and on disk", async () => {
    await accept.click();
    await code.line(given.after).waitFor({ timeout: 10_000 });
    await onDisk(given.file, given.after);
    await code.lens("Take back").waitFor({ timeout: 10_000 });
  });
  await step("undo opens the change again", async () => {
    await code.editor.locator(".view-line").first().click();
    await page.keyboard.press("Control+Z");
    await code.line(given.before).waitFor({ timeout: 10_000 });
    await code.squiggle().first().waitFor({ timeout: 10_000 });
    await code.lens("Accept").waitFor({ timeout: 10_000 });
    await code.showView();
    await code.treeRow("2 to review").waitFor({ timeout: 10_000 });
  });
});
