/** What a run cost so far, by agent and by task, and how much of its limits is used. */
import type { AgentId, RunDetail, TaskState } from "../lspExt";

export interface Line {
  readonly id: string;
  readonly name: string;
  readonly usd: number;
  readonly tokens: number;
  /** Of the largest line, from 0 to 1. */
  readonly part: number;
}

export interface Limit {
  readonly scope: "run" | "task" | "agent";
  readonly who: string;
  readonly measure: "usd" | "tokens" | "seconds";
  readonly used: number;
  readonly limit: number;
  readonly part: number;
  readonly level: "fine" | "warning" | "spent";
}

export interface Spending {
  readonly usd: number;
  readonly tokens: number;
  readonly agents: readonly Line[];
  readonly tasks: readonly Line[];
  readonly limits: readonly Limit[];
}

type Costly = Pick<RunDetail, "usd" | "budgets"> & { tasks: readonly Pick<TaskState, "taskId" | "agentId" | "title" | "usd" | "tokens">[] };

/** Lines that cost nothing are left out; the dearest come first. */
export function spendingOf(run: Costly, agentName: (id: AgentId) => string): Spending {
  const agents = new Map<AgentId, { usd: number; tokens: number }>();
  for (const task of run.tasks) {
    const sum = agents.get(task.agentId) ?? { usd: 0, tokens: 0 };
    agents.set(task.agentId, { usd: sum.usd + task.usd, tokens: sum.tokens + task.tokens });
  }
  return {
    usd: run.usd,
    tokens: run.tasks.reduce((sum, task) => sum + task.tokens, 0),
    agents: ranked([...agents].map(([id, sum]) => ({ id, name: agentName(id), ...sum }))),
    tasks: ranked(run.tasks.map(({ taskId, title, usd, tokens }) => ({ id: taskId, name: title, usd, tokens }))),
    limits: run.budgets.map(limitOf).sort((a, b) => b.part - a.part),
  };
}

function ranked(lines: readonly Omit<Line, "part">[]): Line[] {
  const costly = lines.filter((line) => line.usd > 0 || line.tokens > 0).sort((a, b) => b.usd - a.usd || b.tokens - a.tokens);
  // Where nothing has a price (a subscription, a free model), tokens are what can be compared.
  const size = (line: Omit<Line, "part">): number => (costly.some(({ usd }) => usd > 0) ? line.usd : line.tokens);
  const most = Math.max(...costly.map(size), 0);
  return costly.map((line) => ({ ...line, part: most ? size(line) / most : 0 }));
}

function limitOf(budget: RunDetail["budgets"][number]): Limit {
  const part = budget.limit > 0 ? budget.used / budget.limit : 1;
  return { ...budget, part, level: part >= 1 ? "spent" : part >= 0.8 ? "warning" : "fine" };
}
