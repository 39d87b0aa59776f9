// A plan that waits for the user and is changed by them, the preview of a new file, the tree's own buttons, and a run accepted at once.
import { scenario } from "../lib/scenario.mjs";

await scenario("plan", async ({ page, code, step, given, onDisk }) => {
  await step("delegate", async () => {
    await code.ready();
    await code.delegate(given.request);
    await code.showView();
  });
  const field = code.line("agent: Code");
  await step("the plan opens as a form, and waits", async () => {
    await code.treeRow("plan waits for you").waitFor({ timeout: given.patience });
    await code.tab("Plan").waitFor({ timeout: 15_000 });
    await field.waitFor({ timeout: 20_000 });
    await code.lens("Approve plan").waitFor({ timeout: 10_000 });
    await page.locator(".statusbar-item", { hasText: "1 question" }).waitFor({ timeout: 10_000 });
  });
  await step("what is wrong is said while it is typed", async () => {
    await field.click();
    await page.keyboard.press("End");
    await page.keyboard.type("x");
    await page.keyboard.press("Escape");
    await page.locator(".squiggly-error").first().waitFor({ timeout: 5000 });
    await code.lens("1 problem to mend").waitFor({ timeout: 5000 });
  });
  await step("the light bulb mends it", async () => {
    await (await code.quickFix("Use “Code”")).click();
    await page.locator(".squiggly-error").first().waitFor({ state: "detached", timeout: 5000 });
  });
  await step("a title is changed, the order by a button", async () => {
    await code.line("Make add() add `fix`").click();
    await page.keyboard.press("Home");
    for (let n = 0; n < 3; n++) await page.keyboard.press("ArrowRight");
    await page.keyboard.type("Quickly: ");
    await code.lens("Move down").click();
    await page.waitForTimeout(500);
  });
  await step("approved as it was changed", async () => {
    const approve = page.locator(".editor-actions [aria-label^='Approve Plan']").first();
    await code.until(() => approve.click({ timeout: 3000 }), (timeout) => code.treeRow("Quickly: Make add() add").waitFor({ timeout }), { patience: 6000 });
    await page.locator(".codelens-decoration", { hasText: "read only" }).first().waitFor({ timeout: 10_000 });
  });
  await step("ready for review", async () => {
    await code.toast("ready for").waitFor({ timeout: given.patience });
    await code.toast("ready for").getByText("Review", { exact: true }).click();
    await code.pick("new file").waitFor();
  });
  await step("preview of the new file", async () => {
    await page.keyboard.press("Escape");
    await code.command("NEXUS: Open Preview of a New File", (timeout) => code.tab(given.created).waitFor({ timeout }));
    await code.squiggle().first().waitFor({ timeout: 10_000 });
  });
  await step("the preview is hovered and has its lens", async () => {
    // what is not a file is read-only, and the editor has no light bulb there
    await code.lens("Accept").waitFor({ timeout: 10_000 });
    await code.until(
      async () => {
        await page.mouse.move(900, 600);
        await code.line("import").locator("span span").last().hover();
      },
      (timeout) => page.locator(".monaco-hover:visible", { hasText: "gate" }).first().waitFor({ timeout }),
    );
  });
  // not the row of its group, which names the file too
  const edited = code.treeRow(new RegExp(`^${given.edited.replace(".", "\\.")}`));
  await step("reject a change in the tree", async () => {
    await page.mouse.move(900, 600);
    await code.rowButton(edited, "Reject Change", (timeout) => code.treeRow("rejected").waitFor({ timeout }));
  });
  await step("take the decision back in the tree", async () => {
    // a group that is decided folds itself away, below those that wait
    await code.treeRow("changes `").click();
    await code.rowButton(edited, "Undo Decision…", (timeout) => code.treeRow("2 to review").waitFor({ timeout }));
  });
  await step("accept all of the run in the tree", async () => {
    await code.rowButton(code.treeRow(given.request), "Accept All Changes of a Run", (timeout) => code.treeRow("completed").waitFor({ timeout }));
    for (const [file, text] of Object.entries(given.files)) await onDisk(file, text);
  });
});
