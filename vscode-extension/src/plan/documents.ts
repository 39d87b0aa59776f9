/**
 * Plans as documents of the scheme `nexus-plan`: one can be changed while it waits for approval, and read after.
 *
 * What the user saved is kept over a reload of the window until the plan is decided.
 */
import * as vscode from "vscode";
import type { RunDetail, RunId } from "../lspExt";
import type { Store } from "../store";
import { oneLine } from "../view";
import { type Named, type ParsedPlan, parsePlan, planText } from "./text";
import { t } from "../words";

export const PLAN_SCHEME = "nexus-plan";
export const PLAN_LANGUAGE = "nexus-plan";

export function planUri(run: { runId: RunId; request: string }): vscode.Uri {
  const name = oneLine(run.request).replace(/[\\/:*?"<>|#%]/g, " ").replace(/\s+/g, " ").trim().slice(0, 40).trim();
  return vscode.Uri.from({ scheme: PLAN_SCHEME, path: `/${run.runId}/Plan · ${name}` });
}

export const planRun = (uri: vscode.Uri): RunId => uri.path.split("/")[1] ?? "";

/** A plan, or a revision of one, waits for the user. */
export const waits = (run: RunDetail): boolean => Boolean(run.revision) || (run.plan !== null && run.status === "awaiting_approval");

/** The one that waits, else the one that is carried out. */
const textOf = (run: RunDetail, agents: readonly Named[]): string => {
  const plan = run.revision?.plan ?? run.plan;
  return plan ? planText(plan, run.request, agents) : `# ${oneLine(run.request)}\n\nThere is no plan yet.\n`;
};

export const agentsOf = (store: Store): Named[] => store.agents.map(({ agent_id, name }) => ({ id: agent_id, name }));

/** The plan as the user has it open (or saved it), and whether they changed it. */
export function planAtHand(store: Store, drafts: vscode.Memento, run: RunDetail): ParsedPlan & { changed: boolean } {
  const agents = agentsOf(store);
  const uri = planUri(run).toString();
  const asProposed = textOf(run, agents);
  const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri);
  const text = open?.getText() ?? drafts.get<string>(uri) ?? asProposed;
  return { ...parsePlan(text, agents), changed: text.replaceAll("\r\n", "\n") !== asProposed };
}

export class PlanFiles implements vscode.FileSystemProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.changed.event;
  private readonly subscriptions: vscode.Disposable[];
  /** By document, what was last given to the editor, and when it changed. */
  private readonly given = new Map<string, { text: string; mtime: number; waits: boolean }>();

  constructor(
    private readonly store: Store,
    private readonly drafts: vscode.Memento,
    /** The server is up, if it can be: a plan that was open comes back with the window, before it. */
    private readonly ready: () => Promise<void>,
  ) {
    this.subscriptions = [
      this.changed,
      vscode.workspace.registerFileSystemProvider(PLAN_SCHEME, this, { isCaseSensitive: true }),
      store.onDidChange(() => this.refresh()),
    ];
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const { text, mtime, waits: open } = await this.current(uri);
    const stat = { type: vscode.FileType.File, ctime: 0, mtime, size: Buffer.byteLength(text) };
    return open ? stat : { ...stat, permissions: vscode.FilePermission.Readonly };
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    return Buffer.from((await this.current(uri)).text);
  }

  async writeFile(uri: vscode.Uri, content: Uint8Array): Promise<void> {
    const run = this.store.run(planRun(uri));
    if (!run || !waits(run)) throw vscode.FileSystemError.NoPermissions(t("This plan was decided already."));
    await this.drafts.update(uri.toString(), Buffer.from(content).toString());
    await this.current(uri);
  }

  private async current(uri: vscode.Uri): Promise<{ text: string; mtime: number; waits: boolean }> {
    if (!this.store.run(planRun(uri))) await this.ready();
    const run = await this.store.load(planRun(uri));
    if (!run && !this.given.has(uri.toString())) throw vscode.FileSystemError.FileNotFound(uri);
    return this.taken(uri, run);
  }

  private taken(uri: vscode.Uri, run: RunDetail | undefined): { text: string; mtime: number; waits: boolean } {
    const key = uri.toString();
    const before = this.given.get(key);
    if (!run) return before ?? { text: "", mtime: 0, waits: false };
    const open = waits(run);
    if (!open && this.drafts.get(key) !== undefined) void this.drafts.update(key, undefined);
    const proposed = textOf(run, agentsOf(this.store));
    const text = (open && this.drafts.get<string>(key)) || proposed;
    if (before?.text === text && before.waits === open) return before;
    const now = { text, mtime: Math.max(Date.now(), (before?.mtime ?? 0) + 1), waits: open };
    this.given.set(key, now);
    return now;
  }

  /** Tells the editor of open plans that read otherwise now; one with unsaved edits stays as the user left it. */
  private refresh(): void {
    for (const { uri, isDirty } of vscode.workspace.textDocuments) {
      if (uri.scheme !== PLAN_SCHEME || isDirty) continue;
      const before = this.given.get(uri.toString());
      if (this.taken(uri, this.store.run(planRun(uri))) !== before) this.changed.fire([{ type: vscode.FileChangeType.Changed, uri }]);
    }
  }

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
  }

  readDirectory(): [string, vscode.FileType][] {
    return [];
  }

  createDirectory(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  delete(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  rename(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  dispose(): void {
    for (const each of this.subscriptions) each.dispose();
  }
}
