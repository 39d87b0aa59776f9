/** The plan as a picture: where each task and each edge stands, and which chain of tasks decides when it ends. */
import { graphlib, layout } from "@dagrejs/dagre";
import type { TaskState, TaskType } from "../lspExt";

export const NODE = { width: 184, height: 64 } as const;

export interface GraphTask {
  readonly id: string;
  readonly type: TaskType;
  readonly status: TaskState["status"];
  readonly dependsOn: readonly string[];
  /** What its attempts took so far, in seconds; undefined where none began. */
  readonly seconds: number | undefined;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Graph {
  readonly width: number;
  readonly height: number;
  /** Centres, by task. `layer` counts from 0, `row` is its place in the layer, from the top. */
  readonly nodes: ReadonlyMap<string, Point & { layer: number; row: number }>;
  readonly edges: readonly { from: string; to: string; points: readonly Point[] }[];
}

/** Layers from left to right; edges to tasks that are not in the plan are left out. */
export function arranged(tasks: readonly Pick<GraphTask, "id" | "dependsOn">[]): Graph {
  const graph = new graphlib.Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 22, ranksep: 44, marginx: 8, marginy: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  const known = new Set(tasks.map((task) => task.id));
  for (const { id } of tasks) graph.setNode(id, { ...NODE });
  for (const { id, dependsOn } of tasks) for (const from of dependsOn) if (known.has(from) && from !== id) graph.setEdge(from, id);
  if (tasks.length) layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return {
    width: tasks.length ? width : 0,
    height: tasks.length ? height : 0,
    nodes: placesOf(graph, tasks.map((task) => task.id)),
    edges: graph.edges().map(({ v, w }) => ({ from: v, to: w, points: sideways(graph, v, w) })),
  };
}

/** From the right side of a task to the left side of the next; in between the way that dagre found round others. */
function sideways(graph: graphlib.Graph, from: string, to: string): Point[] {
  const [a, b] = [graph.node(from) as Point, graph.node(to) as Point];
  const between = (graph.edge(from, to) as { points: Point[] }).points.slice(1, -1);
  const [left, right] = [a.x + NODE.width / 2, b.x - NODE.width / 2];
  // Between neighbours dagre's one point in the middle would only make a kink.
  if (between.length <= 1) return [{ x: left, y: a.y }, { x: right, y: b.y }];
  return [{ x: left, y: a.y }, ...between.filter(({ x }) => x > left && x < right), { x: right, y: b.y }];
}

function placesOf(graph: graphlib.Graph, ids: readonly string[]): Graph["nodes"] {
  const at = (id: string): Point => graph.node(id) as Point;
  const columns = [...new Set(ids.map((id) => at(id).x))].sort((a, b) => a - b);
  const rows = new Map(columns.map((x) => [x, ids.filter((id) => at(id).x === x).sort((a, b) => at(a).y - at(b).y)]));
  return new Map(
    ids.map((id) => {
      const { x, y } = at(id);
      return [id, { x, y, layer: columns.indexOf(x), row: rows.get(x)?.indexOf(id) ?? 0 }];
    }),
  );
}

export interface CriticalPath {
  /** In order; empty where there is no task. */
  readonly tasks: readonly string[];
  /** What this chain takes at least, in seconds; undefined while nothing was measured. */
  readonly seconds: number | undefined;
  /** What of it is still to come, by the tasks measured so far. */
  readonly left: number | undefined;
}

/**
 * The chain of dependent tasks that takes longest: measured seconds where a task is over, and for the others
 * the median of those measured (of the same type, else of all). While nothing is measured, all count alike.
 */
export function criticalPath(tasks: readonly GraphTask[]): CriticalPath {
  const measured = tasks.some((task) => isOver(task) && task.seconds !== undefined);
  const expected = expectation(tasks);
  const weight = (task: GraphTask): number => (isOver(task) ? (task.seconds ?? 0) : Math.max(task.seconds ?? 0, expected(task.type)));
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const best = new Map<string, { length: number; before: string | undefined }>();
  const visit = (task: GraphTask): number => {
    const known = best.get(task.id);
    if (known) return known.length;
    best.set(task.id, { length: 0, before: undefined }); // a cycle cannot happen; if it does, it ends here
    let before: string | undefined;
    let most = 0;
    for (const id of task.dependsOn) {
      const other = byId.get(id);
      const length = other && other !== task ? visit(other) : 0;
      if (other && (before === undefined || length > most)) [before, most] = [id, length];
    }
    best.set(task.id, { length: most + weight(task), before });
    return most + weight(task);
  };
  let last: string | undefined;
  let length = -1;
  for (const task of tasks) {
    const own = visit(task);
    if (own > length) [last, length] = [task.id, own];
  }
  const chain: GraphTask[] = [];
  for (let id = last; id !== undefined; id = best.get(id)?.before) {
    const task = byId.get(id);
    if (!task || chain.includes(task)) break;
    chain.unshift(task);
  }
  const left = chain.filter((task) => !isOver(task)).reduce((sum, task) => sum + Math.max(0, weight(task) - (task.seconds ?? 0)), 0);
  return { tasks: chain.map((task) => task.id), seconds: measured ? length : undefined, left: measured ? left : undefined };
}

const isOver = (task: GraphTask): boolean => task.status !== "pending" && task.status !== "in_progress";

function expectation(tasks: readonly GraphTask[]): (type: TaskType) => number {
  const done = tasks.filter((task) => task.status === "completed" && task.seconds !== undefined);
  const all = median(done.map((task) => task.seconds ?? 0));
  const types = new Map<TaskType, number>();
  for (const type of new Set(done.map((task) => task.type))) {
    types.set(type, median(done.filter((task) => task.type === type).map((task) => task.seconds ?? 0)));
  }
  return (type) => types.get(type) ?? (done.length ? all : 1);
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** The task an arrow key leads to from another: along a layer, or to the nearest of the next one. */
export function neighbourOf(graph: Graph, from: string, key: "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown"): string | undefined {
  const here = graph.nodes.get(from);
  if (!here) return undefined;
  const step = key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1;
  const across = key === "ArrowLeft" || key === "ArrowRight";
  const others = [...graph.nodes].filter(([, node]) => (across ? node.layer === here.layer + step : node.layer === here.layer && node.row === here.row + step));
  return others.sort(([, a], [, b]) => Math.abs(a.y - here.y) - Math.abs(b.y - here.y))[0]?.[0];
}

/** An edge as an SVG path: a smooth line through its points. */
export function pathThrough(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  let path = `M${round(first.x)},${round(first.y)}`;
  let from = first;
  for (const to of rest) {
    const middle = (from.x + to.x) / 2;
    path += `C${round(middle)},${round(from.y)} ${round(middle)},${round(to.y)} ${round(to.x)},${round(to.y)}`;
    from = to;
  }
  return path;
}

const round = (n: number): number => Math.round(n * 10) / 10;
