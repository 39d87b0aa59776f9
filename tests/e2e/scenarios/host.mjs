// The tests of `host/tests.cjs` run in the extension host; then what only the window shows of it: contexts, errors.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { scenario } from "../lib/scenario.mjs";

await scenario("host", async ({ page, code, step, given, onDisk, figure }) => {
  const errors = new Set();
  await page.exposeFunction("sawError", (text) => errors.add(text));
  await page.evaluate(() => {
    const look = () => {
      for (const row of document.querySelectorAll(".notification-list-item")) {
        if (row.querySelector(".codicon-error")) globalThis.sawError(row.querySelector(".notification-list-item-message")?.textContent ?? "");
      }
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true });
  });
  await step("every test has run", async () => {
    const dialog = page.locator(".monaco-dialog-box");
    for (let told; !told?.done; await page.waitForTimeout(300)) {
      // A tool that is called outside a chat is asked for, by the editor itself.
      if (await dialog.isVisible()) {
        figure("asked", await dialog.innerText());
        await page.screenshot({ path: `${given.pictures}/tool.png` });
        await dialog.getByRole("button").filter({ hasText: /Allow|Confirm|Continue|Yes|OK/ }).first().click();
      }
      told = await readFile(given.env.NEXUS_HOST_REPORT, "utf8").then(JSON.parse).catch(() => undefined);
    }
  });
  await step("contexts are looked at", async () => {
    const logged = new Promise((resolve) => {
      page.on("console", async (message) => {
        const value = await message.args()[0]?.jsonValue().catch(() => undefined);
        if (value && typeof value === "object" && "nexus.serverState" in value) resolve(value);
      });
    });
    await code.command("Developer: Inspect Context Keys", () => page.locator(".context-key-inspector, body > div[style*='pointer-events']").first().waitFor({ state: "attached", timeout: 2000 }).catch(() => undefined));
    await page.mouse.click(640, 400);
    const contexts = await logged;
    figure("contexts", Object.fromEntries(Object.entries(contexts).filter(([key]) => key.startsWith("nexus."))));
  });
  figure("errors", [...errors]);
  const chat = page.locator(".interactive-session");
  // A click could be caught by a toast.
  const focus = () => chat.locator(".monaco-editor").locator(".native-edit-context, textarea.inputarea").last().focus({ timeout: 5000 });
  const ask = async (text) => {
    await focus();
    await page.keyboard.type(text);
    await page.keyboard.press("Escape"); // what is suggested
    await page.keyboard.press("Enter");
  };
  await step("@nexus in a chat tells the plan, the progress, and what waits", async () => {
    await writeFile(join(given.workspace, "till.py"), '"""The till."""\n\nimport os\n\n\ndef opened() -> str:\n    return f"open"\n');
    await code.dismissToasts();
    await page.keyboard.press("Control+Alt+I");
    await chat.getByText("Scripted").first().waitFor({ timeout: 15_000 });
    await ask(`@nexus ${given.request}`);
    await chat.getByText("2 changes in 1 file").waitFor({ timeout: given.patience });
    await chat.getByText("Measured by NEXUS: ").waitFor({ timeout: 5000 });
  });
  await step("its buttons decide", async () => {
    await chat.getByRole("button", { name: "Accept All" }).click();
    await onDisk("till.py", 'return "open"'); // runs of the tests before may wait for a decision, too
  });
  await step("without a request it says what to write", async () => {
    await ask("@nexus");
    await chat.getByText("Say what the team should do").waitFor({ timeout: 30_000 });
  });
  await step("cancelled in the chat, the run is cancelled", async () => {
    await ask("@nexus Write tests for what is untested");
    await code.showView();
    const run = page.locator(".pane-body .monaco-list-row", { hasText: "Write tests for what is untested" }).first();
    await run.filter({ hasText: "at work" }).waitFor({ timeout: 30_000 });
    await code.until(
      async () => {
        await focus();
        await page.keyboard.press("Control+Escape");
      },
      (timeout) => run.filter({ hasText: "cancelled" }).waitFor({ timeout }),
    );
  });
});
