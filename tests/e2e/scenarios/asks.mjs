// Permissions of two agents at once: answered twice, of great length, after a cancel, and while the server is away.
import { servers } from "../lib/processes.mjs";
import { scenario } from "../lib/scenario.mjs";

await scenario("asks", async ({ page, code, step, given }) => {
  const row = (who) => code.treeRow(`${who} asks`);
  const gone = { state: "detached", timeout: 10_000 };
  const statusItem = (text) => page.locator(".statusbar-item", { hasText: text });
  const noError = async () => {
    if (await page.locator(".notification-toast .codicon-error").count()) throw new Error("an error is shown");
  };
  await step("delegate", async () => {
    await code.openFile(given.file);
    await code.ready();
    await code.delegate(given.request);
    await code.showView();
  });
  await step("two ask, and nobody is said to be at work", async () => {
    await code.toast("Code asks: May I run").waitFor({ timeout: given.patience });
    await code.toast("Alpha asks: May I run").waitFor({ timeout: given.patience });
    await statusItem(/^\s*NEXUS: 2 questions$/).waitFor({ timeout: 10_000 });
    await code.toast(/(Code|Alpha) asks you: May I run .* \(0 of 2 tasks\)/).waitFor({ timeout: 5000 });
    for (const task of [/Make add\(\) add ?Code · .*asks you/, /Test add\(\) ?Alpha · .*asks you/]) await code.treeRow(task).waitFor({ timeout: 10_000 });
  });
  await step("the status bar lists them, and shows all of one", async () => {
    await code.until(() => statusItem("2 questions").click(), (timeout) => code.pick("prices").waitFor({ timeout }));
    await code.pick("prices").click();
    await code.pick("Allow once").waitFor({ timeout: 5000 });
    await page.locator(".quick-input-widget", { hasText: "“Allow for this run” covers every `curl`." }).waitFor({ timeout: 5000 });
  });
  await step("answered in its notification, the list goes", async () => {
    await code.toast("Alpha asks: May I run").getByText("Allow once", { exact: true }).click();
    await code.pick("Allow once").waitFor({ state: "hidden", timeout: 10_000 });
    await noError();
  });
  await step("one too long for a notification is read before it is allowed", async () => {
    const long = code.toast("too long to be shown here");
    await long.waitFor({ timeout: given.patience });
    if (await long.getByText("Allow", { exact: false }).count()) throw new Error("it can be allowed unread");
    await long.getByText("Read it and answer…").click();
    await page.locator(".quick-input-widget", { hasText: /item0\+.*item149.*covers every/ }).waitFor({ timeout: 5000 });
    await page.keyboard.press("Escape");
  });
  await step("answered in the tree, its notification says so", async () => {
    await code.until(() => row("Code").click({ timeout: 5000 }), (timeout) => code.pick("Deny").waitFor({ timeout }));
    await code.pick("Deny").click();
    await code.toast("rates/1").waitFor({ timeout: given.patience });
    await code.toast("rates/0").getByText("Allow once", { exact: true }).click();
    await code.toast("this was answered already: Deny.").waitFor({ timeout: 5000 });
  });
  await step("cancelled while its answers are listed", async () => {
    await code.until(() => row("Code").click({ timeout: 5000 }), (timeout) => code.pick("Deny").waitFor({ timeout }));
    await code.toast(/\(0 of 2 tasks\)/).getByText("Cancel", { exact: true }).click();
    await code.pick("Deny").waitFor({ state: "hidden", timeout: 10_000 });
    await row("Code").waitFor(gone);
    await code.toast("rates/1").getByText("Allow for this run", { exact: true }).click();
    await code.toast("nobody waits for this answer any more: the run is cancelled.").waitFor({ timeout: 5000 });
    await noError();
  });
  await step("the server is killed while another run asks", async () => {
    await code.dismissToasts();
    await code.delegate(given.request);
    const asks = code.toast("Code asks: May I run");
    await asks.waitFor({ timeout: given.patience });
    for (const pid of await servers(given.env.NEXUS_STATE_DIR)) process.kill(pid, "SIGKILL");
    await statusItem("the language server is started again").waitFor({ timeout: 10_000 });
    await asks.getByText("Allow once", { exact: true }).click();
    await code.toast("nobody waits for this answer any more.").waitFor({ timeout: given.patience });
    await code.toast("Go on").first().waitFor({ timeout: given.patience });
    await noError();
  });
});
