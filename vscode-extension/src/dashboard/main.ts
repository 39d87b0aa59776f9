/** The bundle's entry. In VS Code it mounts itself over messages; any other page calls `nexusDashboard.mount`. */
import type { NexusEvent } from "../lspExt";
import { speak, type Words } from "../words";
import type { Feed, Snapshot, ToExtension, ToPage } from "./feed";
import type { Choice } from "./model";
import { mount } from "./mount";

declare const acquireVsCodeApi: undefined | (() => { postMessage(message: ToExtension): void; getState(): Partial<Choice> | undefined; setState(state: Choice): void });

Object.assign(globalThis, { nexusDashboard: { mount, speak } });

if (typeof acquireVsCodeApi === "function") {
  const api = acquireVsCodeApi();
  const root = document.getElementById("root");
  speak(JSON.parse(document.body.dataset["words"] || "{}") as Words);
  if (root) {
    const { feed, onShow } = messageFeed(api.postMessage.bind(api));
    const dashboard = mount(root, feed, { get: () => api.getState(), set: (choice) => api.setState(choice) });
    onShow((runId) => dashboard.show(runId));
  }
}

/** A feed whose questions and answers are messages; each answer carries its question's number. */
function messageFeed(post: (message: ToExtension) => void): { feed: Feed; onShow(show: (runId: string) => void): void } {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  const listeners = new Set<(events: readonly NexusEvent[]) => void>();
  let show: (runId: string) => void = () => undefined;
  let last = 0;
  window.addEventListener("message", ({ data }: MessageEvent<ToPage>) => {
    if (data.kind === "news") for (const hear of listeners) hear(data.events);
    if (data.kind === "show") show(data.runId);
    if (data.kind === "answer") waiting.get(data.id)?.resolve(data.value);
    if (data.kind === "problem") waiting.get(data.id)?.reject(new Error(data.why));
    if (data.kind === "answer" || data.kind === "problem") waiting.delete(data.id);
  });
  const ask = <T>(question: (id: number) => ToExtension): Promise<T> =>
    new Promise<unknown>((resolve, reject) => {
      const id = ++last;
      waiting.set(id, { resolve, reject });
      post(question(id));
    }) as Promise<T>;
  const feed: Feed = {
    snapshot: (runId) => ask<Snapshot>((id) => ({ kind: "snapshot", id, runId })),
    events: (runId, afterSeq) => ask<NexusEvent[]>((id) => ({ kind: "events", id, runId, afterSeq })),
    listen: (hear) => {
      listeners.add(hear);
      return () => void listeners.delete(hear);
    },
    act: (action, runId) => post({ kind: "act", action, runId }),
  };
  return { feed, onShow: (hear) => void (show = hear) };
}
