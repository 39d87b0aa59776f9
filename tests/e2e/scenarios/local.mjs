// The packaged extension and no key: the local team mends lint; keys and Doctor.
import { scenario } from "../lib/scenario.mjs";

await scenario("local", async ({ page, code, step, given, onDisk }) => {
  await step("the package is installed and active", async () => {
    await code.openFile(given.file);
    await code.ready();
  });
  await step("a lint fix shows as a diagnostic", async () => {
    await code.delegate(given.request);
    await code.squiggle().first().waitFor({ timeout: given.patience });
    await code.toast("ready for").waitFor({ timeout: given.patience });
    await code.toast("ready for").getByText("Later").click();
  });
  await step("one is accepted", async () => {
    await code.line("import os").click();
    await (await code.quickFix(/accept/i)).click();
    await code.line("import os").waitFor({ state: "detached", timeout: 10_000 });
    await onDisk(given.file, 'home."""\n\n\n\ndef title');
  });
  await step("another is rejected", async () => {
    await code.line("Receipt").click();
    await (await code.quickFix(/reject/i)).click();
    await code.squiggle().first().waitFor({ state: "detached", timeout: 10_000 });
    await code.showView();
    await code.treeRow("completed").waitFor({ timeout: 10_000 });
  });
  await step("a decision is taken back", async () => {
    await code.command("NEXUS: Undo Decision", (timeout) => code.pick("f-string").waitFor({ timeout }));
    await code.pick("f-string").click();
    await code.squiggle().first().waitFor({ timeout: 10_000 });
  });
  await step("a key is asked for, and the changes outlive the restart", async () => {
    await code.command("NEXUS: Set Anthropic API Key", (timeout) => page.getByText("Kept in the editor's secret storage").first().waitFor({ timeout }));
    await code.answerInput("sk-ant-e2e");
    await page.locator(".statusbar-item", { hasText: "API key stored" }).waitFor({ timeout: 10_000 });
    await code.squiggle().first().waitFor({ timeout: 15_000 });
  });
  await step("doctor looks at the workspace", async () => {
    await code.command("View: Toggle Maximized Panel", () => undefined);
    const told = page.locator(".xterm-rows:visible", { hasText: /All.is.well/ }).filter({ hasText: "shop" }).filter({ hasText: "ANTHROPIC_API_KEY" });
    await code.command("NEXUS: Doctor", (timeout) => told.first().waitFor({ timeout }), { patience: 20_000, tries: 2 });
  });
});
