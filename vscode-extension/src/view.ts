/** How runs, tasks, changes and agents read: pure text, so that every wording is tested without an editor. */
import type { Range } from "vscode-languageserver-protocol";
import type { AgentSnapshot, Ask, Change, Gate, ProposedFile, Quality, RunStatus, RunSummary, TaskState } from "./lspExt";
import { askText } from "./serverWords";
import { counted, t } from "./words";

/** A tree row. `icon` is a codicon's name, `color` a theme colour's id. */
export interface Row {
  label: string;
  description: string;
  tooltip: string;
  icon: string;
  color?: string;
  /** What the icon says, for a screen reader, where the description does not say it. */
  spoken?: string;
  /** Space-separated words that `when` clauses in package.json match. */
  context: string;
}

/** A change with a place: the exact one in the current text, else the one it had in the text it was made for. */
export type Placed = Change & { range: Range };

export function placed(change: Change, place: Range | undefined): Placed {
  const start = change.line ?? change.range?.start.line ?? 0;
  const end = start + (change.kind === "edit" ? lineCount(change.before) : 0);
  return { ...change, range: place ?? { start: { line: start, character: 0 }, end: { line: end, character: 0 } } };
}

const ACTIVE: ReadonlySet<RunStatus> = new Set(["pending", "awaiting_approval", "in_progress", "paused"]);
/** States whose reason is worth telling. */
const TELLING: ReadonlySet<RunStatus> = new Set(["paused", "failed", "cancelled"]);
const RETRYABLE: ReadonlySet<RunStatus> = new Set(["failed", "cancelled"]);

export const isActive = (run: RunSummary): boolean => ACTIVE.has(run.status);
/** A run that failed before it had a plan has nothing to try again. */
/** Paused, or left on another branch: then it is taken along to this one. */
export const isResumable = (run: RunSummary): boolean => run.status === "paused" || Boolean(run.parked);
export const isRetryable = (run: RunSummary): boolean => RETRYABLE.has(run.status) && run.tasksTotal > 0;

const GREEN = "testing.iconPassed";
const RED = "testing.iconFailed";
const BLUE = "charts.blue";
const YELLOW = "charts.yellow";

const RUN_ICON: Record<RunStatus, [icon: string, color?: string]> = {
  pending: ["circle-outline"],
  awaiting_approval: ["question", YELLOW],
  in_progress: ["loading~spin"],
  paused: ["debug-pause", YELLOW],
  ready: ["checklist", BLUE],
  completed: ["pass", GREEN],
  failed: ["error", RED],
  cancelled: ["circle-slash"],
};

const RUN_WORD: Record<RunStatus, string> = {
  pending: t("planning"),
  awaiting_approval: t("plan waits for you"),
  in_progress: t("at work"),
  paused: t("paused"),
  ready: t("ready for review"),
  completed: t("completed"),
  failed: t("failed"),
  cancelled: t("cancelled"),
};

export function runRow(run: RunSummary): Row {
  const [icon, color] = RUN_ICON[run.status];
  const waiting = run.changesPending > 0;
  // What is ready waits for review: the number says it in a narrow view.
  const parts = run.status === "ready" && waiting ? [] : [RUN_WORD[run.status]];
  if (isActive(run) && run.tasksTotal > 0) parts.push(t("{0} of {1} tasks", run.tasksDone, run.tasksTotal));
  if (waiting) parts.push(t("{0} to review", run.changesPending));
  if (run.parked) parts.push(t("on {0}", run.parked));
  return {
    label: run.request,
    description: parts.join(" · "),
    tooltip: t("{0}\n\n{1}\nteam {2}, priority {3}, run {4}", run.request, [...parts, TELLING.has(run.status) && run.reason].filter(Boolean).join(" · "), run.team, run.priority, run.runId),
    icon,
    ...(color ? { color } : {}),
    context: words("run", run.status, isActive(run) && "active", isRetryable(run) && "retryable", isResumable(run) && "resumable", waiting && "pending-changes"),
  };
}

const TASK_ICON: Record<TaskState["status"], [icon: string, color?: string]> = {
  pending: ["circle-outline"],
  in_progress: ["loading~spin"],
  completed: ["pass", GREEN],
  failed: ["error", RED],
  cancelled: ["circle-slash"],
};

