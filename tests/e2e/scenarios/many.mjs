// Five hundred changes in sixty files: seen, typed in, and accepted by change, file, group, agent and run.
import { scenario } from "../lib/scenario.mjs";
import { keystrokes } from "../lib/typing.mjs";

const TEXT = "# a comment that is typed while much waits to be looked at by somebody";

await scenario("many", async ({ page, code, step, given, onDisk, figure }) => {
  const { file, big, each, byCode, byAlpha } = given;
  const waiting = (n) => page.locator(".statusbar-item", { hasText: `NEXUS: ${n} to review` });
  const waits = async (n, timeout = 20_000) => {
    await waiting(n).waitFor({ timeout });
    await code.badge(n).waitFor({ timeout: 5000 });
  };
  // The editor opens one for each file that it edits.
  const noMoreTabs = async () => {
    await code.tab("file_51.py").or(code.tab("file_20.py")).first().waitFor({ state: "detached", timeout: 5000 });
    if ((await page.locator(".tabs-container .tab").count()) !== 1) throw new Error("more tabs are open than before");
  };
  const typed = async () => {
    await page.keyboard.press("Control+Home");
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    const { median, p99 } = await keystrokes(page, TEXT);
    return `median ${median} ms, p99 ${p99} ms`;
  };
  const timed = async (name, act) => {
    const began = Date.now();
    await act();
    figure(name, `${((Date.now() - began) / 1000).toFixed(1)} s`);
  };
  await step("a key press where nothing waits", async () => {
    await code.ready();
    await code.quickOpen(file);
    await code.editor.locator(".view-line").first().click();
    figure("a key press, nothing waits", await typed());
    await code.command("File: Revert File", () => page.locator(".tab.dirty").waitFor({ state: "detached", timeout: 3000 }));
  });
  await step("five hundred changes wait, in rows by file", async () => {
    await code.showView();
    await code.delegate(given.request);
    await waits(byCode + byAlpha, given.patience);
    await code.treeRow(`${each} to review`).waitFor({ timeout: 10_000 });
    figure("shown at", Date.now() / 1000);
    await code.toast("ready for").getByText("Later").click({ timeout: 20_000 });
  });
  await step("the file in view has its marks and lenses", async () => {
    await code.squiggle().first().waitFor({ timeout: 10_000 });
    await code.lens("Accept").waitFor({ timeout: 10_000 });
  });
  await step("a key press where they wait", async () => {
    await code.editor.locator(".view-line").first().click();
    figure(`a key press, ${big} wait in this file and ${byCode + byAlpha - big} in others`, await typed());
    await code.command("File: Revert File", () => page.locator(".tab.dirty").waitFor({ state: "detached", timeout: 3000 }));
  });
  let left = byCode + byAlpha;
  await step("one is accepted from its lens", async () => {
    await code.lens("Accept").click();
    await waits(--left);
  });
  await step("all of the file", async () => {
    await timed(`accept ${big - 1} changes in one file`, async () => {
      await code.command("NEXUS: Accept All Changes in This File", (timeout) => waiting(left - big + 1).waitFor({ timeout }), { patience: 15_000 });
    });
    left -= big - 1;
    await waits(left);
    await onDisk(file, "return step_0 + 86");
  });
  await step("a row of the tree", async () => {
    await code.rowButton(code.treeRow("file_05.py"), "Accept Group", (timeout) => waiting(left - each).waitFor({ timeout }));
    left -= each;
    await waits(left);
  });
  await step("all of an agent", async () => {
    await timed(`accept ${byAlpha} changes in 20 files`, () =>
      code.rowButton(code.treeRow("test creator"), "Accept All Changes of an Agent", (timeout) => waiting(left - byAlpha).waitFor({ timeout }), { patience: 20_000 }),
    );
    left -= byAlpha;
    await waits(left);
    await noMoreTabs();
  });
  await step("all of the run", async () => {
    await timed(`accept ${left} changes in 38 files`, () =>
      code.rowButton(code.treeRow(given.request), "Accept All Changes of a Run", (timeout) => code.treeRow("completed").waitFor({ timeout }), { patience: 30_000 }),
    );
    await page.locator(".statusbar-item", { hasText: "to review" }).waitFor({ state: "detached", timeout: 10_000 });
    await code.badge().waitFor({ state: "detached", timeout: 10_000 });
    await noMoreTabs();
    for (const path of ["parts/file_39.py", "checks/file_59.py"]) await onDisk(path, "return step_0 + 6");
  });
});
