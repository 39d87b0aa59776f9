/** What the buttons over a task of a plan do to the plan's text. */
import { type Named, type ParsedPlan, same, type TaskSpot } from "./text";

/** The task put before its predecessor (−1) or behind its successor (+1); the text as it was where there is none. */
export function moved(text: string, { spots }: ParsedPlan, at: number, step: 1 | -1): string {
  const first = spots[Math.min(at, at + step)];
  const second = spots[Math.max(at, at + step)];
  if (!first || !second) return text;
  const lines = text.split("\n");
  return joined([lines.slice(0, first.from), block(lines, second), block(lines, first), lines.slice(second.to)]);
}

/** The plan without the task; nothing waits for it any more. */
export function removed(text: string, { spots }: ParsedPlan, at: number): string {
  const gone = spots[at];
  if (!gone) return text;
  const lines = text.split("\n");
  const rest = joined([lines.slice(0, gone.from), lines.slice(gone.to)]);
  return rest.replace(/^(after:)(.*)$/gim, (_, key: string, ids: string) => {
    const left = ids.split(",").map((id) => id.trim()).filter((id) => id && id.replaceAll("`", "") !== gone.id);
    return left.length ? `${key} ${left.join(", ")}` : key;
  });
}

export function assigned(text: string, { spots }: ParsedPlan, at: number, name: string): string {
  const task = spots[at];
  if (!task) return text;
  const lines = text.split("\n");
  const line = lines.findIndex((each, n) => n > task.from && n < task.to && /^agent:/i.test(each));
  if (line >= 0) lines[line] = `agent: ${name}`;
  else lines.splice(task.from + 1, 0, `agent: ${name}`);
  return lines.join("\n");
}

/** One more task at the end, after the last one, for somebody who can be changed. */
export function withOneMore(text: string, { spots }: ParsedPlan, agents: readonly Named[]): string {
  const last = spots.at(-1);
  const agent = agents.find(({ id }) => last && same(id, last.agent)) ?? agents[0];
  const fields = ["## What is to be done", `agent: ${agent?.name ?? ""}`, "type: implementation", `after: ${last?.id ?? ""}`.trimEnd(), "writes:"];
  return `${text.trimEnd()}\n\n${fields.join("\n")}\n\nWhat the agent should know.\n`;
}

const block = (lines: readonly string[], { from, to }: TaskSpot): string[] => lines.slice(from, to);

/** Blocks one blank line apart. */
function joined(blocks: readonly (readonly string[])[]): string {
  const texts = blocks.map((lines) => lines.join("\n").trim()).filter(Boolean);
  return `${texts.join("\n\n")}\n`;
}
