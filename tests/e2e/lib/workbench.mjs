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

  async openFile(name) {
    await this.page.keyboard.press("Control+Shift+E");
    await this.until(
      () => this.page.locator(".explorer-folders-view .monaco-list-row", { hasText: name }).first().dblclick({ timeout: 10_000 }),
      (timeout) => this.tab(name).waitFor({ timeout }),
    );
    await this.page.locator(".monaco-editor .view-lines").first().waitFor();
  }

  tab(name) {
    return this.page.locator(".tabs-container .tab", { hasText: name }).first();
  }

  /** Runs a command from the palette; `done` says what must show then. */
  async command(title, done) {
    return this.until(async () => {
      await this.page.keyboard.press("F1");
      await this.input.fill(`>${title}`, { timeout: 3000 });
      await this.page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().click({ timeout: 5000 });
    }, done);
  }

  async answerInput(text) {
    await this.input.fill(text);
    await this.page.keyboard.press("Enter");
  }

  toast(text) {
    return this.page.locator(".notification-toast", { hasText: text }).first();
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

  squiggle() {
    return this.page.locator(".squiggly-info");
  }

  treeRow(text) {
    return this.page.locator(".pane-body .monaco-list-row", { hasText: text }).first();
  }
}
