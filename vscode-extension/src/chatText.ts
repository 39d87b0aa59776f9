/** What `@nexus` says in a chat: pure text from events and snapshots. */
import type { NexusEvent, RunDetail } from "./lspExt";
import { counted, t } from "./words";

/** A line of progress for an event; undefined for those that would only be noise. */
export function progressLine(event: NexusEvent, agentName: (id: string) => string): string | undefined {
  switch (event.type) {
    case "run_started":
      return t("Looking at the workspace and making a plan…");
    case "task_started":
      return event.attempt > 1 ? t("{0}: attempt {1}", agentName(event.agentId), event.attempt) : t("{0} begins", agentName(event.agentId));
    case "task_progress":
      return event.message ? `${agentName(event.agentId)}: ${event.message}` : undefined;
    case "task_completed":
      return t("{0} is done", agentName(event.agentId));
    case "gate_failed":
      return t("The gate “{0}” failed; it goes back to its agent.", event.gate);
    case "run_paused":
      return t("Paused: {0}", event.reason);
    default:
      return undefined;
  }
}

/** The plan as a list; undefined for other events. */
export function planLines(event: NexusEvent, agentName: (id: string) => string): string | undefined {
  if (event.type !== "plan_proposed" && event.type !== "plan_revised") return undefined;
  const tasks = event.plan.tasks.map((task) => `- ${plain(task.title)} — *${plain(agentName(task.agent))}*`);
  return [plain(event.plan.summary), "", ...tasks, "", ""].join("\n");
}

const OVER: ReadonlySet<NexusEvent["type"]> = new Set(["run_ready", "run_completed", "run_failed", "run_cancelled", "plan_rejected"]);

export const isOver = (event: NexusEvent): boolean => OVER.has(event.type);

/** How a run ended, in Markdown: what each file would get, and what was measured. */
export function summaryText(run: RunDetail, relative: (uri: string) => string): string {
  const pending = run.changes.filter((change) => change.status === "pending");
  const files = new Map<string, string[]>();
  for (const change of pending) files.set(change.uri, [...(files.get(change.uri) ?? []), change.why]);
  const list = [...files].map(([uri, whys]) => `- \`${relative(uri)}\`: ${plain(sentences(whys))}${whys.length > 3 ? " …" : ""}`);
  return [heading(run, pending.length, files.size), ...(list.length ? ["", ...list] : []), ...measured(run)].join("\n");
}

/** The first three, as they are where they end in a stop, else one after the other. */
const sentences = (whys: readonly string[]): string => [...new Set(whys)].slice(0, 3).reduce((said, why) => `${said}${/[.!?]$/.test(said) ? " " : "; "}${why}`);

function heading(run: RunDetail, changes: number, files: number): string {
  if (run.status === "failed") return t("**The team could not do it.** {0}", plain(run.reason ?? ""));
  if (run.status === "cancelled") return t("**Cancelled.** What had landed by then can still be reviewed.");
  if (!changes) return t("**Done; there is nothing to change.**");
  return t("**{0} in {1}** wait for you. Nothing is in your files yet.", counted(changes, "{0} change", "{0} changes"), counted(files, "{0} file", "{0} files"));
}

function measured(run: RunDetail): string[] {
  const gates = run.gates.filter((gate) => !gate.baseline);
  const last = new Map(gates.map((gate) => [gate.gate, gate]));
  if (!last.size) return [];
  const words = { passed: t("passed"), failed: t("failed"), not_measured: t("not measured"), warning: t("questions") };
  return ["", t("Measured by NEXUS: {0}.", [...last.values()].map((gate) => `${gate.gate} ${words[gate.status]}`).join(", "))];
}

/** Other people's text in Markdown: no links, no HTML, no headings. */
const plain = (text: string): string => text.replace(/\s+/g, " ").replace(/[\\[\]<>*_`#|]/g, "\\$&").trim();
