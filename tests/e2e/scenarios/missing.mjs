// No server: the user is told, and led to the instructions.
import { scenario } from "../lib/scenario.mjs";

await scenario("missing", async ({ page, code, step }) => {
  await step("an error says so", () => code.toast("did not start").waitFor({ timeout: 60_000 }));
  await step("the walkthrough opens", async () => {
    await code.toast("did not start").getByText("Install instructions").click();
    await page.getByText("Let the language server be found").first().waitFor({ timeout: 15_000 });
    await page.waitForTimeout(1000);
  });
  await step("the view offers to start it", async () => {
    await code.showView();
    await page.getByText("The language server is not running.").first().waitFor({ timeout: 10_000 });
  });
});
