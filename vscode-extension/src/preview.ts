/** Virtual documents: what a change would make of a file. */
import * as vscode from "vscode";
import { type Change, PREVIEW_SCHEME, type RunDetail } from "./lspExt";
import type { Store } from "./store";
import { type Placed, spliced } from "./view";

const BEFORE = "before";

export const fileUri = (change: Change): vscode.Uri => vscode.Uri.parse(change.uri);

/** The file as it would be after `subject`: one change, or all pending changes of a run in this file. */
export function previewUri(file: vscode.Uri, subject: string): vscode.Uri {
  return file.with({ scheme: PREVIEW_SCHEME, query: subject, fragment: "" });
}

export function beforeUri(change: Change): vscode.Uri {
  return previewUri(fileUri(change), change.id).with({ fragment: BEFORE });
}

/** Whether the change is a hunk in a file that exists: then the file itself is the "before". */
export const isHunk = (change: Change): boolean => change.kind === "edit";

export class Previews implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly store: Store) {
    this.subscriptions = [
      this.changed,
      vscode.workspace.registerTextDocumentContentProvider(PREVIEW_SCHEME, this),
      store.onDidChange(() => this.refresh()),
    ];
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const run = this.store.run(uri.query);
    if (run) return this.afterRun(run, uri);
    const change = this.store.change(uri.query);
    if (!change) return "";
    if (uri.fragment === BEFORE) return change.before;
    return isHunk(change) ? this.afterHunks(fileUri(change), [change]) : change.after;
  }

  private afterRun(run: RunDetail, preview: vscode.Uri): Promise<string> | string {
    const file = preview.with({ scheme: "file", query: "" });
    const changes = this.store.changesOf(run).filter((each) => each.status === "pending" && fileUri(each).path === file.path);
    const whole = changes.find((change) => !isHunk(change));
    return whole ? whole.after : this.afterHunks(file, changes);
  }

  private async afterHunks(file: vscode.Uri, changes: readonly Placed[]): Promise<string> {
    const document = await vscode.workspace.openTextDocument(file);
    const pending = changes.filter((change) => change.status === "pending");
    const splices = pending.map(({ range, after }) => ({
      start: document.offsetAt(new vscode.Position(range.start.line, range.start.character)),
      end: document.offsetAt(new vscode.Position(range.end.line, range.end.character)),
      after,
    }));
    return spliced(document.getText(), splices);
  }

  private refresh(): void {
    for (const { uri } of vscode.workspace.textDocuments) {
      if (uri.scheme === PREVIEW_SCHEME) this.changed.fire(uri);
    }
    this.closeSettled();
  }

  /** A new file's preview goes when it is decided: the file itself is there, or is not wanted. */
  private closeSettled(): void {
    const settled = vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs).filter(({ input }) => {
      if (!(input instanceof vscode.TabInputText) || input.uri.scheme !== PREVIEW_SCHEME) return false;
      const change = this.store.change(input.uri.query);
      return change !== undefined && change.status !== "pending";
    });
    if (settled.length) void vscode.window.tabGroups.close(settled, true);
  }

  dispose(): void {
    for (const each of this.subscriptions) each.dispose();
  }
}
