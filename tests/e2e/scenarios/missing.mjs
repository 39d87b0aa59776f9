// No server: the user is told, and can install it or be led through it.
import { scenario } from "../lib/scenario.mjs";

await scenario("missing", async ({ page, code, step }) => {
  await step("an error says so, and offers to install it", async () => {
    await code.toast("did not start").waitFor({ timeout: 60_000 });
    await code.toast("did not start").getByText("Install", { exact: true }).waitFor({ timeout: 5000 });
  });
  await step("the walkthrough offers it too", async () => {
    await code.command("NEXUS: Get Started", (timeout) => page.getByText("Start the language server").first().waitFor({ timeout }));
    await page.getByText("Start the language server").first().click();
    await page.getByText("Install the Server").first().waitFor({ timeout: 10_000 });
  });
  await step("the view offers to start or install it", async () => {
    await code.showView();
    await page.getByText("The language server is not running.").first().waitFor({ timeout: 10_000 });
    await page.getByText("Install It").first().waitFor({ timeout: 5000 });
  });
});
