/** The one context: the server's life, the settings it gets, and a typed way to run its commands. */
import * as vscode from "vscode";
import {
  type CancellationToken,
  CloseAction,
  ErrorAction,
  ExecuteCommandRequest,
  LanguageClient,
  type LanguageClientOptions,
  type Middleware,
  type Range,
  RevealOutputChannelOn,
  State,
} from "vscode-languageclient/node";
import { Backoff } from "./backoff";
import { History } from "./history";
import { exists, extensionVersion, installServer, managedPython, sayOtherVersion } from "./install";
import { keysEnvironment } from "./keys";
import { type ChangeId, type CommandName, type Commands, type DiagnosticData, EVENT, EVENTS, type NexusEvent, PREVIEW_SCHEME, type RunId, type Settings, SOURCE } from "./lspExt";
import { endAll, showWorkDone } from "./progress";
import { afterDecision, beforeDecision } from "./saving";
import { serverText } from "./serverWords";
import { findServer, type Launch, SERVER_CWD } from "./server";
import { Store } from "./store";
import { traceChannel } from "./trace";
import { t } from "./words";

export class Ctx implements vscode.Disposable {
  readonly log = vscode.window.createOutputChannel("NEXUS", { log: true });
  readonly store = new Store((command, arg) => this.ask(command, arg), (error) => this.log.warn(String(error)));
  readonly history = new History((runId, afterSeq) => this.askEvents(runId, afterSeq));
  private readonly events = new vscode.EventEmitter<NexusEvent>();
  readonly onEvent = this.events.event;

  private readonly traceLog: vscode.LogOutputChannel;

  launch: Launch | undefined;
  private client: LanguageClient | undefined;
  private readonly backoff = new Backoff();
  private waking: NodeJS.Timeout | undefined;
  /** A version other than the extension's is said once a window. */
  private readonly saidVersions = new Set<string>();
  /** Starts and stops happen one after another. */
  private turn: Promise<void> = Promise.resolve();

  constructor(readonly extension: vscode.ExtensionContext) {
    this.traceLog = traceChannel(this.log, extension.subscriptions);
    void setContext("serverState", "stopped");
  }

  start(): Promise<void> {
    return this.inTurn(() => this.doStart());
  }

  stop(): Promise<void> {
    return this.inTurn(() => this.doStop());
  }

  async restart(): Promise<void> {
    this.backoff.reset();
    await this.stop();
    await this.start();
  }

  /** Whether the server can make another version of a change. */
  get canRevise(): boolean {
    return this.client !== undefined && this.running && offers(this.client, "nexus.review.revise");
  }

  get running(): boolean {
    return this.client?.state === State.Running;
  }

  /** Runs a server command for the user: without a server it says so and throws. */
  async execute<C extends CommandName>(command: C, arg: Commands[C]["arg"]): Promise<Commands[C]["answer"]> {
    await this.start();
    if (!this.running) throw new NotRunning();
    return (await this.send(command, [arg])) as Commands[C]["answer"];
  }

  private async ask<C extends CommandName>(command: C, arg: Commands[C]["arg"]): Promise<Commands[C]["answer"] | undefined> {
    return this.running ? this.raw(command, [arg]) : undefined;
  }

  private async askEvents(runId: RunId, afterSeq: number): Promise<NexusEvent[] | undefined> {
    if (!this.running) return undefined;
    return (await this.client?.sendRequest<{ events: NexusEvent[] }>(EVENTS, { runId, afterSeq }))?.events;
  }

  private async send(command: string, args: unknown[]): Promise<unknown> {
    const before = beforeDecision(command);
    const answer = await this.raw(command, args);
    if (before) await afterDecision(before, answer);
    return answer;
  }

  private raw(command: string, args: unknown[]): Promise<any> {
    const client = this.client;
    if (!client) throw new NotRunning();
    return client.sendRequest(ExecuteCommandRequest.type, { command, arguments: args });
  }

  /** Tells the server that settings or trust changed; it asks for them with `workspace/configuration`. */
  async pushSettings(): Promise<void> {
    if (!this.running) return;
    await this.client?.sendNotification("workspace/didChangeConfiguration", { settings: { [SOURCE]: readSettings() } });
  }

