// One scenario: what pytest gave, the window, and steps that stop at the first that does not hold.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Report } from "./report.mjs";
import { openVsCode } from "./vscode.mjs";
import { Workbench } from "./workbench.mjs";

/** `act` gets the workbench, `step(name, act)`, what pytest gave, `onDisk(file, text)` and `figure(name, value)` for what it measures. */
export async function scenario(name, act) {
  const given = JSON.parse(process.argv[2]);
  const report = new Report(name, given.folder);
  let window;
  let log = "";
  try {
    window = await openVsCode(given);
    const { page } = window;
    const step = (title, work) => report.step(page, title, work);
    const onDisk = (file, text) => eventually(join(given.workspace, file), text);
    await act({ page, code: new Workbench(page), step, given, onDisk, figure: (name, value) => report.figures.push([name, value]) });
  } catch (error) {
    console.error(error);
    if (!report.steps.length) report.steps.push({ name: "start", ok: false, seconds: 0, error: String(error) });
  } finally {
    if (window) log = await window.log();
    await window?.close();
    report.print(log.slice(-6000));
  }
}

async function eventually(path, text, timeout = 10_000) {
  const until = Date.now() + timeout;
  for (;;) {
    const found = await readFile(path, "utf8").catch(String);
    if (found.includes(text)) return;
    if (Date.now() > until) throw new Error(`${path} has no ${JSON.stringify(text)}:\n${found}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
