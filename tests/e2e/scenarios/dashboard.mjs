// The dashboard: live while a run is at work, by keyboard, as tables, in three themes; and after the window is loaded anew.
import { scenario } from "../lib/scenario.mjs";

await scenario("dashboard", async ({ page, code, step, given }) => {
  const frame = page.frameLocator("iframe.webview.ready").frameLocator("iframe#active-frame");
  const node = (text) => frame.locator(".node", { hasText: text }).first();
  const theme = async (name) => {
    await code.command("Preferences: Color Theme", (timeout) => page.getByPlaceholder(/Select Color Theme/).waitFor({ timeout }));
    await code.answerInput(name);
  };
  await step("the extension is up", async () => {
    await code.openFile(given.file);
    await code.ready();
  });
  await step("the dashboard shows a run at work", async () => {
    await code.delegate(given.request);
    await code.command("NEXUS: Show Dashboard", (timeout) => frame.locator(".figures").waitFor({ timeout }), { patience: 15_000 });
    await node("tests").waitFor({ timeout: given.patience });
    await frame.locator(".bar").first().waitFor({ timeout: given.patience });
    await frame.locator(".agent.busy").first().waitFor({ timeout: given.patience });
  });
  await step("it follows to the end without being asked", async () => {
    await frame.locator(".pill", { hasText: "ready for review" }).waitFor({ timeout: given.patience });
    await code.toast("ready for").getByText("Later").click();
    await frame.locator(".node.t-completed").nth(2).waitFor({ timeout: 10_000 });
    if ((await frame.locator(".edge.critical").count()) < 1) throw new Error("no critical path is drawn");
  });
  await step("a task is found and opened by keyboard alone", async () => {
    const first = frame.locator(".node[tabindex='0']");
    await first.focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await frame.locator(".detail").waitFor({ timeout: 5000 });
  });
  await step("light", async () => {
    await theme("Light Modern");
    await frame.locator("body.vscode-light").waitFor({ timeout: 10_000 });
  });
  await step("high contrast", async () => {
    await theme("Dark High Contrast");
    await frame.locator("body.vscode-high-contrast").waitFor({ timeout: 10_000 });
  });
  await step("the same as tables", async () => {
    await theme("Dark Modern");
    await page.keyboard.press("Escape");
    for (const what of ["plan", "time"]) await frame.locator(`[data-toggle=${what}]`).click();
    await frame.locator("table").nth(1).waitFor({ timeout: 5000 });
  });
  await step("it comes back with the window", async () => {
    await page.reload();
    await code.ready();
    await frame.locator(".figures").waitFor({ timeout: 30_000 });
  });
  await step("its buttons decide", async () => {
    await frame.locator("[data-action=acceptAll]").click();
    await frame.locator(".pill", { hasText: "completed" }).waitFor({ timeout: 20_000 });
  });
});
