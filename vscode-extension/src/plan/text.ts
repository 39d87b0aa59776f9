/**
 * A plan as a text that people can change, and what is wrong with it while they do.
 *
 *     # Make add() add, with a test
 *
 *     Code mends add(), then Alpha tests it.
 *
 *     ## Mend add() `fix`
 *     agent: Code
 *     type: implementation
 *     after:
 *     writes: calculator.py
 *
 *     What is to be done, in any words.
 *
 *     Done when:
 *     - add(2, 3) is 5
 *
 * What `parsePlan` refuses is what the server's own check (`core/plan.py`) would refuse, said on its line.
 */
import type { Plan, PlanTask, TaskType } from "../lspExt";
import { oneLine } from "../view";
import { t } from "../words";

export interface Named {
  id: string;
  name: string;
}

/** Characters `start` to `end` of a line. */
export interface Spot {
  line: number;
  start: number;
  end: number;
}

export interface PlanProblem extends Spot {
  message: string;
  /** What would be right in its place. */
  instead: string[];
}

/** Where a task stands: its heading's line, and the line after its last. */
export interface TaskSpot {
  id: string;
  title: string;
  agent: string;
  from: number;
  to: number;
}

export interface ParsedPlan {
  plan: Plan;
  problems: PlanProblem[];
  spots: TaskSpot[];
}

export const FIELDS = ["agent", "type", "after", "writes"] as const;
export type Field = (typeof FIELDS)[number];
export const TYPES: readonly TaskType[] = ["analysis", "implementation", "test", "validation"];
const MOST_TASKS = 40;

// --- from a plan to its text -----------------------------------------------------------------------------

export function planText(plan: Plan, request: string, agents: readonly Named[]): string {
  const head = [`# ${oneLine(request)}`, escaped(plan.summary)].filter(Boolean).join("\n\n");
  return `${[head, ...plan.tasks.map((task) => taskText(task, agents))].join("\n\n")}\n`;
}

function taskText(task: PlanTask, agents: readonly Named[]): string {
  const fields = [
    `## ${oneLine(task.title)} \`${task.id}\``,
    line("agent", nameOf(task.agent, agents)),
    line("type", task.type),
    line("after", task.depends_on.join(", ")),
    line("writes", task.writes.join(", ")),
  ];
  const done = task.acceptance.map((one) => `- ${oneLine(one)}`);
  const blocks = [fields.join("\n"), escaped(task.description), done.length ? ["Done when:", ...done].join("\n") : ""];
  return blocks.filter(Boolean).join("\n\n");
}

const line = (field: Field, value: string): string => `${field}: ${value}`.trimEnd();

/** A persona's name where it is nobody else's, else its id. */
function nameOf(id: string, agents: readonly Named[]): string {
  const name = agents.find((agent) => agent.id === id)?.name ?? id;
  return agents.filter((agent) => same(agent.name, name) || same(agent.id, name)).length > 1 ? id : name;
}