/** `elapsed`: the seconds of the attempt at work, where there is one; `asks`: its agent waits for the user. */
export function taskRow(task: TaskState, agentName: string, elapsed = 0, asks = false): Row {
  const [icon, color] = asks ? ["question", YELLOW] : TASK_ICON[task.status];
  const parts = [agentName];
  if (task.replaced) parts.push(t("replaced by another plan"));
  if (task.attempt > 1) parts.push(t("attempt {0}", task.attempt));
  const seconds = task.seconds + elapsed;
  if (seconds >= 1) parts.push(duration(seconds));
  if (task.usd > 0) parts.push(money(task.usd));
  if (task.status === "in_progress" && task.percent !== null) parts.push(`${task.percent} %`);
  // What it said last is what it wants to do: that is not done yet.
  if (asks) parts.push(t("asks you"));
  else if (task.status === "in_progress" && task.message) parts.push(task.message);
  if (task.status === "failed" && task.summary) parts.push(oneLine(task.summary));
  const sure = task.response?.task_result.confidence_score;
  const claim = sure === undefined ? "" : t("\n\nIts own claim: {0} % sure.", Math.round(100 * sure));
  const after = task.dependsOn.length ? t("\nafter {0}", task.dependsOn.join(", ")) : "";
  return {
    label: task.title,
    description: parts.join(" · "),
    tooltip: `${task.title}\n${agentName}, ${word(task.type)}, ${word(task.status)}${after}${task.tokens ? t("\n{0} tokens", task.tokens.toLocaleString("en")) : ""}${task.summary ? `\n\n${task.summary}` : ""}${claim}`,
    icon,
    ...(color ? { color } : {}),
    spoken: asks ? t("asks you") : word(task.status),
    context: words("task", task.status),
  };
}

/** It waits for the user's decision, also where their own typing is in its way. */
export const isOpen = (change: Change): boolean => change.status === "pending" || Boolean(change.conflict);

const CHANGE_ICON: Record<Change["status"], [icon: string, color?: string]> = {
  pending: ["circle-filled", BLUE],
  accepted: ["check", GREEN],
  rejected: ["close"],
  outdated: ["history"],
};

export function changeRow(change: Placed, path: string, agentName: string): Row {
  const [icon, color] = change.conflict ? ["git-merge", YELLOW] : CHANGE_ICON[change.status];
  // Only what waits has a place that follows the text.
  const at = change.kind === "edit" && isOpen(change) ? `:${change.range.start.line + 1}` : "";
  const where = `${baseName(path)}${at}`;
  const state = change.conflict ? [t("conflict: you changed these lines too")] : change.status === "pending" ? [] : [word(change.status)];
  return {
    label: where,
    description: [...state, weight(change), change.why].join(" · "),
    tooltip: `${path}\n${agentName}: ${change.why}\n${KIND_WORD[change.kind]}, ${word(change.status)}`,
    icon,
    ...(color ? { color } : {}),
    ...(change.status === "pending" ? { spoken: t("waits for you") } : {}),
    context: words("change", change.conflict ? "conflict" : change.status, (change.status === "accepted" || change.status === "rejected") && "decided"),
  };
}

const KIND_WORD: Record<Change["kind"], string> = {
  edit: t("edit"),
  create: t("new file"),
  delete: t("file deleted"),
  rename: t("file renamed"),
  binary: t("binary file"),
  mode: t("file mode"),
  symlink: t("symbolic link"),
};

/** `−1 +2` for an edit; else what happens to the file. */
export function weight(change: Pick<Change, "kind" | "before" | "after">): string {
  return change.kind === "edit" ? `−${lineCount(change.before)} +${lineCount(change.after)}` : KIND_WORD[change.kind];
}

export function gateRow(gate: Gate): Row {
  const [icon, color] = {
    passed: ["pass", GREEN],
    failed: ["error", RED],
    not_measured: ["circle-slash", undefined],
    warning: ["warning", YELLOW],
  }[gate.status] as [string, string | undefined];
  return {
    label: gate.baseline ? t("before: {0}", gate.gate) : t("gate: {0}", gate.gate),
    description: [word(gate.status), gate.why].filter(Boolean).join(" · "),
    tooltip: [gate.why, gate.output].filter(Boolean).join("\n\n"),
    icon,
    ...(color ? { color } : {}),
    context: "gate",
  };
}

