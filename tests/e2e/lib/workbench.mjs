// What a person does in the window. Every palette or menu step may be repeated: a lost key press is tried again.

export class Workbench {
  constructor(page) {
    this.page = page;
  }

  /** Does `act` until `done` holds; `act` must be harmless when done twice. */
  async until(act, done, { tries = 5, patience = 3000 } = {}) {
    let last;
    for (let n = 0; n < tries; n++) {
      try {
        await act();
        return await done(patience);
      } catch (error) {
        last = error;
        await this.page.keyboard.press("Escape");
      }
    }
    throw last;
  }

  get input() {
    return this.page.locator(".quick-input-widget input:visible").first();
  }

  /** The status bar's entry says that the extension is up. */
  async ready() {
    await this.page.locator(".statusbar-item", { hasText: "NEXUS" }).waitFor({ timeout: 60_000 });
  }

  async openFile(name) {
    await this.page.keyboard.press("Control+Shift+E");
    await this.until(
      () => this.page.locator(".explorer-folders-view .monaco-list-row", { hasText: name }).first().dblclick({ timeout: 10_000 }),
      (timeout) => this.tab(name).waitFor({ timeout }),
    );
    await this.page.locator(".monaco-editor .view-lines").first().waitFor();
  }

  /** A file anywhere in the workspace, by its name. */
  async quickOpen(path) {
    const name = path.split("/").at(-1);
    await this.until(
      async () => {
        await this.page.keyboard.press("Control+P");
        await this.input.fill(name, { timeout: 3000 });
        await this.pick(name).click({ timeout: 5000 });
      },
      (timeout) => this.tab(name).waitFor({ timeout }),
    );
  }

  tab(name) {
    return this.page.locator(".tabs-container .tab", { hasText: name }).first();
  }

  /** Runs a command from the palette; `done` says what must show then. */
  async command(title, done, options) {
    return this.until(async () => {
      await this.page.keyboard.press("F1");
      await this.input.fill(`>${title}`, { timeout: 3000 });
      await this.page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().click({ timeout: 5000 });
    }, done, options);
  }

  async answerInput(text) {
    await this.input.fill(text);
    await this.page.keyboard.press("Enter");
  }

  /** One entry of an open quick pick. */
  pick(text) {
    return this.page.locator(".quick-input-list .monaco-list-row", { hasText: text }).first();
  }

  /** The palette asks for the request; then the run is in the view. */
  async delegate(request) {
    await this.command("NEXUS: Delegate to Team", (timeout) => this.page.getByText(/Goes along|What should the team do/).first().waitFor({ timeout }));
    await this.answerInput(request);
  }

  toast(text) {
    return this.page.locator(".notification-toast", { hasText: text }).first();
  }

  async dismissToasts() {
    await this.command("Notifications: Clear All Notifications", () => undefined);
  }

  async goToLine(line) {
    await this.until(
      async () => {
        await this.page.keyboard.press("Control+G");
        await this.input.fill(`:${line}`, { timeout: 3000 });
        await this.page.keyboard.press("Enter");
      },
      (timeout) => this.page.locator(".statusbar-item", { hasText: `Ln ${line},` }).waitFor({ timeout }),
    );
  }

  /** The light bulb's menu on the cursor's line. */
  async quickFix(label) {
    const action = this.page.locator(".action-widget .monaco-list-row", { hasText: label }).first();
    await this.until(
      () => this.page.keyboard.press("Control+."),
      (timeout) => action.waitFor({ timeout }),
    );
    return action;
  }

  get editor() {
    return this.page.locator(".editor-instance .monaco-editor").first();
  }

  line(text) {
    return this.editor.locator(".view-line", { hasText: text }).first();
  }

  squiggle() {
    return this.page.locator(".squiggly-info");
  }

  lens(text) {
    return this.page.locator(".codelens-decoration a", { hasText: text }).first();
  }

  /** The side bar shows NEXUS's own views. */
  async showView() {
    await this.until(
      () => this.page.locator(".activitybar .action-item", { has: this.page.locator('[aria-label^="NEXUS"]') }).first().click({ timeout: 5000 }),
      (timeout) => this.page.locator(".pane-header", { hasText: "Runs" }).first().waitFor({ timeout }),
    );
  }

  /** The number on the activity bar's icon. */
  badge(n = "") {
    return this.page.locator(".activitybar .action-item", { has: this.page.locator('[aria-label^="NEXUS"]') }).locator(".badge-content:visible", { hasText: String(n) }).first();
  }

  treeRow(text) {
    return this.page.locator(".pane-body .monaco-list-row", { hasText: text }).first();
  }

  /** A button that a row of a tree shows under the mouse. */
  async rowButton(row, title, done, options) {
    await this.until(async () => {
      await row.hover({ timeout: 5000 });
      await row.locator(`.action-label[aria-label^="${title}"]`).first().click({ timeout: 3000 });
    }, done, options);
  }
}
