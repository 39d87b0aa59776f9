/** `@nexus` in a chat, and a tool by which a chat's model can delegate. Both are absent where the editor has no chat. */
import * as vscode from "vscode";
import { isOver, planLines, progressLine, summaryText } from "./chatText";
import type { Ctx } from "./ctx";
import type { DelegateParams, NexusEvent, RunDetail, RunId } from "./lspExt";
import { t } from "./words";

const PARTICIPANT = "nexus.team";
const TOOL = "nexus_delegate";

/** An editor without chat (or an older one) has none of these. */
export function joinChat(ctx: Ctx): vscode.Disposable[] {
  const chat = vscode.chat as typeof vscode.chat | undefined;
  const lm = vscode.lm as typeof vscode.lm | undefined;
  const joined: vscode.Disposable[] = [];
  if (typeof chat?.createChatParticipant === "function") {
    const participant = chat.createChatParticipant(PARTICIPANT, (request, _context, stream, token) => answer(ctx, request, stream, token));
    participant.iconPath = vscode.Uri.joinPath(ctx.extension.extensionUri, "media/icon.png");
    joined.push(participant);
  }
  if (typeof lm?.registerTool === "function") joined.push(lm.registerTool(TOOL, new DelegateTool(ctx)));
  return joined;
}

async function answer(ctx: Ctx, request: vscode.ChatRequest, stream: vscode.ChatResponseStream, token: vscode.CancellationToken): Promise<vscode.ChatResult> {
  if (!request.prompt.trim()) {
    stream.markdown(t("Say what the team should do, for example “Add input validation to the signup form, with tests”."));
    return {};
  }
  const agentName = (id: string): string => ctx.store.agentName(id);
  const said = new Set<string>();
  const hear = (event: NexusEvent): void => {
    const plan = planLines(event, agentName);
    if (plan) stream.markdown(plan);
    const line = progressLine(event, agentName);
    if (line && !said.has(line)) stream.progress(line);
    if (line) said.add(line);
    if (event.type === "ask_opened") {
      stream.markdown(`\n\n${t("A question waits for you.")}`);
      stream.button({ command: "nexus.answerAsk", title: t("Answer…") });
    }
  };
  const run = await delegated(ctx, { request: request.prompt.trim(), ...focusOf(request) }, hear, token);
  if (!run) return { errorDetails: { message: t("The NEXUS language server is not running.") } };
  stream.markdown(`\n\n${summaryText(run, (uri) => vscode.workspace.asRelativePath(vscode.Uri.parse(uri)))}\n\n`);
  buttons(stream, run);
  return { metadata: { runId: run.runId } };
}

function buttons(stream: vscode.ChatResponseStream, run: RunDetail): void {
  const pending = run.changes.some((change) => change.status === "pending");
  if (pending) {
    stream.button({ command: "nexus.diffRun", title: t("Show Changes"), arguments: [run.runId] });
    stream.button({ command: "nexus.acceptRun", title: t("Accept All"), arguments: [run.runId] });
    stream.button({ command: "nexus.rejectRun", title: t("Reject All"), arguments: [run.runId] });
  }
  if (run.status === "failed" && run.tasksTotal) stream.button({ command: "nexus.retryRun", title: t("Retry"), arguments: [run.runId] });
  stream.button({ command: "nexus.showDashboard", title: t("Show Dashboard"), arguments: [run.runId] });
}

/** The files and the selection that the request names, else those the user is in. */
function focusOf(request: vscode.ChatRequest): Pick<DelegateParams, "uris" | "range"> {
  const uris: string[] = [];
  let range: DelegateParams["range"];
  for (const { value } of request.references) {
    if (value instanceof vscode.Uri && value.scheme === "file") uris.push(value.toString());
    if (value instanceof vscode.Location && value.uri.scheme === "file") {
      if (!uris.length) range = plainRange(value.range);
      uris.push(value.uri.toString());
    }
  }
  if (uris.length) return { uris: [...new Set(uris)], ...(range && uris.length === 1 ? { range } : {}) };
  const editor = vscode.window.activeTextEditor;
  if (editor?.document.uri.scheme !== "file") return {};
  return { uris: [editor.document.uri.toString()], ...(editor.selection.isEmpty ? {} : { range: plainRange(editor.selection) }) };
}

const plainRange = ({ start, end }: vscode.Range): NonNullable<DelegateParams["range"]> => ({
  start: { line: start.line, character: start.character },
  end: { line: end.line, character: end.character },
});

/** Delegates and waits for the end of the work; cancelling the chat cancels the run. Undefined: no server. */
async function delegated(ctx: Ctx, params: DelegateParams, hear: (event: NexusEvent) => void, token: vscode.CancellationToken): Promise<RunDetail | undefined> {
  let runId: RunId | undefined;
  const early: NexusEvent[] = [];
  let over: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (over = resolve));
  const take = (event: NexusEvent): void => {
    if (event.runId !== runId) return;
    hear(event);
    if (isOver(event)) over();
  };
  // Events may come before the answer that names the run.
  const listener = ctx.onEvent((event) => (runId ? take(event) : void early.push(event)));
  const stopped = token.onCancellationRequested(() => {
    if (runId) void ctx.execute("nexus.run.cancel", { runId });
  });
  const gone = ctx.store.onDidChange(() => {
    if (runId && !ctx.running) over();
  });
  try {
    ({ runId } = await ctx.execute("nexus.delegate", params));
    early.forEach(take);
    if (token.isCancellationRequested) await ctx.execute("nexus.run.cancel", { runId });
    await ended;
    ctx.store.touch(runId);
    await ctx.store.settled();
    return await ctx.store.load(runId);
  } finally {
    for (const each of [listener, stopped, gone]) each.dispose();
  }
}

interface DelegateInput {
  request: string;
  files?: string[];
}

class DelegateTool implements vscode.LanguageModelTool<DelegateInput> {
  constructor(private readonly ctx: Ctx) {}

  prepareInvocation({ input }: vscode.LanguageModelToolInvocationPrepareOptions<DelegateInput>): vscode.PreparedToolInvocation {
    return {
      invocationMessage: t("The NEXUS team works on it"),
      confirmationMessages: {
        title: t("Delegate to the NEXUS team?"),
        message: t("“{0}”. The agents work on copies; what they propose waits for your review.", input.request),
      },
    };
  }

  async invoke({ input }: vscode.LanguageModelToolInvocationOptions<DelegateInput>, token: vscode.CancellationToken): Promise<vscode.LanguageModelToolResult> {
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
    const uris = folder ? (input.files ?? []).map((file) => vscode.Uri.joinPath(folder, file).toString()) : [];
    const run = await delegated(this.ctx, { request: input.request, ...(uris.length ? { uris } : {}) }, () => undefined, token);
    const text = run ? summaryText(run, (uri) => vscode.workspace.asRelativePath(vscode.Uri.parse(uri))) : t("The NEXUS language server is not running.");
    return new vscode.LanguageModelToolResult([new vscode.LanguageModelTextPart(text)]);
  }
}
