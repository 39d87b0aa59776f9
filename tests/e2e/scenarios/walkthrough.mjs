// A new user: from an empty window to an accepted change, by nothing but what the walkthrough shows.
import { scenario } from "../lib/scenario.mjs";

await scenario("walkthrough", async ({ page, code, step, given }) => {
  const card = (title) => page.locator(".getting-started-step", { hasText: title }).first();
  const press = (title) => page.locator(".getting-started-step.expanded .button-container a, .getting-started-step.expanded a, .getting-started-step.expanded .monaco-button", { hasText: title }).first();
  const done = (title) => page.locator(".getting-started-step", { hasText: title }).locator(".codicon-getting-started-step-checked.complete").first();
  const unfold = (title) => code.until(
    async () => {
      if (!(await card(title).evaluate((element) => element.classList.contains("expanded")))) await card(title).click({ timeout: 5000 });
    },
    () => page.locator(".getting-started-step.expanded", { hasText: title }).waitFor({ timeout: 3000 }),
  );
  let clicks = 0;
  const click = async (title, button) => {
    await unfold(title);
    await press(button).click({ timeout: 10_000 });
    clicks += 1;
  };
  await step("the walkthrough opens", async () => {
    await code.ready();
    await code.command("NEXUS: Get Started", (timeout) => card("Open something to try it on").waitFor({ timeout }));
  });
  const began = Date.now();
  await step("the sample opens, and the walkthrough goes on in it", async () => {
    await click("Open something to try it on", "Open the Sample");
    await page.waitForURL(/nexus-sample/, { timeout: 30_000 });
    await code.ready();
    await card("Start the language server").waitFor({ timeout: 30_000 });
    await page.keyboard.press("Control+B"); // more room: the pictures show
    await done("Open something to try it on").waitFor({ timeout: 10_000 });
    await done("Start the language server").waitFor({ timeout: 30_000 });
  });
  await step("a team is chosen", async () => {
    await click("Choose your team", "Choose a Team");
    await code.pick("The built-in team").click();
    clicks += 1;
    await done("Choose your team").waitFor({ timeout: 10_000 });
  });
  await step("the first run", async () => {
    await click("Give them work", "Start the First Run");
    await code.toast("ready for").waitFor({ timeout: given.patience });
  });
  await step("its changes are looked at", async () => {
    await page.locator(".tab", { hasText: "Welcome" }).first().click();
    clicks += 1;
    await click("Look at the changes", "Show All Changes");
    await page.locator(".multiDiffEditor, .monaco-diff-editor").first().waitFor({ timeout: 15_000 });
  });
  await step("and accepted", async () => {
    await page.locator(".tab", { hasText: "Welcome" }).first().click();
    clicks += 1;
    await click("Accept what you like", "Accept All Changes");
    await done("Accept what you like").waitFor({ timeout: 20_000 });
    const seconds = Math.round((Date.now() - began) / 1000);
    if (seconds > 120) throw new Error(`${seconds} s and ${clicks} clicks from the first button to an accepted change`);
    console.error(`${seconds} s, ${clicks} clicks`);
  });
});
