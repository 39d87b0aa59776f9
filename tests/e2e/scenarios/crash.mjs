// An agent is killed in the middle of its work, then the server: nothing is lost, and the run goes on when the user says so.
import { agents, servers } from "../lib/processes.mjs";
import { scenario } from "../lib/scenario.mjs";

await scenario("crash", async ({ page, code, step, given }) => {
  const state = given.env.NEXUS_STATE_DIR;
  const run = page.locator(".pane-body .monaco-list-row", { hasText: given.request });
  const kill = async (which) => {
    let found = [];
    for (let n = 0; n < 100 && !found.length; n++) {
      found = await which(state);
      await page.waitForTimeout(100);
    }
    if (!found.length) throw new Error("there is nothing to kill");
    for (const pid of found) process.kill(pid, "SIGKILL");
  };
  await step("at work, while something is typed", async () => {
    await code.openFile(given.typedIn);
    await code.ready();
    await code.delegate(given.request);
    await code.showView();
    await code.toast("Code:").waitFor({ timeout: given.patience });
    await code.line("What the customer").click();
    await page.keyboard.press("Control+Home");
    await page.keyboard.type("# mine\n");
  });
  await step("its agent is killed, and the work begins again", async () => {
    await kill(agents);
    await code.toast("Code: ").waitFor({ timeout: given.patience });
    await run.filter({ hasText: "at work" }).first().waitFor({ timeout: 10_000 });
    await page.waitForTimeout(3000);
  });
  await step("the server is killed, and the window says so", async () => {
    await kill(servers);
    await page.locator(".statusbar-item", { hasText: "the language server is started again" }).waitFor({ timeout: 10_000 });
  });
  await step("it is back and asks before it goes on", async () => {
    await page.locator(".statusbar-item", { hasText: "1 question" }).waitFor({ timeout: given.patience });
    await code.toast("Go on").first().waitFor({ timeout: 10_000 });
    await code.line("# mine").waitFor({ timeout: 5000 });
  });
  await step("the run goes on to its end, and nothing typed is lost", async () => {
    await code.toast("Go on").getByText("Go on", { exact: true }).click();
    await code.toast("ready for").waitFor({ timeout: given.patience });
    await code.treeRow("2 to review").waitFor({ timeout: 10_000 });
    await code.line("# mine").waitFor({ timeout: 5000 });
    await code.toast("ready for").getByText("Accept all").click();
    await run.filter({ hasText: "completed" }).first().waitFor({ timeout: 15_000 });
  });
});
