/** Pending hunks in the text: a soft background, a gutter mark, and actions under the server's own hover. */
import * as vscode from "vscode";
import type { Store } from "./store";
import { type Placed, shownLine } from "./view";
import { t } from "./words";

export class Decorations implements vscode.Disposable {
  private readonly replaced: vscode.TextEditorDecorationType;
  private readonly inserted: vscode.TextEditorDecorationType;
  private readonly subscriptions: vscode.Disposable[];

  constructor(extension: vscode.ExtensionContext, private readonly store: Store) {
    const mark = {
      isWholeLine: true,
      gutterIconPath: extension.asAbsolutePath("media/pending.svg"),
      gutterIconSize: "contain",
      overviewRulerColor: new vscode.ThemeColor("nexus.pendingBorder"),
      overviewRulerLane: vscode.OverviewRulerLane.Left,
    };
    this.replaced = vscode.window.createTextEditorDecorationType({
      ...mark,
      backgroundColor: new vscode.ThemeColor("nexus.pendingBackground"),
    });
    // What is inserted has no line of its own yet: it is drawn as a line between two.
    this.inserted = vscode.window.createTextEditorDecorationType({
      ...mark,
      borderColor: new vscode.ThemeColor("nexus.pendingBorder"),
      borderStyle: "dashed",
      borderWidth: "0 0 1px 0",
    });
    this.subscriptions = [
      this.replaced,
      this.inserted,
      store.onDidChange(() => this.draw()),
      vscode.window.onDidChangeVisibleTextEditors(() => this.draw()),
    ];
  }

  private draw(): void {
    for (const editor of vscode.window.visibleTextEditors) {
      const here = this.store.pendingIn(editor.document.uri.toString()).filter((change) => change.kind === "edit" && this.store.place(change));
      const inserts = here.filter((change) => change.before === "");
      editor.setDecorations(this.inserted, inserts.map(decoration));
      editor.setDecorations(this.replaced, here.filter((change) => change.before !== "").map(decoration));
    }
  }

  dispose(): void {
    for (const each of this.subscriptions) each.dispose();
  }
}

const HOVER_COMMANDS = ["nexus.acceptChange", "nexus.rejectChange", "nexus.diffChange"] as const;

function decoration(change: Placed): vscode.DecorationOptions {
  const first = shownLine(change);
  const last = Math.max(first, change.range.end.character === 0 ? change.range.end.line - 1 : change.range.end.line);
  const link = (label: string, command: string): string =>
    `[${label}](command:${command}?${encodeURIComponent(JSON.stringify([change.id]))})`;
  const hover = new vscode.MarkdownString(
    `${link(`$(check) ${t("Accept")}`, "nexus.acceptChange")} &nbsp; ${link(`$(close) ${t("Reject")}`, "nexus.rejectChange")} &nbsp; ${link(`$(diff) ${t("Diff")}`, "nexus.diffChange")}`,
    true,
  );
  hover.isTrusted = { enabledCommands: HOVER_COMMANDS };
  return { range: new vscode.Range(first, 0, last, Number.MAX_SAFE_INTEGER), hoverMessage: hover };
}
