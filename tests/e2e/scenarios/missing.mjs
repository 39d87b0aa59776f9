// No server: the user is told, and led to the instructions.
import { Report } from "../lib/report.mjs";
import { openVsCode } from "../lib/vscode.mjs";
import { Workbench } from "../lib/workbench.mjs";

const given = JSON.parse(process.argv[2]);
const report = new Report("missing");
const window = await openVsCode(given);
const { page } = window;
const code = new Workbench(page);

try {
  await report.step(page, "an error says so", () => code.toast("did not start").waitFor({ timeout: 60_000 }));
  await report.step(page, "the walkthrough opens", async () => {
    await code.toast("did not start").getByText("Install instructions").click();
    await page.getByText("Let the language server be found").first().waitFor({ timeout: 15_000 });
    await page.waitForTimeout(1000);
  });
  await report.step(page, "the view offers to start it", async () => {
    await page.locator(".activitybar .action-item", { has: page.locator('[aria-label^="NEXUS"]') }).first().click();
    await page.getByText("The language server is not running.").first().waitFor({ timeout: 10_000 });
  });
} catch (error) {
  console.error(error);
} finally {
  const log = await window.log();
  await window.close();
  report.print(log.slice(-6000));
}
