/** The two views: Runs → tasks → changes and gates, and Agents. */
import * as vscode from "vscode";
import type { AgentSnapshot, Ask, Gate, Quality, RunDetail, RunSummary, TaskState } from "./lspExt";
import { fileUri } from "./preview";
import type { Store } from "./store";
import { agentRow, changeRow, gateRow, inOrder, isActive, type Placed, qualityRow, type Row, runRow, taskRow } from "./view";

export type Node =
  | { kind: "run"; run: RunSummary }
  | { kind: "task"; run: RunDetail; task: TaskState }
  | { kind: "change"; change: Placed }
  | { kind: "gate"; gate: Gate; id: string }
  | { kind: "quality"; runId: string; quality: Quality }
  | { kind: "ask"; ask: Ask };

export const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && "kind" in value;

export class RunsTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly view: vscode.TreeView<Node>;
  readonly onDidChangeTreeData: vscode.Event<void>;
  private readonly subscription: vscode.Disposable;

  constructor(private readonly store: Store) {
    this.onDidChangeTreeData = store.onDidChange;
    this.view = vscode.window.createTreeView("nexus.runsView", { treeDataProvider: this, showCollapseAll: true });
    this.subscription = store.onDidChange(() => this.badge());
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (!node) return this.store.runs.map((run) => ({ kind: "run", run }));
    if (node.kind === "run") {
      const run = await this.store.load(node.run.runId);
      return run ? this.ofRun(run) : [];
    }
    return node.kind === "task" ? this.ofTask(node.run, node.task) : [];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case "run":
        return item(`run:${node.run.runId}`, runRow(node.run), isOpen(node.run));
      case "task": {
        const children = this.ofTask(node.run, node.task).length > 0;
        const row = taskRow(node.task, this.store.agentName(node.task.agentId));
        // The editor keeps a row's state by its id, so one that gets its first child would stay closed.
        return item(`task:${node.run.runId}:${node.task.taskId}:${children}`, row, children || undefined);
      }
      case "change":
        return this.changeItem(node.change);
      case "gate":
        return item(node.id, gateRow(node.gate));
      case "quality":
        return item(`quality:${node.runId}`, qualityRow(node.quality));
      case "ask":
        return askItem(node.ask);
    }
  }

  /** Questions first, then the tasks, then what belongs to no task. */
  private ofRun(run: RunDetail): Node[] {
    const known = new Set(run.tasks.map((task) => task.taskId));
    return [
      ...run.asks.filter((ask) => ask.answer == null).map((ask): Node => ({ kind: "ask", ask })),
      ...run.tasks.map((task): Node => ({ kind: "task", run, task })),
      ...this.changes(run, (change) => !known.has(change.taskId)),
      ...gates(run, (gate) => gate.taskId === null || !known.has(gate.taskId)),
      ...(run.quality ? [{ kind: "quality" as const, runId: run.runId, quality: run.quality }] : []),
    ];
  }

  private ofTask(run: RunDetail, task: TaskState): Node[] {
    return [
      ...this.changes(run, (change) => change.taskId === task.taskId),
      ...gates(run, (gate) => gate.taskId === task.taskId),
    ];
  }

  private changes(run: RunDetail, which: (change: Placed) => boolean): Node[] {
    return this.store.changesOf(run).filter(which).sort(inOrder).map((change) => ({ kind: "change", change }));
  }

  private changeItem(change: Placed): vscode.TreeItem {
    const path = vscode.workspace.asRelativePath(fileUri(change));
    const row = item(`change:${change.id}`, changeRow(change, path, this.store.agentName(change.agentId)));
    row.command = { command: "nexus.openChange", title: "Open", arguments: [change.id] };
    return row;
  }

  private badge(): void {
    const pending = this.store.runs.reduce((sum, run) => sum + run.changesPending, 0);
    this.view.badge = pending ? { value: pending, tooltip: `${pending} to review` } : undefined;
  }

  dispose(): void {
    this.subscription.dispose();
    this.view.dispose();
  }
}

export class AgentsTree implements vscode.TreeDataProvider<AgentSnapshot>, vscode.Disposable {
  readonly onDidChangeTreeData: vscode.Event<void>;
  private readonly view: vscode.TreeView<AgentSnapshot>;

  constructor(private readonly store: Store) {
    this.onDidChangeTreeData = store.onDidChange;
    this.view = vscode.window.createTreeView("nexus.agentsView", { treeDataProvider: this });
  }

  getChildren(agent?: AgentSnapshot): AgentSnapshot[] {
    return agent ? [] : [...this.store.agents];
  }

  getTreeItem(agent: AgentSnapshot): vscode.TreeItem {
    return item(`agent:${agent.agent_id}`, agentRow(agent, this.taskTitle(agent.current_task)));
  }

  /** `current_task` is `<run>/<task>`. */
  private taskTitle(current: string | null): string | undefined {
    const [runId = "", taskId] = current?.split("/") ?? [];
    return this.store.run(runId)?.tasks.find((task) => task.taskId === taskId)?.title;
  }

  dispose(): void {
    this.view.dispose();
  }
}

const isOpen = (run: RunSummary): boolean => isActive(run) || run.changesPending > 0;

const gates = (run: RunDetail, which: (gate: Gate) => boolean): Node[] =>
  run.gates.flatMap((gate, at) => (which(gate) ? [{ kind: "gate", gate, id: `gate:${run.runId}:${at}` }] : []));

/** `open`: children shown, hidden, or (undefined) none. */
function item(id: string, row: Row, open?: boolean): vscode.TreeItem {
  const { Expanded, Collapsed, None } = vscode.TreeItemCollapsibleState;
  const tree = new vscode.TreeItem(row.label, open === undefined ? None : open ? Expanded : Collapsed);
  tree.id = id;
  tree.description = row.description;
  tree.tooltip = row.tooltip;
  tree.iconPath = new vscode.ThemeIcon(row.icon, row.color ? new vscode.ThemeColor(row.color) : undefined);
  tree.contextValue = row.context;
  return tree;
}

function askItem(ask: Ask): vscode.TreeItem {
  const row = { label: ask.question, description: "click to answer", tooltip: ask.question, icon: "question", color: "charts.yellow", context: "ask" };
  const tree = item(`ask:${ask.askId}`, row);
  tree.command = { command: "nexus.answerAsk", title: "Answer", arguments: [{ kind: "ask", ask } satisfies Node] };
  return tree;
}
