/**
 * A run's events as a text that is read from top to bottom: one line each, with who and when; what belongs to a line
 * (a gate's output, an edit's lines) stands indented below it.
 */
import type { AgentId, AskId, NexusEvent, TaskId } from "../lspExt";
import { count, duration, money, oneLine, weight } from "../view";
import { askText } from "../serverWords";
import { t } from "../words";

/** Whose transcript: one agent's, one task's, or (neither given) the whole run's. */
export interface Subject {
  agentId?: AgentId;
  taskId?: TaskId;
}

export interface Wording {
  agentName(id: AgentId): string;
  taskTitle(id: TaskId): string;
  path(uri: string): string;
  /** Of Unix seconds, as the user's clock shows it. */
  time(at: number): string;
}

const SHOWN_LINES = 40;

export function transcript(events: readonly NexusEvent[], subject: Subject, words: Wording): string {
  const tasks = tasksOf(events, subject);
  const asks = new Set<AskId>();
  const lines: string[] = [];
  for (const event of events) {
    const meant = concerns(event, subject, tasks) || (event.type === "ask_answered" && asks.has(event.askId));
    if (!meant) continue;
    if (event.type === "ask_opened") asks.add(event.askId);
    const said = entry(event, words);
    if (said) lines.push(`${words.time(event.at)}  ${said.line}`, ...below(said.below));
  }
  return lines.length ? `${lines.join("\n")}\n` : "";
}

/** The tasks that the subject worked on; undefined where all of the run is meant. */
function tasksOf(events: readonly NexusEvent[], { agentId, taskId }: Subject): ReadonlySet<TaskId> | undefined {
  if (taskId) return new Set([taskId]);
  if (!agentId) return undefined;
  return new Set(events.flatMap((event) => (event.type === "task_started" && event.agentId === agentId ? [event.taskId] : [])));
}

/** A gate of a task concerns who did the task; a message who sent or got it; what ends the run everybody. */
function concerns(event: NexusEvent, { agentId, taskId }: Subject, tasks: ReadonlySet<TaskId> | undefined): boolean {
  if (!tasks) return true;
  if (event.type.startsWith("run_")) return true;
  if (event.type === "message_sent") {
    const parties = [event.message.from.instance_id, event.message.from.agent_id, ...event.recipients].filter(Boolean) as string[];
    return parties.some((party) => (agentId !== undefined && party.split("#")[0] === agentId) || [...tasks].some((task) => party.endsWith(`#${task}`)));
  }
  if (event.type === "change_proposed") return tasks.has(event.change.taskIds.at(-1) ?? "");
  const of = (event as { taskId?: TaskId | null }).taskId;
  const by = (event as { agentId?: AgentId }).agentId;
  return of ? tasks.has(of) : !taskId && agentId !== undefined && by === agentId;
}

interface Entry {
  line: string;
  below?: string | undefined;
}