/** Lines of free text that would read as the form's own get a backslash. */
const escaped = (text: string): string =>
  text.trim().split(/\r?\n/).map((each) => (/^(#|\\|done when:\s*$)/i.test(each) ? `\\${each}` : each)).join("\n");

const plain = (lines: readonly string[]): string => lines.map((each) => each.replace(/^\\/, "")).join("\n").trim();

// --- from a text to the plan -----------------------------------------------------------------------------

const HEADING = /^##\s+(.*?)(?:\s*`([^`]*)`)?\s*$/;
const FIELD = /^([A-Za-z_]+):(\s*)(.*?)\s*$/;
const DONE = /^done when:\s*$/i;

interface Draft {
  task: PlanTask;
  heading: Spot;
  idSpot: Spot;
  agent: Spot;
  /** One for each of `depends_on`. */
  after: Spot[];
  from: number;
  to: number;
}

export function parsePlan(text: string, agents: readonly Named[]): ParsedPlan {
  const lines = text.split(/\r?\n/);
  const problems: PlanProblem[] = [];
  const starts = lines.flatMap((each, at) => (/^##(\s|$)/.test(each) ? [at] : []));
  const summary = plain(lines.slice(0, starts[0] ?? lines.length).filter((each) => !/^#(\s|$)/.test(each)));
  const drafts = starts.map((from, at) => readTask(lines, from, starts[at + 1] ?? lines.length, agents, problems));
  giveIds(drafts);
  problems.push(...wrongIn(drafts, agents, lines));
  return {
    plan: { summary, tasks: drafts.map(({ task }) => task) },
    problems: problems.sort((a, b) => a.line - b.line || a.start - b.start),
    spots: drafts.map(({ task, from, to }) => ({ id: task.id, title: task.title, agent: task.agent, from, to })),
  };
}

function readTask(lines: readonly string[], from: number, to: number, agents: readonly Named[], problems: PlanProblem[]): Draft {
  const heading = lines[from] ?? "";
  const [, title = "", id = ""] = HEADING.exec(heading) ?? [];
  const whole = { line: from, start: 0, end: heading.length };
  const idStart = id ? heading.lastIndexOf(`\`${id}\``) + 1 : heading.length;
  const task: PlanTask = { id, title: title.trim(), agent: "", type: "implementation", description: "", depends_on: [], writes: [], acceptance: [] };
  const draft: Draft = { task, heading: whole, idSpot: id ? { line: from, start: idStart, end: idStart + id.length } : whole, agent: { ...whole }, after: [], from, to };
  const body = readFields(lines, draft, agents, problems);
  const rest = lines.slice(body, to);
  const done = rest.findIndex((each) => DONE.test(each));
  task.description = plain(done < 0 ? rest : rest.slice(0, done));
  if (done >= 0) task.acceptance = items(rest.slice(done + 1));
  return draft;
}

/** Reads the lines under a heading up to the first that is no field; gives the line after them. */
function readFields(lines: readonly string[], draft: Draft, agents: readonly Named[], problems: PlanProblem[]): number {
  let at = draft.from + 1;
  for (; at < draft.to; at++) {
    const text = lines[at] ?? "";
    const found = FIELD.exec(text);
    if (!found || DONE.test(text)) break;
    const [, key = "", gap = "", value = ""] = found;
    const start = key.length + 1 + gap.length;
    const spot = { line: at, start: value ? start : 0, end: value ? start + value.length : text.length };
    setField(draft, key.toLowerCase(), value, spot, agents, problems);
  }
  return at;
}

function setField({ task, ...draft }: Draft, key: string, value: string, spot: Spot, agents: readonly Named[], problems: PlanProblem[]): void {
  switch (key) {
    case "agent":
      task.agent = agents.find(({ id, name }) => same(id, value) || same(name, value))?.id ?? value;
      Object.assign(draft.agent, spot);
      return;
    case "type": {
      const type = TYPES.find((each) => same(each, value));
      if (type) task.type = type;
      else problems.push({ ...spot, message: t("“{0}” is not a type of task. Use one of: {1}.", value, TYPES.join(", ")), instead: [...TYPES] });
      return;
    }
    case "after":
    case "writes": {
      const parts = listed(value, spot);
      task[key === "after" ? "depends_on" : "writes"] = parts.map(({ text }) => text);
      if (key === "after") draft.after.push(...parts);
      else problems.push(...parts.filter(({ text }) => leaves(text)).map((part) => ({ ...part, message: t("“{0}” leaves the workspace. Use a path relative to it.", part.text), instead: [] })));
      return;
    }
    default: {
      const message = t("“{0}” is not a field of a task. Use {1}; or leave a blank line before the description.", key, FIELDS.join(", "));
      problems.push({ line: spot.line, start: 0, end: key.length, message, instead: [...FIELDS] });
    }
  }
}

function listed(value: string, spot: Spot): (Spot & { text: string })[] {
  const parts: (Spot & { text: string })[] = [];
  for (const { 0: raw, index } of value.matchAll(/[^,]+/g)) {
    const text = raw.trim().replace(/^`|`$/g, "");
    const start = spot.start + index + raw.indexOf(raw.trim());
    if (text) parts.push({ text, line: spot.line, start, end: start + raw.trim().length });
  }
  return parts;
}

const leaves = (glob: string): boolean => glob.startsWith("/") || glob.split("/").includes("..");

/** `- ` begins an item; a line that does not goes on with the one before. */
function items(lines: readonly string[]): string[] {
  const found: string[] = [];
  for (const each of lines.map((one) => one.trim()).filter(Boolean)) {
    const item = /^[-*]\s+(.*)$/.exec(each)?.[1];
    if (item !== undefined) found.push(item);
    else if (!/^[-*]$/.test(each)) found.push(found.length ? `${found.pop()} ${each}` : each);
  }
  return found;
}

/** A task that was written without an id gets one from its title. */
function giveIds(drafts: readonly Draft[]): void {
  const taken = new Set(drafts.map(({ task }) => task.id));
  for (const { task } of drafts) {
    if (task.id) continue;
    const words = task.title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 24) || "task";
    task.id = words;
    for (let n = 2; taken.has(task.id); n++) task.id = `${words}-${n}`;
    taken.add(task.id);
  }
}

function wrongIn(drafts: readonly Draft[], agents: readonly Named[], lines: readonly string[]): PlanProblem[] {
  const all: Spot = { line: 0, start: 0, end: lines[0]?.length ?? 0 };
  if (!drafts.length) return [{ ...all, message: t("The plan has no task. A task begins with a line “## What is to be done”."), instead: [] }];
  const found: PlanProblem[] = [];
  if (drafts.length > MOST_TASKS) found.push({ ...all, message: t("{0} tasks are too many. Leave at most {1}.", drafts.length, MOST_TASKS), instead: [] });
  const ids = drafts.map(({ task }) => task.id);
  for (const draft of drafts) found.push(...wrongWith(draft, ids, agents));
  return found.length ? found : circle(drafts);
}

function wrongWith(draft: Draft, ids: readonly string[], agents: readonly Named[]): PlanProblem[] {
  const { task, heading, idSpot, agent, after } = draft;
  const found: PlanProblem[] = [];
  const names = agents.map(({ id }) => nameOf(id, agents));
  if (!task.title) found.push({ ...heading, message: t("This task has no title. Say in a few words what is done."), instead: [] });
  if (!/^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/.test(task.id)) found.push({ ...idSpot, message: t("“{0}” is not an id. Use letters, digits, _ . and -.", task.id), instead: [] });
  if (ids.indexOf(task.id) !== ids.lastIndexOf(task.id)) found.push({ ...idSpot, message: t("Two tasks are called “{0}”. Give each an id of its own.", task.id), instead: [] });
  if (!task.agent) found.push({ ...agent, message: t("Nobody does this task. Write “agent:” and one of: {0}.", names.join(", ")), instead: [] });
  else if (agents.length && !agents.some(({ id }) => id === task.agent)) found.push({ ...agent, message: t("Nobody is called “{0}”. Use one of: {1}.", task.agent, names.join(", ")), instead: names });
  const others = ids.filter((id) => id !== task.id);
  task.depends_on.forEach((id, at) => {
    const spot = after[at] ?? heading;
    if (id === task.id) found.push({ ...spot, message: t("A task cannot wait for itself."), instead: others });
    else if (!ids.includes(id)) found.push({ ...spot, message: t("There is no task “{0}”. {1}", id, others.length ? t("Use one of: {0}.", others.join(", ")) : t("Leave this empty.")), instead: others });
  });
  return found;
}

/** A ring of tasks that wait for each other, said at the first link in it. */
function circle(drafts: readonly Draft[]): PlanProblem[] {
  const byId = new Map(drafts.map((draft) => [draft.task.id, draft]));
  const done = new Set<string>();
  const ringFrom = (id: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(id)) return [...path.slice(path.indexOf(id)), id];
    if (done.has(id)) return undefined;
    for (const next of byId.get(id)?.task.depends_on ?? []) {
      const ring = ringFrom(next, [...path, id]);
      if (ring) return ring;
    }
    done.add(id);
    return undefined;
  };
  for (const { task } of drafts) {
    const ring = ringFrom(task.id, []);
    const first = ring && byId.get(ring[0] ?? "");
    if (!ring || !first) continue;
    const spot = first.after[first.task.depends_on.indexOf(ring[1] ?? "")] ?? first.heading;
    return [{ ...spot, message: t("These tasks wait for each other: {0}. Take one link out.", ring.join(" → ")), instead: [] }];
  }
  return [];
}

export const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
