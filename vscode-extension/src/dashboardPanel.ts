/** The dashboard in an editor tab: answers the page's questions from the store and passes events on. */
import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import type { Ctx } from "./ctx";
import { type ActionName, type Snapshot, slim, slimRun, type ToExtension, type ToPage } from "./dashboard/feed";
import { worthShowing } from "./dashboard/queue";
import type { NexusEvent, RunId } from "./lspExt";
import { givenRun } from "./pick";
import { t } from "./words";

const VIEW_TYPE = "nexus.dashboard";
const BATCH_MS = 100;

export class DashboardPanel implements vscode.Disposable, vscode.WebviewPanelSerializer {
  private panel: vscode.WebviewPanel | undefined;
  private readonly subscriptions: vscode.Disposable[];
  private batch: NexusEvent[] = [];
  private timer: NodeJS.Timeout | undefined;
  /** A run to be shown as soon as the page can hear it. */
  private wanted: RunId | undefined;

  constructor(private readonly ctx: Ctx) {
    this.subscriptions = [
      vscode.window.registerWebviewPanelSerializer(VIEW_TYPE, this),
      ctx.onEvent((event) => this.tell(event)),
      ctx.store.onDidChange(() => this.tell()),
    ];
  }

  /** Opens it, or brings it to the front; `arg` may name a run. */
  show(arg?: unknown): void {
    this.wanted = givenRun(arg);
    if (this.panel) {
      this.panel.reveal();
      this.showWanted();
    } else this.adopt(vscode.window.createWebviewPanel(VIEW_TYPE, t("NEXUS Dashboard"), vscode.ViewColumn.Active));
  }

  async deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    this.adopt(panel);
  }

  private adopt(panel: vscode.WebviewPanel): void {
    this.panel?.dispose();
    this.panel = panel;
    const root = this.ctx.extension.extensionUri;
    panel.title = t("NEXUS Dashboard");
    panel.iconPath = vscode.Uri.joinPath(root, "media/icon.png");
    panel.webview.options = { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(root, "dist"), vscode.Uri.joinPath(root, "media")] };
    panel.webview.onDidReceiveMessage((message: ToExtension) => void this.onMessage(message));
    panel.onDidDispose(() => {
      if (this.panel === panel) this.panel = undefined;
    });
    // Hidden, the page is gone; shown again it asks anew, so nothing is missed and nothing is kept alive for it.
    panel.webview.html = page(panel.webview, root);
  }

  private post(message: ToPage): void {
    void this.panel?.webview.postMessage(message);
  }

  private showWanted(): void {
    if (this.wanted) this.post({ kind: "show", runId: this.wanted });
    this.wanted = undefined;
  }

  private async onMessage(message: ToExtension): Promise<void> {
    if (message.kind === "act") return void this.act(message.action, message.runId);
    try {
      const value = message.kind === "snapshot" ? await this.snapshot(message.runId) : await this.events(message.runId, message.afterSeq);
      this.post({ kind: "answer", id: message.id, value });
    } catch (error) {
      this.post({ kind: "problem", id: message.id, why: error instanceof Error ? error.message : String(error) });
    }
    this.showWanted();
  }

  private async snapshot(runId: RunId | undefined): Promise<Snapshot> {
    const { store } = this.ctx;
    const id = runId && store.runs.some((run) => run.runId === runId) ? runId : worthShowing(store.runs);
    const run = id && this.ctx.running ? await store.load(id) : undefined;
    return { alive: this.ctx.running, runs: store.runs, agents: store.agents, run: run ? slimRun(run) : null };
  }

  private async events(runId: RunId, afterSeq: number): Promise<NexusEvent[]> {
    return (await this.ctx.history.load(runId)).filter((event) => event.seq > afterSeq).map(slim);
  }

  /** Without an event: a snapshot changed. Told in batches, so that a busy run does not flood the page. */
  private tell(event?: NexusEvent): void {
    if (!this.panel?.visible) return;
    if (event) this.batch.push(slim(event));
    this.timer ??= setTimeout(() => {
      const events = this.batch;
      this.batch = [];
      this.timer = undefined;
      this.post({ kind: "news", events });
    }, BATCH_MS);
  }

  private act(action: ActionName, runId: RunId | undefined): void {
    void vscode.commands.executeCommand(COMMAND[action], ...(TAKES_NO_RUN.has(action) ? [] : [runId]));
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const each of this.subscriptions) each.dispose();
  }
}

const COMMAND: Record<ActionName, string> = {
  review: "nexus.reviewChanges",
  diff: "nexus.diffRun",
  acceptAll: "nexus.acceptRun",
  plan: "nexus.showPlan",
  approve: "nexus.approvePlan",
  pause: "nexus.pauseRun",
  resume: "nexus.resumeRun",
  cancel: "nexus.cancelRun",
  retry: "nexus.retryRun",
  answer: "nexus.answerAsk",
  delegate: "nexus.delegateToTeam",
};
const TAKES_NO_RUN: ReadonlySet<ActionName> = new Set(["review", "answer", "delegate"]);

function page(webview: vscode.Webview, root: vscode.Uri): string {
  const nonce = randomBytes(16).toString("base64");
  const uri = (...path: string[]): string => String(webview.asWebviewUri(vscode.Uri.joinPath(root, ...path)));
  const policy = `default-src 'none'; style-src ${webview.cspSource}; script-src 'nonce-${nonce}'`;
  return `<!DOCTYPE html>
<html lang="${attribute(vscode.env.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${uri("media", "dashboard.css")}">
<title>${attribute(t("NEXUS Dashboard"))}</title>
</head>
<body data-words="${attribute(JSON.stringify(vscode.l10n.bundle ?? {}))}">
<div id="root"></div>
<script nonce="${nonce}" src="${uri("dist", "dashboard.js")}"></script>
</body>
</html>`;
}

const attribute = (text: string): string => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
