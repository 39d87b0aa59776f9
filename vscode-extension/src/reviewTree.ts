/** The view Review: groups of changes, and the changes in them. */
import * as vscode from "vscode";
import { gathered, type Group, grouped, groupRow, isMuch } from "./groups";
import { fileUri } from "./preview";
import type { Store } from "./store";
import { changeItem, item, type Node } from "./trees";
import { count } from "./view";
import { t } from "./words";

export class ReviewTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly view: vscode.TreeView<Node>;
  readonly onDidChangeTreeData: vscode.Event<void>;
  private readonly subscription: vscode.Disposable;
  /** The editor asks for the rows of what is unfolded alone. */
  private folded = false;

  constructor(private readonly store: Store) {
    this.onDidChangeTreeData = store.onDidChange;
    this.view = vscode.window.createTreeView("nexus.reviewView", { treeDataProvider: this, showCollapseAll: true, canSelectMany: true });
    this.subscription = store.onDidChange(() => this.badge());
  }

  getChildren(node?: Node): Node[] {
    if (!node) {
      const groups = this.groups();
      this.folded = isMuch(groups);
      return groups.map((group) => ({ kind: "group", group }));
    }
    return node.kind === "group" ? node.group.changes.map((change) => ({ kind: "change", change })) : [];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    if (node.kind === "change") return changeItem(this.store, node.change);
    if (node.kind !== "group") throw new Error(`${node.kind} is not shown in Review`);
    const row = groupRow(node.group);
    // A row's state is kept by its id: a group in which nothing waits any more is closed once.
    const open = row.open && !this.folded;
    return item(`group:${node.group.id}:${open}`, row, open);
  }

  private groups(): Group[] {
    const path = (uri: string): string => vscode.workspace.asRelativePath(vscode.Uri.parse(uri));
    return gathered(grouped(this.store.changes, this.store.groups, path), path);
  }

  private badge(): void {
    const pending = this.store.pending;
    const files = new Set(pending.map((change) => fileUri(change).path)).size;
    this.view.badge = pending.length ? { value: pending.length, tooltip: t("{0} to review in {1}", count(pending.length, "change"), count(files, "file")) } : undefined;
  }

  dispose(): void {
    this.subscription.dispose();
    this.view.dispose();
  }
}