  dispose(): void {
    this.store.dispose();
    this.history.dispose();
    this.events.dispose();
    this.log.dispose();
  }

  private inTurn(step: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(step, step);
    return this.turn;
  }

  private async doStart(): Promise<void> {
    const folder = vscode.workspace.workspaceFolders?.[0];
    if (this.running || !folder) return;
    await this.doStop();
    const found = await this.find(folder.uri);
    if ("tried" in found) {
      for (const line of found.tried) this.log.error(`Not usable: ${line}`);
      return void this.complain(t("NEXUS found no Python 3.11+ with nexus_lsp."));
    }
    this.launch = found;
    this.log.info(`Server: ${[found.command, ...found.args].join(" ")} (${found.why})`);
    const client = await this.connect(found);
    this.client = client;
    try {
      await client.start();
      this.backoff.started(Date.now());
      this.checkVersion(found.version);
    } catch (error) {
      this.log.error(`The server did not start: ${error}`);
      this.client = undefined;
      await client.dispose().catch(() => undefined);
      void this.complain(t("The NEXUS language server did not start: {0}", error instanceof Error ? error.message : error));
    }
  }

  /** Where the server comes from, by `server.ts`; without one, what was tried. */
  async find(scope: vscode.Uri | undefined): ReturnType<typeof findServer> {
    const managed = managedPython(this.extension.globalStorageUri);
    return findServer(scope, (await exists(managed)) ? managed : undefined);
  }

  private checkVersion(version: string | undefined): void {
    if (!version || version === extensionVersion(this) || this.saidVersions.has(version)) return;
    this.saidVersions.add(version);
    void sayOtherVersion(this, version);
  }

  /** It ended by itself. Its runs are in its journal and go on when it is back. */
  private onClosed(client: LanguageClient): { action: CloseAction; handled: true } {
    if (client === this.client) {
      const wait = this.backoff.ended(Date.now());
      if (wait === undefined) void this.complain(t("The NEXUS language server ended again and again."));
      else {
        this.log.warn(`The server ended; it is started again in ${wait} ms.`);
        vscode.window.setStatusBarMessage(t("$(sync~spin) NEXUS: the language server is started again"), wait + 2000);
        this.waking = setTimeout(() => void this.start(), wait);
      }
    }
    return { action: CloseAction.DoNotRestart, handled: true };
  }

  private async doStop(): Promise<void> {
    clearTimeout(this.waking);
    const client = this.client;
    this.client = undefined;
    await client?.dispose().catch((error) => this.log.warn(`While stopping: ${error}`));
    endAll();
    this.store.clear();
    void setContext("serverState", "stopped");
  }

  private async connect(launch: Launch): Promise<LanguageClient> {
    const env = { ...process.env, ...(await keysEnvironment(this.extension.secrets)) };
    const options: LanguageClientOptions = {
      documentSelector: [{ scheme: "file" }, { scheme: PREVIEW_SCHEME }],
      initializationOptions: { ...readSettings(), previewScheme: PREVIEW_SCHEME, reviseCommand: "nexus.reviseChange", ownAsks: true },
      outputChannel: this.log,
      traceOutputChannel: this.traceLog,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      middleware: this.middleware(),
      diagnosticCollectionName: SOURCE,
      errorHandler: {
        error: (error, _message, count) => ({ action: (count ?? 0) <= 3 ? ErrorAction.Continue : ErrorAction.Shutdown, message: String(error), handled: true }),
        closed: () => this.onClosed(client),
      },
    };
    const server = { command: launch.command, args: [...launch.args], options: { cwd: SERVER_CWD, env } };
    const client = new Client(SOURCE, "NEXUS", server, options);
    client.onNotification(EVENT, (event: NexusEvent) => {
      this.store.onEvent(event);
      this.history.onEvent(event);
      this.events.fire(event);
    });
    client.onDidChangeState(({ newState }) => {
      if (client !== this.client) return;
      void setContext("serverState", newState === State.Running ? "running" : "stopped");
      void setContext("canRevise", newState === State.Running && offers(client, "nexus.review.revise"));
      if (newState === State.Running) {
        this.store.touch();
        void this.history.caughtUp().catch((error) => this.log.warn(String(error)));
      } else {
        this.store.clear();
        this.history.interrupted();
      }
    });
    return client;
  }

