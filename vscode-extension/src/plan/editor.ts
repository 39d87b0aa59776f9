/** A plan while it is changed: problems as the user types, buttons over it and over each task, completions, outline. */
import * as vscode from "vscode";
import type { Store } from "../store";
import { count, word as wordOf } from "../view";
import { agentsOf, PLAN_LANGUAGE, PLAN_SCHEME, planRun, waits } from "./documents";
import { FIELDS, type Named, type ParsedPlan, parsePlan, type PlanProblem, TYPES } from "./text";
import { t } from "../words";

const HERE = { scheme: PLAN_SCHEME };

export class PlanEditor implements vscode.CodeLensProvider, vscode.CompletionItemProvider, vscode.CodeActionProvider, vscode.DocumentSymbolProvider, vscode.FoldingRangeProvider, vscode.Disposable {
  private readonly problems = vscode.languages.createDiagnosticCollection("nexus plan");
  private readonly lensesChanged = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.lensesChanged.event;
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly store: Store) {
    this.subscriptions = [
      this.problems,
      this.lensesChanged,
      vscode.languages.registerCodeLensProvider(HERE, this),
      vscode.languages.registerCompletionItemProvider(HERE, this, " ", ","),
      vscode.languages.registerCodeActionsProvider(HERE, this, { providedCodeActionKinds: [vscode.CodeActionKind.QuickFix] }),
      vscode.languages.registerDocumentSymbolProvider(HERE, this),
      vscode.languages.registerFoldingRangeProvider(HERE, this),
      vscode.workspace.onDidOpenTextDocument((document) => this.opened(document)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.check(document)),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => this.problems.delete(uri)),
      store.onDidChange(() => {
        vscode.workspace.textDocuments.forEach((document) => this.check(document));
        this.lensesChanged.fire();
      }),
    ];
  }

  private opened(document: vscode.TextDocument): void {
    const own = document.uri.scheme === PLAN_SCHEME;
    if (own && document.languageId !== PLAN_LANGUAGE) void vscode.languages.setTextDocumentLanguage(document, PLAN_LANGUAGE);
    this.check(document);
  }

  private check(document: vscode.TextDocument): void {
    if (document.uri.scheme !== PLAN_SCHEME) return;
    const found = this.isOpen(document) ? this.parsed(document).problems : [];
    this.problems.set(document.uri, found.map(diagnostic));
  }

  private parsed(document: vscode.TextDocument): ParsedPlan {
    return parsePlan(document.getText(), agentsOf(this.store));
  }

  private isOpen({ uri }: vscode.TextDocument): boolean {
    const run = this.store.run(planRun(uri));
    return run !== undefined && waits(run);
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const run = this.store.run(planRun(document.uri));
    if (!run) return [];
    const { plan, problems, spots } = this.parsed(document);
    const lens = (line: number, title: string, command = "", ...args: unknown[]): vscode.CodeLens =>
      new vscode.CodeLens(new vscode.Range(line, 0, line, 0), { title, command, arguments: args });
    const people = new Set(plan.tasks.map(({ agent }) => agent)).size;
    const size = t("{0} for {1}", count(plan.tasks.length, "task"), count(people, "agent"));
    if (!waits(run)) return [lens(0, t("{0}, {1}: read only", size, wordOf(run.status)))];
    const approve = problems.length
      ? lens(0, t("$(warning) {0} to mend before you can approve", count(problems.length, "problem")), "editor.action.marker.next")
      : lens(0, t("$(check) Approve plan"), "nexus.approvePlan", document.uri);
    const top = [approve, lens(0, t("$(close) Reject plan"), "nexus.rejectPlan", document.uri), lens(0, t("$(add) Add a task"), "nexus.plan.edit", document.uri, "add"), lens(0, size)];
    const tasks = spots.flatMap(({ from }, at) => [
      ...(at > 0 ? [lens(from, t("$(arrow-up) Move up"), "nexus.plan.edit", document.uri, "up", at)] : []),
      ...(at < spots.length - 1 ? [lens(from, t("$(arrow-down) Move down"), "nexus.plan.edit", document.uri, "down", at)] : []),
      lens(from, t("$(account) Give to…"), "nexus.plan.edit", document.uri, "assign", at),
      lens(from, t("$(trash) Remove"), "nexus.plan.edit", document.uri, "remove", at),
    ]);
    return [...top, ...tasks];
  }

  provideCompletionItems(document: vscode.TextDocument, at: vscode.Position): vscode.CompletionItem[] {
    const line = document.lineAt(at.line).text;
    const field = /^(\w+):/.exec(line)?.[1]?.toLowerCase();
    const { plan, spots } = this.parsed(document);
    const own = spots.findIndex(({ from, to }) => at.line >= from && at.line < to);
    if (own < 0) return [];
    if (field === "agent") return agentsOf(this.store).map((agent) => this.agentItem(agent));
    if (field === "type") return TYPES.map((type) => new vscode.CompletionItem(type, vscode.CompletionItemKind.EnumMember));
    if (field === "after") return plan.tasks.filter((_, n) => n !== own).map((task) => described(task.id, task.title, vscode.CompletionItemKind.Reference));
    const above = document.lineAt(Math.max(0, at.line - 1)).text;
    if (!/^(##\s|\w+:)/.test(above) || !/^\w*$/.test(line)) return [];
    return FIELDS.map((name) => {
      const item = new vscode.CompletionItem(name, vscode.CompletionItemKind.Field);
      item.insertText = `${name}: `;
      return item;
    });
  }

  private agentItem({ id, name }: Named): vscode.CompletionItem {
    const role = this.store.agents.find((agent) => agent.agent_id === id)?.role.replaceAll("_", " ") ?? "";
    return described(name, role, vscode.CompletionItemKind.User);
  }

  provideCodeActions(document: vscode.TextDocument, range: vscode.Range): vscode.CodeAction[] {
    if (!this.isOpen(document)) return [];
    const here = this.parsed(document).problems.filter((problem) => spotRange(problem).intersection(range));
    return here.flatMap((problem) =>
      problem.instead.slice(0, 12).map((word) => {
        const action = new vscode.CodeAction(t("Use “{0}”", word), vscode.CodeActionKind.QuickFix);
        action.edit = new vscode.WorkspaceEdit();
        action.edit.replace(document.uri, spotRange(problem), word);
        action.diagnostics = [diagnostic(problem)];
        return action;
      }),
    );
  }

  provideDocumentSymbols(document: vscode.TextDocument): vscode.DocumentSymbol[] {
    return this.parsed(document).spots.map(({ from, to, title, agent }) => {
      const whole = new vscode.Range(from, 0, to - 1, document.lineAt(to - 1).text.length);
      return new vscode.DocumentSymbol(title || "?", this.store.agentName(agent), vscode.SymbolKind.Event, whole, document.lineAt(from).range);
    });
  }

  provideFoldingRanges(document: vscode.TextDocument): vscode.FoldingRange[] {
    return this.parsed(document).spots.map(({ from, to }) => new vscode.FoldingRange(from, to - 1));
  }

  dispose(): void {
    for (const each of this.subscriptions) each.dispose();
  }
}

const spotRange = ({ line, start, end }: PlanProblem): vscode.Range => new vscode.Range(line, start, line, end);

function diagnostic(problem: PlanProblem): vscode.Diagnostic {
  const made = new vscode.Diagnostic(spotRange(problem), problem.message, vscode.DiagnosticSeverity.Error);
  made.source = "NEXUS plan";
  return made;
}

function described(label: string, description: string, kind: vscode.CompletionItemKind): vscode.CompletionItem {
  return new vscode.CompletionItem({ label, description }, kind);
}
