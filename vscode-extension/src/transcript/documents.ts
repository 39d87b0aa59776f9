/**
 * Transcripts as read-only text documents that grow while somebody reads them.
 *
 * A document rather than a webview: the editor's own find, selection, copy, zoom, themes and screen-reader mode work
 * on it as on any text, and it can stand beside the code.
 */
import * as vscode from "vscode";
import type { Ctx } from "../ctx";
import type { RunId } from "../lspExt";
import { pickRun } from "../pick";
import { isNode } from "../trees";
import { oneLine } from "../view";
import { type Subject, transcript } from "./text";
import { t } from "../words";

export const TRANSCRIPT_SCHEME = "nexus-transcript";
const LANGUAGE = "nexus-transcript";
const PAUSE_MS = 250;

export function transcriptUri(runId: RunId, { agentId = "", taskId = "" }: Subject, title: string): vscode.Uri {
  const name = oneLine(title).replace(/[\\/:*?"<>|#%]/g, " ").slice(0, 40).trim();
  return vscode.Uri.from({ scheme: TRANSCRIPT_SCHEME, path: `/${runId}/${t("Transcript")} · ${name}`, query: new URLSearchParams({ agentId, taskId }).toString() });
}

function meant(uri: vscode.Uri): { runId: RunId; subject: Subject } {
  const query = new URLSearchParams(uri.query);
  const [agentId, taskId] = [query.get("agentId"), query.get("taskId")];
  return { runId: uri.path.split("/")[1] ?? "", subject: { ...(agentId ? { agentId } : {}), ...(taskId ? { taskId } : {}) } };
}

export class Transcripts implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly stale = new Set<RunId>();
  private timer: NodeJS.Timeout | undefined;
  private readonly heights = new Map<string, number>();
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly ctx: Ctx) {
    this.subscriptions = [
      this.changed,
      vscode.workspace.registerTextDocumentContentProvider(TRANSCRIPT_SCHEME, this),
      ctx.history.onDidChange((runId) => this.touch(runId)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.follow(document)),
      vscode.workspace.onDidOpenTextDocument((document) => this.opened(document)),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => this.heights.delete(uri.toString())),
    ];
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const { runId, subject } = meant(uri);
    const [run, events] = await Promise.all([this.ctx.store.load(runId), this.ctx.history.load(runId)]);
    const text = transcript(events, subject, {
      agentName: (id) => this.ctx.store.agentName(id),
      taskTitle: (id) => run?.tasks.find((task) => task.taskId === id)?.title ?? id,
      path: (file) => vscode.workspace.asRelativePath(vscode.Uri.parse(file)),
      time: (at) => new Date(at * 1000).toTimeString().slice(0, 8),
    });
    return text || t("Nothing has happened yet. What the agent says and does is written here as it happens.\n");
  }

  private opened(document: vscode.TextDocument): void {
    if (document.uri.scheme !== TRANSCRIPT_SCHEME) return;
    this.heights.set(document.uri.toString(), document.lineCount);
    if (document.languageId !== LANGUAGE) void vscode.languages.setTextDocumentLanguage(document, LANGUAGE);
  }

  private touch(runId: RunId): void {
    this.stale.add(runId);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      for (const { uri } of vscode.workspace.textDocuments) {
        if (uri.scheme === TRANSCRIPT_SCHEME && this.stale.has(meant(uri).runId)) this.changed.fire(uri);
      }
      this.stale.clear();
    }, PAUSE_MS);
  }

  /** Who looks at the end keeps looking at it; who scrolled up, or moved the cursor there, is left alone. */
  private follow(document: vscode.TextDocument): void {
    if (document.uri.scheme !== TRANSCRIPT_SCHEME) return;
    const key = document.uri.toString();
    const before = this.heights.get(key) ?? 0;
    this.heights.set(key, document.lineCount);
    const last = document.lineCount - 1;
    for (const editor of vscode.window.visibleTextEditors.filter((each) => each.document === document)) {
      const bottom = editor.visibleRanges.at(-1)?.end.line ?? 0;
      if (bottom >= before - 2) editor.revealRange(new vscode.Range(last, 0, last, 0));
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const each of this.subscriptions) each.dispose();
  }
}

/** Of the row's run, task or agent; from the palette the user chooses. */
export async function showTranscript(ctx: Ctx, arg: unknown): Promise<void> {
  const found = isNode(arg) && arg.kind === "task" ? { runId: arg.run.runId, subject: { taskId: arg.task.taskId }, title: arg.task.title } : isNode(arg) && arg.kind === "agent" ? ofAgent(ctx, arg.agent.agent_id) : await chosen(ctx, arg);
  if (!found) return;
  const document = await vscode.workspace.openTextDocument(transcriptUri(found.runId, found.subject, found.title));
  const editor = await vscode.window.showTextDocument(document, { preview: false, viewColumn: vscode.ViewColumn.Active });
  const last = document.lineCount - 1;
  editor.selection = new vscode.Selection(last, 0, last, 0);
  editor.revealRange(editor.selection);
}

interface Found {
  runId: RunId;
  subject: Subject;
  title: string;
}

/** The run the agent is at work in, else the last one it worked in. */
function ofAgent(ctx: Ctx, agentId: string): Found | undefined {
  const agent = ctx.store.agents.find((each) => each.agent_id === agentId);
  const current = agent?.instances[0]?.run_id ?? agent?.current_task?.split("/")[0];
  const runId = current ?? ctx.store.loaded.find((run) => run.tasks.some((task) => task.agentId === agentId && task.status !== "pending"))?.runId ?? ctx.store.runs[0]?.runId;
  if (!runId) return void vscode.window.showInformationMessage(t("NEXUS: there is no run yet."));
  return { runId, subject: { agentId }, title: agent?.name ?? agentId };
}

async function chosen(ctx: Ctx, arg: unknown): Promise<Found | undefined> {
  const runId = await pickRun(ctx, arg, () => true, t("there is no run yet."));
  const run = runId && (await ctx.store.load(runId));
  if (!run) return undefined;
  const whole = { label: t("$(list-flat) Everybody"), description: oneLine(run.request), subject: {}, title: run.request };
  const people = [...new Set(run.tasks.map((task) => task.agentId))].map((agentId) => {
    const name = ctx.store.agentName(agentId);
    return { label: `$(account) ${name}`, description: run.tasks.filter((task) => task.agentId === agentId).map((task) => task.title).join(", "), subject: { agentId }, title: name };
  });
  const picked = arg === undefined && people.length ? await vscode.window.showQuickPick([whole, ...people], { title: t("NEXUS: whose transcript?") }) : whole;
  return picked && { runId, subject: picked.subject, title: picked.title };
}