  private middleware(): Middleware {
    return {
      executeCommand: (command, args) => this.send(command, args),
      handleWorkDoneProgress: (token, value, next) => {
        if (this.client) showWorkDone(this.client, token, value);
        // The client's own handler would show it a second time, in the status bar; only its end tidies up.
        if (value.kind === "end") next(token, value);
      },
      handleDiagnostics: (uri, diagnostics, next) => {
        next(uri, diagnostics);
        this.store.setPlaces(uri.toString(), placesIn(diagnostics));
      },
      provideCodeLenses: async (document, token, next) => (await next(document, token))?.map((lens) => {
        if (lens.command) lens.command.title = serverText(lens.command.title);
        return lens;
      }),
      provideCodeActions: async (document, range, context, token, next) => (await next(document, range, context, token))?.map((action) => {
        action.title = serverText(action.title);
        return action;
      }),
      workspace: {
        configuration: (params, token: CancellationToken, next) => {
          if (params.items.every((item) => item.section === SOURCE)) return params.items.map(readSettings);
          return next(params, token);
        },
      },
    };
  }

  private async complain(message: string): Promise<void> {
    const [install, choose, log] = [t("Install"), t("Choose Interpreter"), t("Show Log")];
    const picked = await vscode.window.showErrorMessage(message, install, choose, log);
    if (picked === install) await installServer(this);
    else if (picked === choose) await this.chooseInterpreter();
    else if (picked === log) this.log.show();
  }

  private async chooseInterpreter(): Promise<void> {
    const picked = await vscode.window.showOpenDialog({ title: t("The Python that has nexus_lsp"), openLabel: t("Use this Python") });
    if (!picked?.[0]) return;
    const settings = vscode.workspace.getConfiguration("nexus.server");
    await settings.update("python", picked[0].fsPath, vscode.ConfigurationTarget.Global);
  }
}

/** A failed start is said once, by `complain`, with what to do; here it only goes to the log. */
class Client extends LanguageClient {
  override error(message: string, data?: unknown, show?: boolean | "force"): void {
    super.error(message, data, this.state === State.Running ? show : false);
  }
}

/** There is no server, and the user has already been told why. */
export class NotRunning extends Error {
  constructor() {
    super(t("The NEXUS language server is not running."));
  }
}

/** The client keeps a diagnostic's `data`, which the editor's own type does not have. */
function placesIn(diagnostics: readonly vscode.Diagnostic[]): Map<ChangeId, Range> {
  const places = new Map<ChangeId, Range>();
  for (const { data } of diagnostics as readonly { data?: Partial<DiagnosticData> }[]) {
    const place = data?.editRange ?? data?.conflict?.range;
    if (data?.changeId && place) places.set(data.changeId, place);
  }
  return places;
}

/** Whether the server announced a command. */
function offers(client: LanguageClient, command: CommandName): boolean {
  return client.initializeResult?.capabilities.executeCommandProvider?.commands.includes(command) ?? false;
}

export function setContext(key: string, value: unknown): Thenable<unknown> {
  return vscode.commands.executeCommand("setContext", `nexus.${key}`, value);
}

function readSettings(): Settings {
  const settings = vscode.workspace.getConfiguration("nexus", vscode.workspace.workspaceFolders?.[0]?.uri);
  return {
    trusted: vscode.workspace.isTrusted,
    team: settings.get("team", "auto"),
    approval: settings.get("approval", "auto"),
    resume: settings.get("resume", "ask"),
    maxAgents: settings.get("maxAgents", 4),
    testCommand: settings.get<string | null>("testCommand", null) || null,
    budget: settings.get<number | null>("budget", null),
    budgets: settings.get("budgets", {}),
    askTimeout: settings.get("askTimeout", 3600),
    permissions: settings.get("permissions", "ask"),
    coverageTarget: settings.get("coverageTarget", 90),
    redisUrl: settings.get<string | null>("redisUrl", null) || null,
  };
}
