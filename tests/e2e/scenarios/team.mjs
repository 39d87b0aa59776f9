// Watching and talking: an agent's question, its transcript, groups, a thread on a change, memory, the keyboard.
import { scenario } from "../lib/scenario.mjs";

await scenario("team", async ({ page, code, step, given }) => {
  await step("delegate", async () => {
    await code.openFile(given.file);
    await code.ready();
    await code.delegate(given.request);
    await code.showView();
  });
  await step("a question says who asks and why, and is in the tree and the status bar", async () => {
    const toast = code.toast("Code asks: Keep the name?");
    await toast.waitFor({ timeout: given.patience });
    await toast.getByText("Why: Others may import it.").waitFor();
    await page.locator(".statusbar-item", { hasText: "1 question" }).waitFor({ timeout: 10_000 });
    await code.treeRow("Code asks: Keep the name?").waitFor({ timeout: 10_000 });
  });
  await step("closed, it is not lost", async () => {
    await code.dismissToasts();
    await code.toast("Code asks:").waitFor({ state: "detached", timeout: 10_000 });
    await code.treeRow("Code asks: Keep the name?").waitFor();
  });
  await step("the transcript grows while it is read", async () => {
    await code.command("NEXUS: Show Transcript", (timeout) => code.pick("Code").waitFor({ timeout }));
    await code.pick("Code").click();
    await code.tab("Transcript").waitFor({ timeout: 10_000 });
    await code.line("Code: reads calculator.py").waitFor({ timeout: 10_000 });
    await code.line("asks you").waitFor({ timeout: 10_000 });
  });
  await step("answered from the tree", async () => {
    await code.until(
      () => code.treeRow("Code asks: Keep the name?").click({ timeout: 5000 }),
      (timeout) => code.pick("Keep it").waitFor({ timeout }),
    );
    await code.pick("Keep it").click();
    await code.line("Answer: Keep it").waitFor({ timeout: 15_000 });
    await code.treeRow("Code asks").waitFor({ state: "detached", timeout: 10_000 });
  });
  await step("the transcript follows to the end", async () => {
    await code.toast("ready for").waitFor({ timeout: given.patience });
    await code.line("Ready for review").waitFor({ timeout: 10_000 });
    await code.toast("ready for").getByText("Later").click();
  });
  await step("a key walks to the change", async () => {
    await code.openFile(given.file);
    await page.keyboard.press("Alt+F7");
    await code.lens("Accept").waitFor({ timeout: 10_000 });
    await code.squiggle().first().waitFor({ timeout: 10_000 });
  });
  await step("a thread on the change takes words for the agent", async () => {
    await code.goToLine(given.line);
    await code.command("NEXUS: Talk about This Change", (timeout) => page.locator(".review-widget .monaco-editor").first().waitFor({ timeout }));
    await page.locator(".review-widget .comment-form .monaco-editor, .review-widget .monaco-editor").first().click();
    await page.keyboard.type("Say in a comment why it adds");
    await page.getByText("Send to the Agent").first().waitFor({ timeout: 5000 });
  });
  await step("memory is searched", async () => {
    await code.command("NEXUS: Search Memory", (timeout) => page.getByText("What should the team remember").first().waitFor({ timeout }));
    await code.answerInput("add");
    await page.getByText("remembered about “add”").first().waitFor({ timeout: 10_000 });
    const memories = page.locator(".pane", { has: page.locator(".pane-header", { hasText: "Memory" }) }).locator(".monaco-list-row");
    await memories.first().waitFor({ timeout: 5000 });
  });
  await step("a group is accepted in the tree", async () => {
    await code.rowButton(page.locator(".monaco-list-row", { hasText: "to review" }).filter({ hasText: given.group }).first(), "Accept Group", (timeout) => code.treeRow("1 accepted").waitFor({ timeout }));
  });
});
