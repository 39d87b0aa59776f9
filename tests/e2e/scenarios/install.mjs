// No server anywhere: one click on "Install" puts the package's own wheel into an environment, and it runs.
import { scenario } from "../lib/scenario.mjs";

await scenario("install", async ({ page, code, step, given }) => {
  await step("it is said that there is no server", () => code.toast("found no Python").waitFor({ timeout: 60_000 }));
  await step("one click installs it, and says how far it is", async () => {
    await code.toast("found no Python").getByText("Install", { exact: true }).click();
    await code.toast("installing the language server").waitFor({ timeout: 10_000 });
  });
  await step("it runs", async () => {
    await code.toast("installing the language server").waitFor({ state: "detached", timeout: given.patience });
    await code.showView();
    await page.getByText("Give the team a piece of work.").first().waitFor({ timeout: 30_000 });
  });
  await step("and works", async () => {
    await code.openFile(given.file);
    await code.delegate(given.request);
    await code.squiggle().first().waitFor({ timeout: 90_000 });
  });
});
