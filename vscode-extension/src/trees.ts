/** The views Runs (questions, tasks, their gates) and Team, and the rows that all views share. */
import * as vscode from "vscode";
import type { AgentSnapshot, Ask, Gate, Quality, RunDetail, RunSummary, TaskState } from "./lspExt";
import { fileUri } from "./preview";
import type { Store } from "./store";
import type { Group } from "./groups";
import type { History } from "./history";
import { agentRow, askRow, changeRow, gateRow, isActive, type Placed, qualityRow, type Row, runRow, taskRow } from "./view";
import { t } from "./words";

export type Node =
  | { kind: "run"; run: RunSummary }
  | { kind: "task"; run: RunDetail; task: TaskState }
  | { kind: "change"; change: Placed }
  | { kind: "group"; group: Group }
  | { kind: "agent"; agent: AgentSnapshot }
  | { kind: "gate"; gate: Gate; id: string }
  | { kind: "quality"; runId: string; quality: Quality }
  | { kind: "ask"; ask: Ask };

export const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && "kind" in value;

/** How often times of what is at work are drawn anew, while somebody looks. */
const TICK_MS = 5000;

export class RunsTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly view: vscode.TreeView<Node>;
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly subscriptions: vscode.Disposable[];
  private readonly ticking: NodeJS.Timeout;

  constructor(private readonly store: Store, private readonly history: History) {
    this.view = vscode.window.createTreeView("nexus.runsView", { treeDataProvider: this, showCollapseAll: true });
    this.subscriptions = [
      store.onDidChange(() => {
        this.badge();
        this.changed.fire();
      }),
    ];
    this.ticking = setInterval(() => {
      if (this.view.visible && store.runs.some((run) => run.status === "in_progress")) this.changed.fire();
    }, TICK_MS);
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (!node) return this.store.runs.map((run) => ({ kind: "run", run }));
    if (node.kind === "run") {
      const run = await this.store.load(node.run.runId);
      // Of what is at work the time of its start is told by events alone.
      if (run?.tasks.some((task) => task.status === "in_progress")) await this.history.load(run.runId);
      return run ? ofRun(run) : [];
    }
    return node.kind === "task" ? gates(node.run, (gate) => gate.taskId === node.task.taskId) : [];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case "run":
        return item(`run:${node.run.runId}`, runRow(node.run), isOpen(node.run));
      case "task": {
        const { run, task } = node;
        const children = run.gates.some((gate) => gate.taskId === task.taskId);
        const since = task.status === "in_progress" ? this.history.startedAt(run.runId, task.taskId) : undefined;
        const row = taskRow(task, this.store.agentName(task.agentId), since === undefined ? 0 : Date.now() / 1000 - since, run.asks.some((ask) => ask.answer == null && ask.taskId === task.taskId));
        // The editor keeps a row's state by its id, so one that gets its first child would have no arrow.
        return item(`task:${run.runId}:${task.taskId}:${children}`, row, children ? false : undefined);
      }
      case "change":
        return changeItem(this.store, node.change);
      case "gate":
        return item(node.id, gateRow(node.gate));
      case "quality":
        return item(`quality:${node.runId}`, qualityRow(node.quality));
      case "ask":
        return askItem(node.ask, this.store.agentName(node.ask.agentId));
      case "group":
      case "agent":
        throw new Error(`${node.kind} is not shown in Runs`);
    }
  }

  private badge(): void {
    const asks = this.store.asks.length;
    this.view.badge = asks ? { value: asks, tooltip: asks === 1 ? t("a question waits for you") : t("{0} questions wait for you", asks) } : undefined;
  }

  dispose(): void {
    clearInterval(this.ticking);
    for (const each of [...this.subscriptions, this.view, this.changed]) each.dispose();
  }
}

/** Questions first, then the tasks, then what belongs to no task. */
function ofRun(run: RunDetail): Node[] {
  const known = new Set(run.tasks.map((task) => task.taskId));
  return [
    ...run.asks.filter((ask) => ask.answer == null).map((ask): Node => ({ kind: "ask", ask })),
    ...run.tasks.map((task): Node => ({ kind: "task", run, task })),
    ...gates(run, (gate) => gate.taskId === null || !known.has(gate.taskId)),
    ...(run.quality ? [{ kind: "quality" as const, runId: run.runId, quality: run.quality }] : []),
  ];
}

export class TeamTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly onDidChangeTreeData: vscode.Event<void>;
  private readonly view: vscode.TreeView<Node>;

  constructor(private readonly store: Store) {
    this.onDidChangeTreeData = store.onDidChange;
    this.view = vscode.window.createTreeView("nexus.agentsView", { treeDataProvider: this });
  }

  getChildren(node?: Node): Node[] {
    if (node) return [];
    const busyFirst = [...this.store.agents].sort((a, b) => Number(Boolean(b.current_task)) - Number(Boolean(a.current_task)));
    return busyFirst.map((agent) => ({ kind: "agent", agent }));
  }

  getTreeItem(node: Node): vscode.TreeItem {
    if (node.kind !== "agent") throw new Error(`${node.kind} is not shown in Team`);
    const { agent } = node;
    const pending = this.store.pending.filter((change) => change.agentId === agent.agent_id).length;
    const row = item(`agent:${agent.agent_id}`, agentRow(agent, this.taskTitle(agent.current_task), pending));
    row.command = { command: "nexus.showTranscript", title: t("Show Transcript"), arguments: [node] };
    return row;
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
export function item(id: string, row: Row, open?: boolean): vscode.TreeItem {
  const { Expanded, Collapsed, None } = vscode.TreeItemCollapsibleState;
  const tree = new vscode.TreeItem(row.label, open === undefined ? None : open ? Expanded : Collapsed);
  tree.id = id;
  tree.description = row.description;
  tree.tooltip = row.tooltip;
  tree.iconPath = new vscode.ThemeIcon(row.icon, row.color ? new vscode.ThemeColor(row.color) : undefined);
  tree.contextValue = row.context;
  tree.accessibilityInformation = { label: [row.label, row.spoken, row.description].filter(Boolean).join(", ") };
  return tree;
}

export function changeItem(store: Store, change: Placed): vscode.TreeItem {
  const path = vscode.workspace.asRelativePath(fileUri(change));
  const row = item(`change:${change.id}`, changeRow(change, path, store.agentName(change.agentId)));
  row.command = { command: "nexus.openChange", title: t("Open"), arguments: [change.id] };
  return row;
}

function askItem(ask: Ask, agentName: string): vscode.TreeItem {
  const tree = item(`ask:${ask.askId}`, askRow(ask, agentName));
  const node: Node = { kind: "ask", ask };
  tree.command = { command: "nexus.answerAsk", title: t("Answer"), arguments: [node] };
  return tree;
}