/** What the server measured of all that landed; what it could not measure is left out. */
export function qualityRow(quality: Quality): Row {
  const parts = qualityFigures(quality);
  return {
    label: t("measured"),
    description: parts.join(" · ") || t("nothing could be measured"),
    tooltip: [t("Measured by NEXUS of all that landed, not claimed by an agent:"), ...parts, ...(quality.worst ? [t("most complex: {0}", quality.worst)] : []), ...quality.notes].join("\n"),
    icon: "graph",
    context: "quality",
  };
}

function qualityFigures(quality: Quality): string[] {
  const changed = quality.changedCoverage === null ? [] : [t("tests execute {0} of {1} changed lines", quality.coveredLines, quality.changedLines)];
  const tests = quality.tests === null ? [] : [t("{0}, {1} new", count(quality.tests, "test"), quality.newTests ?? 0)];
  const rounds = quality.rounds ? [count(quality.rounds, "repair round")] : [];
  return [
    ...changed,
    ...tests,
    ...compared(t("complexity"), quality.complexityBefore, quality.complexity),
    ...compared(t("lint errors"), quality.lintErrorsBefore, quality.lintErrors),
    ...rounds,
  ];
}

function compared(noun: string, before: number | null, now: number | null): string[] {
  if (before === null || now === null) return [];
  return [before === now ? `${noun} ${now}` : `${noun} ${before} → ${now}`];
}

/** `task` is the title of what it is at work on, `pending` how many of its changes wait. */
export function agentRow(agent: AgentSnapshot, task: string | undefined, pending = 0): Row {
  const busy = Boolean(agent.current_task);
  const waits = agent.instances.some((one) => one.waits_for_user);
  const doing = waits ? t("asks you") : busy ? t("at work{0}", task ? `: ${task}` : "") : t("idle");
  const stress = Math.max(0, ...agent.instances.map((one) => one.stress.level));
  const strained = stress > 0 ? [t("strained: {0}", agent.instances.flatMap((one) => one.stress.causes).join(", "))] : [];
  const told = [
    `${agent.name} (${agent.agent_id})`,
    agent.status,
    t("{0} completed today", count(agent.tasks_completed_today, "task")),
    ...(agent.health_score === null ? [] : [t("health {0} of 10", agent.health_score)]),
    ...(agent.restarts ? [count(agent.restarts, "restart")] : []),
    ...strained,
  ];
  return {
    label: agent.name,
    description: [word(agent.role), doing, ...(stress > 0 ? [t("strained")] : []), ...(pending ? [t("{0} to review", pending)] : []), ...(agent.health_score === null ? [] : [t("health {0}", agent.health_score)])].join(" · "),
    tooltip: told.join("\n"),
    icon: waits ? "question" : busy ? "loading~spin" : "account",
    context: words("agent", busy && "busy", pending > 0 && "pending-changes"),
  };
}

const ASK_ICON: Record<Ask["kind"], string> = { plan: "list-tree", resume: "debug-continue", head_moved: "git-branch", budget: "credit-card", question: "question", permission: "shield" };

export function askRow(ask: Ask, agentName: string): Row {
  const asks = ask.agentId ? t("{0} asks: ", agentName) : "";
  const question = askText(ask.question);
  return {
    label: `${asks}${oneLine(question)}`,
    description: ask.kind === "plan" ? t("look at the plan") : t("answer"),
    tooltip: [`${asks}${question}`, ask.why && t("Why: {0}", askText(ask.why)), t("Answers: {0}", ask.options.map(askText).join(", ") || t("any words"))].filter(Boolean).join("\n"),
    icon: ASK_ICON[ask.kind],
    color: YELLOW,
    context: "ask",
  };
}

/** What the status bar says: who is at work, what waits for review, what is asked. */
export interface Status {
  text: string;
  /** As a screen reader says it: without icons. */
  spoken: string;
  asks: boolean;
}

