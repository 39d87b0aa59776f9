// The user types while changes wait, the server is killed, the window is loaded anew: the changes stay where they belong.
import { servers } from "../lib/processes.mjs";
import { scenario } from "../lib/scenario.mjs";

await scenario("restart", async ({ page, code, step, given, onDisk }) => {
  await step("changes wait", async () => {
    await code.openFile(given.file);
    await code.ready();
    await code.delegate(given.request);
    await code.toast("ready for").waitFor({ timeout: given.patience });
    await code.toast("ready for").getByText("Later").click();
    await code.showView();
    await code.treeRow(`${given.file}:7`).waitFor({ timeout: 10_000 });
  });
  await step("they follow what is typed", async () => {
    await code.line("What the customer").click();
    await page.keyboard.press("Control+Home");
    await page.keyboard.type("# mine\n\n");
    await code.treeRow(`${given.file}:9`).waitFor({ timeout: 10_000 });
  });
  await step("they outlive the server", async () => {
    const before = await servers(given.env.NEXUS_STATE_DIR);
    if (!before.length) throw new Error("there is no server to kill");
    for (const pid of before) process.kill(pid, "SIGKILL");
    await code.squiggle().first().waitFor({ state: "detached", timeout: 10_000 });
    await code.squiggle().first().waitFor({ timeout: 20_000 });
    await code.treeRow(`${given.file}:9`).waitFor({ timeout: 10_000 });
    const after = await servers(given.env.NEXUS_STATE_DIR);
    if (after.some((pid) => before.includes(pid))) throw new Error("the server was not killed");
  });
  await step("they outlive the window", async () => {
    await page.waitForTimeout(1500); // the editor keeps what is not saved, a second after it was typed
    await page.reload();
    await page.locator(".monaco-workbench").waitFor({ timeout: 60_000 });
    await code.ready();
    await code.line("# mine").waitFor({ timeout: 20_000 });
    await code.squiggle().first().waitFor({ timeout: 30_000 });
    await code.showView();
    await code.treeRow(`${given.file}:9`).waitFor({ timeout: 10_000 });
  });
  await step("and are accepted where they stand", async () => {
    await code.line("Receipt").click();
    await (await code.quickFix(/accept/i)).click();
    await code.line('return "Receipt"').waitFor({ timeout: 10_000 });
    await page.keyboard.press("Control+S");
    await onDisk(given.file, '# mine\n\n"""What the customer takes home."""\n\nimport os\n\n\ndef title() -> str:\n    return "Receipt"\n');
  });
});
