// What was accepted is committed: the message is edited, what rests on the user's own file is offered whole.
import { scenario } from "../lib/scenario.mjs";

await scenario("commit", async ({ page, code, step, given }) => {
  await step("accepted", async () => {
    await code.ready();
    await code.showView();
    await code.delegate(given.request);
    await code.toast("ready for").waitFor({ timeout: given.patience });
    await code.toast("ready for").getByText("Accept all").click();
    await code.treeRow("completed").waitFor({ timeout: 15_000 });
  });
  await step("the message is shown, and what is left out", async () => {
    await code.command("NEXUS: Commit Accepted Changes", (timeout) => code.toast("Left out").waitFor({ timeout }), { patience: 10_000 });
    await code.toast("the file itself is not committed yet").waitFor({ timeout: 5000 });
    await code.lens("Commit to").waitFor({ timeout: 10_000 });
    await code.lens("Whole Files…").waitFor({ timeout: 5000 });
  });
  await step("asked for again, it is the same message", async () => {
    await code.command("NEXUS: Commit Accepted Changes", (timeout) => code.lens("Whole Files…").waitFor({ timeout }), { patience: 10_000 });
    if ((await page.locator(".tabs-container .tab", { hasText: "Untitled" }).count()) !== 1) throw new Error("a second message is open");
  });
  await step("whole files", async () => {
    await code.toast("Left out").getByText("Whole Files…").click();
    await code.toast("Your own edits of these files go along: mine.py, receipt.py").waitFor({ timeout: 5000 });
    await code.lens("Only What I Accepted…").waitFor({ timeout: 5000 });
  });
  await step("the message is edited", async () => {
    await code.editor.locator(".view-line").first().click();
    await page.keyboard.press("Control+A");
    await page.keyboard.type("Tidy up for the till");
    await code.line("Tidy up for the till").waitFor({ timeout: 5000 });
  });
  await step("committed above the message, whose editor goes", async () => {
    await code.lens("Commit Whole Files to").click();
    await code.toast("committed as").waitFor({ timeout: 10_000 });
    await code.tab("Untitled").waitFor({ state: "detached", timeout: 5000 });
  });
  await step("its notification says that this is done", async () => {
    await code.toast("go along").getByText("Commit Whole Files", { exact: true }).click();
    await code.toast("this was dealt with already").waitFor({ timeout: 5000 });
  });
});
