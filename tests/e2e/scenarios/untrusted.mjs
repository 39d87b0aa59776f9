// A workspace that is not trusted: what its settings ask for is not done, the team still works; the trace setting traces.
import { readdir } from "node:fs/promises";
import { scenario } from "../lib/scenario.mjs";

await scenario("untrusted", async ({ page, code, step, given, onDisk }) => {
  await step("the window is restricted, and the extension up", async () => {
    await page.getByText("Restricted Mode").first().waitFor({ timeout: 60_000 });
    await code.openFile(given.file);
    await code.ready();
  });
  await step("the team mends lint, and nothing of the workspace is run", async () => {
    await code.delegate(given.request);
    await code.squiggle().first().waitFor({ timeout: given.patience });
    const ran = await readdir(given.workspace);
    if (ran.includes("RAN")) throw new Error("the workspace's own test command was run");
  });
  await step("the plan did not wait: the workspace's wish for that is not heard", async () => {
    await code.toast("ready for").waitFor({ timeout: given.patience });
  });
  await step("one is accepted", async () => {
    await code.toast("ready for").getByText("Later").click();
    await code.line("import os").click();
    await (await code.quickFix(/accept/i)).click();
    await code.line("import os").waitFor({ state: "detached", timeout: 10_000 });
    await onDisk(given.file, 'home."""\n\n\n\ndef title');
  });
  // Where its native part could not be built this VS Code writes no logs, and shows none.
  if (!given.logs) return;
  await step("messages to the server are in the log", async () => {
    await code.command("NEXUS: Show Log", (timeout) => page.getByText(/Sending.request/).first().waitFor({ timeout }), { patience: 10_000 });
  });
});
