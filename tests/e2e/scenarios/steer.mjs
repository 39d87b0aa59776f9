// A run is cancelled from its toast, tried again, paused, resumed, and cancelled in the tree.
import { scenario } from "../lib/scenario.mjs";

await scenario("steer", async ({ page, code, step, given }) => {
  const run = code.treeRow(given.request);
  const shows = (text) => (timeout) => page.locator(".pane-body .monaco-list-row", { hasText: given.request }).filter({ hasText: text }).first().waitFor({ timeout });
  await step("delegate", async () => {
    await code.ready();
    await code.showView();
    await code.delegate(given.request);
    await shows("at work")(given.patience);
  });
  await step("cancelled from the toast", async () => {
    await code.toast(given.request).getByText("Cancel", { exact: true }).click();
    await shows("cancelled")(10_000);
  });
  await step("retried", () => code.command("NEXUS: Retry Run", shows("at work"), { patience: 8000 }));
  await step("paused", () => code.command("NEXUS: Pause Run", shows("paused"), { patience: 8000 }));
  await step("resumed", () => code.command("NEXUS: Resume Run", shows("at work"), { patience: 8000 }));
  await step("cancelled in the tree", () => code.rowButton(run, "Cancel Run", shows("cancelled")));
});
