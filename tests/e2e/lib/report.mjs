// Steps with times and screenshots, as JSON on stdout for pytest.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { REPO } from "./vscode.mjs";

export class Report {
  /** `folder`: where one scenario is driven more than once, what tells its pictures apart. */
  constructor(name, folder = "") {
    this.name = name;
    this.steps = [];
    this.figures = [];
    this.started = Date.now();
    this.folder = join(REPO, ".artifacts/screenshots", [name, folder.toLowerCase().replaceAll(" ", "-")].filter(Boolean).join("-"));
  }

  /** Runs one step, takes its picture, and stops the scenario where it fails. */
  async step(page, name, act) {
    const began = Date.now();
    const entry = { name, ok: false, seconds: 0 };
    this.steps.push(entry);
    try {
      await act();
      entry.ok = true;
    } catch (error) {
      entry.error = error instanceof Error ? error.message : String(error);
      throw error;
    } finally {
      entry.seconds = (Date.now() - began) / 1000;
      entry.screenshot = await this.picture(page, name).catch(() => undefined);
    }
  }

  async picture(page, name) {
    await mkdir(this.folder, { recursive: true });
    const number = String(this.steps.length).padStart(2, "0");
    const path = join(this.folder, `${number}-${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}.png`);
    await page.waitForTimeout(300); // the end of an animation
    await page.screenshot({ path });
    return path;
  }

  print(log = "") {
    const ok = this.steps.length > 0 && this.steps.every((step) => step.ok);
    const seconds = (Date.now() - this.started) / 1000;
    console.log(JSON.stringify({ name: this.name, ok, seconds, figures: this.figures, steps: this.steps, ...(ok ? {} : { log }) }, null, 2));
    process.exitCode = ok ? 0 : 1;
  }
}