/** What an event says; undefined for what only machinery cares about. */
function entry(event: NexusEvent, { agentName, taskTitle, path }: Wording): Entry | undefined {
  const task = (id: TaskId | null): string => (id ? `“${taskTitle(id)}”` : t("the whole run"));
  switch (event.type) {
    case "run_started":
      return { line: t("You asked: {0}", oneLine(event.request)) };
    case "run_paused":
      return { line: t("Paused: {0}", event.reason) };
    case "run_resumed":
      return { line: t("Resumed") };
    case "run_recovered":
      return { line: t("NEXUS was started again; nobody worked in between") };
    case "run_ready":
      return { line: t("Ready for review"), below: event.summary };
    case "run_completed":
      return { line: t("Completed: {0} accepted, {1} rejected, {2} outdated", event.accepted, event.rejected, event.outdated) };
    case "run_failed":
      return { line: t("Failed"), below: event.reason };
    case "run_cancelled":
      return { line: t("Cancelled") };
    case "plan_proposed":
      return { line: t("Plan of {0}: {1}", count(event.plan.tasks.length, "task"), oneLine(event.plan.summary)) };
    case "plan_approved":
      return { line: t("Plan approved") };
    case "plan_rejected":
      return { line: t("Plan rejected{0}", event.reason ? `: ${event.reason}` : "") };
    case "plan_revised":
      return { line: t("Another plan: {0}", oneLine(event.plan.summary)), below: event.why };
    case "task_started":
      return { line: t("{0} starts {1}{2}", agentName(event.agentId), task(event.taskId), event.attempt > 1 ? t(", attempt {0}", event.attempt) : "") };
    case "task_progress":
      return { line: `${agentName(event.agentId)}: ${event.message}` };
    case "task_submitted":
      return { line: t("Work on {0} handed in{1}{2}", task(event.taskId), event.seconds ? t(" after {0}", duration(event.seconds)) : "", event.usd ? `, ${money(event.usd)}` : ""), below: event.summary };
    case "task_repair":
      return { line: t("{0} is tried again{1}", task(event.taskId), event.cause ? `: ${event.cause.replaceAll("_", " ")}` : ""), below: event.evidence };
    case "task_completed":
      return { line: t("{0} finished {1}", agentName(event.agentId), task(event.taskId)) };
    case "task_failed":
      return { line: t("{0} could not do {1}", agentName(event.agentId), task(event.taskId)), below: event.reason };
    case "task_cancelled":
      return { line: t("{0} was given up: {1}", task(event.taskId), event.reason) };
    case "gate_passed":
      return { line: t("Gate {0} passed on {1}", event.gate, task(event.taskId)) };
    case "gate_failed":
      return { line: t("Gate {0} failed on {1}", event.gate, task(event.taskId)), below: event.output };
    case "gate_not_measured":
      return { line: t("Gate {0} not measured on {1}: {2}", event.gate, task(event.taskId), event.why) };
    case "gate_warning":
      return event.places.length ? { line: t("Gate {0} asks about {1}", event.gate, count(event.places.length, "place")), below: event.places.map((at) => `${at.path}:${at.line + 1}: ${at.message}`).join("\n") } : undefined;
    case "change_proposed": {
      const { change } = event;
      return { line: t("Proposes {0} ({1}): {2}", path(change.uri), weight(change), oneLine(change.why)), below: change.kind === "edit" ? diff(change.before, change.after) : undefined };
    }
    case "revision_asked":
      return { line: t("You asked for another version: {0}", oneLine(event.feedback)) };
    case "conflict_forecast":
      return event.clashes.length ? { line: `${count(event.clashes.length, "clash", "clashes")} foreseen`, below: event.clashes.map(({ message }) => `- ${oneLine(message)}`).join("\n") } : undefined;
    case "ask_opened":
      return { line: t("{0} asks you: {1}", event.agentId ? agentName(event.agentId) : "NEXUS", oneLine(askText(event.question))), below: askText(event.why) };
    case "ask_answered":
      return { line: t("Answer: {0}", event.answer) };
    case "budget_warning":
      return { line: t("80 % of a budget is spent ({0})", event.measure) };
    case "budget_spent":
      return { line: t("A budget is spent ({0})", event.measure) };
    case "message_sent": {
      const words = said(event.message.payload);
      // An assignment and a result have no words of their own: what they say is in the lines beside them.
      if (!words) return undefined;
      const to = event.recipients.map((id) => nameOf(id, agentName)).join(", ");
      return { line: `${nameOf(event.message.from.agent_id, agentName)} to ${to}:`, below: words };
    }
    case "message_dead":
      return { line: t("A message did not reach {0}: {1}", nameOf(event.recipient, agentName), event.why) };
    case "agent_note":
      return { line: t("{0} notes:", agentName(event.agentId)), below: event.text };
    case "agent_unavailable":
      return { line: t("{0} rests: {1}", event.backend, event.why) };
    case "memory_recalled":
      return event.items.length ? { line: t("Reminded of {0}", count(event.items.length, "thing")), below: event.items.map(({ text }) => `- ${oneLine(text)}`).join("\n") } : undefined;
    default:
      return undefined;
  }
}

/** An instance is `<agent>#<task>`. */
export function nameOf(party: string, agentName: (id: AgentId) => string): string {
  if (party === "user") return t("you");
  if (party === "nexus_prime") return "NEXUS Prime";
  return agentName(party.split("#")[0] ?? party);
}

/** The words of a message; "" where it is made of fields. */
export function said({ text }: Record<string, unknown>): string {
  return typeof text === "string" ? text.trim() : "";
}

const diff = (before: string, after: string): string => [...marked("-", before), ...marked("+", after)].join("\n");
const marked = (sign: string, text: string): string[] => (text === "" ? [] : text.replace(/\r?\n$/, "").split(/\r?\n/).map((line) => `${sign} ${line}`));

function below(text: string | undefined): string[] {
  const lines = text?.trimEnd().split(/\r?\n/) ?? [];
  if (!text?.trim()) return [];
  const shown = lines.length > SHOWN_LINES ? [...lines.slice(0, SHOWN_LINES), `… ${count(lines.length - SHOWN_LINES, "more line")}`] : lines;
  return shown.map((line) => `          ${line}`.trimEnd());
}

/** Puts events in by their `seq`, each once. */
export function add(events: NexusEvent[], more: readonly NexusEvent[]): void {
  for (const event of more) {
    const after = events.findLastIndex((each) => each.seq <= event.seq);
    if (events[after]?.seq !== event.seq) events.splice(after + 1, 0, event);
  }
}
