// Permissions: who wants to run what, and why; allowed for the run in the notification, denied in the tree, in nobody's way.
import { scenario } from "../lib/scenario.mjs";

await scenario("permission", async ({ page, code, step, given }) => {
  const first = code.toast("Code asks: May I run `git ls-remote . && echo reached`?");
  const second = code.treeRow("Alpha asks: May I run `curl -s http://127.0.0.1:9/prices`?");
  await step("delegate", async () => {
    await code.openFile(given.file);
    await code.ready();
    await code.delegate(given.request);
    await code.showView();
  });
  await step("a notification says who wants to run what, and why", async () => {
    await first.waitFor({ timeout: given.patience });
    await first.getByText("`git ls-remote` reaches the network.").waitFor();
    for (const answer of ["Allow once", "Allow for this run", "Deny"]) await first.getByText(answer, { exact: true }).waitFor();
    await page.locator(".statusbar-item", { hasText: "1 question" }).waitFor({ timeout: 10_000 });
  });
  await step("it is in nobody's way", async () => {
    await code.editor.locator(".view-line").first().click();
    await page.keyboard.press("Control+End");
    await page.keyboard.type("# mine");
    await code.line("# mine").waitFor({ timeout: 5000 });
  });
  await step("allowed for this run, the second time is not asked about", async () => {
    await first.getByText("Allow for this run", { exact: true }).click();
    await first.waitFor({ state: "detached", timeout: 10_000 });
    await second.waitFor({ timeout: given.patience });
    if (await code.treeRow("Code asks").count()) throw new Error("Code asks again");
  });
  await step("closed, it is not lost", async () => {
    await code.dismissToasts();
    await code.toast("Alpha asks:").waitFor({ state: "detached", timeout: 10_000 });
    await second.waitFor();
  });
  await step("denied in the tree", async () => {
    await code.until(() => second.click({ timeout: 5000 }), (timeout) => code.pick("Allow for this run").waitFor({ timeout }));
    await code.pick("Deny").click();
    await second.waitFor({ state: "detached", timeout: 10_000 });
  });
  await step("the work goes on without it", async () => {
    await code.toast("ready for").waitFor({ timeout: given.patience });
  });
});