export function status(runs: readonly RunSummary[], agents: readonly AgentSnapshot[], asks: number): Status {
  const paused = runs.filter((run) => run.status === "paused").length;
  const active = runs.filter(isActive).length - paused;
  const working = agents.filter((agent) => agent.current_task).reduce((sum, agent) => sum + (agent.instances.length ? agent.instances.filter((one) => !one.waits_for_user).length : 1), 0);
  const pending = runs.reduce((sum, run) => sum + run.changesPending, 0);
  const parts = [
    asks ? count(asks, "question") : "",
    working ? t("{0} at work", count(working, "agent")) : active && !asks ? t("{0} running", active) : "",
    paused && !asks ? t("{0} paused", paused) : "",
    pending ? t("{0} to review", pending) : "",
  ].filter(Boolean);
  const icon = asks ? "$(question)" : active ? "$(loading~spin)" : "$(type-hierarchy)";
  const said = `NEXUS${parts.length ? `: ${parts.join(", ")}` : ""}`;
  return { text: `${icon} ${said}`, spoken: parts.length ? said : t("NEXUS: nothing at work, nothing waits"), asks: asks > 0 };
}

export const money = (usd: number): string => `$${usd < 0.01 ? usd.toFixed(4) : usd.toFixed(2)}`;

/** `9 s`, `2 min 05 s`, `1 h 02 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number): string => String(n).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

export interface Splice {
  start: number;
  end: number;
  after: string;
}

/** `text` with every splice made; offsets are into `text`, splices that overlap an earlier one are left out. */
export function spliced(text: string, splices: readonly Splice[]): string {
  let out = "";
  let at = 0;
  for (const { start, end, after } of [...splices].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start < at) continue;
    out += text.slice(at, start) + after;
    at = end;
  }
  return out + text.slice(at);
}

/** By file, then by line: the order in which next and previous walk. */
export function inOrder(a: Placed, b: Placed): number {
  return a.uri.localeCompare(b.uri) || a.range.start.line - b.range.start.line || a.id.localeCompare(b.id);
}

/** The change after (or before) a place, going round at the end; undefined where there is none. */
export function neighbour(
  changes: readonly Placed[],
  from: { uri: string; line: number } | undefined,
  step: 1 | -1,
): Placed | undefined {
  const sorted = [...changes].sort(inOrder);
  if (step < 0) sorted.reverse();
  if (!from) return sorted[0];
  const past = (change: Placed): boolean => {
    const byUri = change.uri.localeCompare(from.uri);
    return (byUri || shownLine(change) - from.line) * step > 0;
  };
  return sorted.find(past) ?? sorted[0];
}

/** The line a change shows on: an insertion on the line before it (the first line at the top). */
export function shownLine(change: Placed): number {
  const { start } = change.range;
  return change.kind === "edit" && change.before === "" ? Math.max(0, start.line - 1) : start.line;
}

export function by<T, K>(all: readonly T[], key: (one: T) => K): Map<K, T[]> {
  const found = new Map<K, T[]>();
  for (const one of all) {
    const same = found.get(key(one));
    if (same) same.push(one);
    else found.set(key(one), [one]);
  }
  return found;
}

export const count = (n: number, what: string, several = `${what}s`): string => counted(n, `{0} ${what}`, `{0} ${several}`);
/** A word of the wire (a status, a role, a type) as it is read. */
export const word = (id: string): string => t(id.replaceAll("_", " "));
export const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim();
const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
const lineCount = (text: string): number => (text === "" ? 0 : text.replace(/\r?\n$/, "").split("\n").length);
const words = (...parts: (string | false)[]): string => parts.filter(Boolean).join(" ");

/** A side of a diff; undefined where there is no file. */
export type Side = string | undefined;

/** [label, before, after] for each proposed file, in the order of their places; what is no text is left out. */
export function sides(files: readonly ProposedFile[]): [label: string, before: Side, after: Side][] {
  const moved = new Set(files.map(({ oldUri }) => oldUri));
  return files
    .filter(({ kind, uri }) => kind !== "other" && !(kind === "gone" && moved.has(uri)))
    .sort((a, b) => (a.uri < b.uri ? -1 : 1))
    .map(({ uri, oldUri, previewUri, kind }) => [uri, oldUri ?? (kind === "new" ? undefined : uri), previewUri ?? undefined]);
}
