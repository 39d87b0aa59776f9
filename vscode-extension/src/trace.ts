/**
 * The channel that messages to and from the server are traced in. The language client traces only where its
 * channel's level is Trace; here the setting `nexus.trace.server` alone is enough, and the log stays readable
 * for everybody who did not ask for it.
 */
import * as vscode from "vscode";

export function traceChannel(log: vscode.LogOutputChannel, subscriptions: vscode.Disposable[]): vscode.LogOutputChannel {
  const changed = new vscode.EventEmitter<vscode.LogLevel>();
  const level = (): vscode.LogLevel => (vscode.workspace.getConfiguration("nexus").get("trace.server", "off") === "off" ? log.logLevel : vscode.LogLevel.Trace);
  subscriptions.push(
    changed,
    log.onDidChangeLogLevel(() => changed.fire(level())),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("nexus.trace.server")) changed.fire(level());
    }),
  );
  return {
    name: log.name,
    get logLevel() {
      return level();
    },
    onDidChangeLogLevel: changed.event,
    // A level below the log's own would be left out.
    trace: (message, ...more) => (log.logLevel === vscode.LogLevel.Trace ? log.trace(message, ...more) : log.info(message, ...more)),
    debug: (message, ...more) => log.debug(message, ...more),
    info: (message, ...more) => log.info(message, ...more),
    warn: (message, ...more) => log.warn(message, ...more),
    error: (error, ...more) => log.error(error, ...more),
    append: (value) => log.append(value),
    appendLine: (value) => log.appendLine(value),
    replace: (value) => log.replace(value),
    clear: () => log.clear(),
    show: () => log.show(),
    hide: () => log.hide(),
    dispose: () => undefined,
  };
}
