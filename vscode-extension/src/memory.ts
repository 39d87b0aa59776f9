/** The view Memory: what the team remembers about something the user asks for. */
import * as vscode from "vscode";
import type { Ctx } from "./ctx";
import { setContext } from "./ctx";
import { found, memoryDetails, memoryRow } from "./groups";
import type { MemoryItem } from "./lspExt";
import { item } from "./trees";
import { t } from "./words";

const MOST = 50;

type Remembered = MemoryItem | { detail: string; id: string };

export class MemoryTree implements vscode.TreeDataProvider<Remembered>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly view: vscode.TreeView<Remembered>;
  private query = "";
  private items: readonly MemoryItem[] = [];

  constructor(private readonly ctx: Ctx) {
    this.view = vscode.window.createTreeView("nexus.memoryView", { treeDataProvider: this });
  }

  getChildren(parent?: Remembered): Remembered[] {
    if (!parent) return [...this.items];
    return "detail" in parent ? [] : memoryDetails(parent).map((detail, at) => ({ detail, id: `${parent.id}:${at}` }));
  }

  getTreeItem(memory: Remembered): vscode.TreeItem {
    if ("detail" in memory) return item(memory.id, { label: memory.detail, description: "", tooltip: memory.detail, icon: "blank", context: "detail" });
    const row = memoryRow(memory, this.ctx.store.agentName(memory.agentId), new Date(memory.at * 1000).toLocaleDateString(vscode.env.language));
    return item(`memory:${memory.id}`, row, false);
  }

  async search(given?: string): Promise<void> {
    const query = given ?? (await vscode.window.showInputBox({ title: t("NEXUS: Search Memory"), prompt: t("What should the team remember something about?"), value: this.query, placeHolder: t("retries in the payment client") }));
    if (!query?.trim()) return;
    const { items } = await this.ctx.execute("nexus.memory.search", { query: query.trim(), limit: MOST });
    // Opened first: a tree that was filled while its view was folded is drawn without any row.
    await vscode.commands.executeCommand("nexus.memoryView.focus");
    this.show(query.trim(), items);
  }

  async forget(memory: MemoryItem): Promise<void> {
    await this.ctx.execute("nexus.memory.forget", { ids: [memory.id] });
    this.show(this.query, this.items.filter(({ id }) => id !== memory.id));
  }

  clear(): void {
    this.show("", []);
  }

  private show(query: string, items: readonly MemoryItem[]): void {
    this.query = query;
    this.items = items;
    this.view.message = query ? found(items.length, query) : "";
    void setContext("memorySearched", query !== "");
    this.changed.fire();
  }

  dispose(): void {
    this.view.dispose();
    this.changed.dispose();
  }
}

const isMemory = (arg: unknown): arg is MemoryItem => typeof (arg as MemoryItem | undefined)?.id === "string" && "text" in (arg as object);

export function memoryCommands(tree: MemoryTree): Record<string, (ctx: Ctx, arg: unknown) => unknown> {
  return {
    "nexus.searchMemory": (_, arg) => tree.search(typeof arg === "string" ? arg : undefined),
    "nexus.clearMemorySearch": () => tree.clear(),
    "nexus.forgetMemory": async (_, arg) => {
      if (!isMemory(arg)) return void (await tree.search());
      await tree.forget(arg);
    },
  };
}
