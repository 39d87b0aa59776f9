/** Server-created work-done progress as a notification that can be cancelled. */
import * as vscode from "vscode";
import {
  type BaseLanguageClient,
  type ProgressToken,
  type WorkDoneProgressBegin,
  WorkDoneProgressCancelNotification,
  type WorkDoneProgressEnd,
  type WorkDoneProgressReport,
} from "vscode-languageclient/node";
import { progressText } from "./serverWords";

type Value = WorkDoneProgressBegin | WorkDoneProgressReport | WorkDoneProgressEnd;

interface Shown {
  report(value: { message?: string; percentage?: number }): void;
  end(): void;
}

const shown = new Map<ProgressToken, Shown>();

export function showWorkDone(client: BaseLanguageClient, token: ProgressToken, value: Value): void {
  if (value.kind === "begin") {
    shown.get(token)?.end();
    shown.set(token, begin(client, token, value));
  }
  if (value.kind === "end") {
    shown.get(token)?.end();
    shown.delete(token);
  } else shown.get(token)?.report(value.message === undefined ? value : { ...value, message: progressText(value.message) });
}

/** Where the server went away, no end will come. */
export function endAll(): void {
  for (const toast of shown.values()) toast.end();
  shown.clear();
}

function begin(client: BaseLanguageClient, token: ProgressToken, { title, cancellable }: WorkDoneProgressBegin): Shown {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  let progress: vscode.Progress<{ message?: string; increment?: number }> | undefined;
  let latest: { message?: string; percentage?: number } = {};
  let percent = 0;
  const report = (): void => {
    const { message, percentage = percent } = latest;
    const increment = Math.max(0, percentage - percent);
    percent += increment;
    progress?.report({ ...(message === undefined ? {} : { message }), increment });
  };
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: cancellable ?? false };
  void vscode.window.withProgress(options, (editor, cancellation) => {
    progress = editor;
    report();
    cancellation.onCancellationRequested(() => {
      void client.sendNotification(WorkDoneProgressCancelNotification.type, { token });
    });
    return ended;
  });
  return {
    report: (value) => {
      latest = { ...latest, ...value };
      if (progress) report();
    },
    end,
  };
}
