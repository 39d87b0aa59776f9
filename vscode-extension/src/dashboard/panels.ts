/** The panels: from the model to what is to be seen, as plain values. */
import type { AgentSnapshot, Ask, RunStatus, TaskState } from "../lspExt";
import { askText } from "../serverWords";
import { counted, t } from "../words";
import type { ActionName } from "./feed";
import { arranged, type CriticalPath, criticalPath, type Graph, type GraphTask, NODE, pathThrough } from "./graph";
import type { Model } from "./model";
import { queueOf, type Waiting } from "./queue";
import { el, type Spec } from "./spec";
import { type Limit, type Line, spendingOf } from "./spending";
import { reachWord, type Talk } from "./talk";
import { clock, dollars, duration, GLYPH, oneLine, runWord, taskWord, tokens, typeWord } from "./text";
import { type Bar, type Dot, dots, lanes, percentAt, scaleOf, secondsOf } from "./timeline";

type Row = readonly (Spec | string)[];

const heading = (text: string, ...beside: readonly (Spec | string | undefined)[]): Spec => el("div.heading", {}, el("h2", {}, text), ...beside);
const empty = (text: string): Spec => el("p.empty", {}, text);

/** `what` is carried out by whoever listens to the page. */
const button = (action: ActionName, label: string, look = ""): Spec => el("button", { key: action, type: "button", class: look, "data-action": action }, label);

// --- head ------------------------------------------------------------------------------------------------

export function headPanel(model: Model): Row {
  const { run, runs, alive } = model.snapshot;
  const choices = runs.map((each) => el("option", { key: each.runId, value: each.runId, selected: each.runId === run?.runId }, `${oneLine(each.request).slice(0, 90)} — ${runWord(each.status)}`));
  const picker = el("select", { id: "run", "data-change": "run", "aria-label": t("Run"), disabled: runs.length === 0 }, ...choices);
  if (!alive) return [el("p.notice", { key: "off", role: "status" }, t("The language server is not running; what was last known is gone until it is back."))];
  if (!run) return [el("div.top", { key: "top" }, el("p.empty", {}, model.loaded ? t("No run yet. Give the team a piece of work.") : t("Loading…")), model.loaded ? button("delegate", t("Delegate to Team…"), "primary") : undefined)];
  const part = run.tasksTotal ? run.tasksDone / run.tasksTotal : 0;
  const reason = "reason" in run && run.reason && (run.status === "paused" || run.status === "failed") ? oneLine(run.reason) : "";
  return [
    el("div.top", { key: "top" }, picker, el("span.pill", { class: `s-${run.status}` }, runWord(run.status)), el("div.actions", {}, ...actions(run.status, run.changesPending, run.tasksTotal))),
    reason ? el("p.reason", { key: "reason" }, reason) : undefined,
    el(
      "dl.figures",
      { key: "figures" },
      figure("tasks", t("Tasks"), t("{0} of {1}", run.tasksDone, run.tasksTotal), el("span.progress", { role: "progressbar", "aria-label": t("Tasks done"), "aria-valuemin": 0, "aria-valuemax": run.tasksTotal, "aria-valuenow": run.tasksDone }, el("span.fill", { style: `width:${Math.round(100 * part)}%` }))),
      figure("time", t("Time"), duration((model.timeline.ended ?? model.now) - run.startedAt)),
      figure("left", t("Left on the critical path"), leftText(model)),
      figure("cost", t("Cost"), run.usd > 0 ? dollars(run.usd) : t("nothing")),
      figure("review", t("To review"), counted(run.changesPending, "{0} change", "{0} changes")),
    ),
  ].filter((each): each is Spec => each !== undefined);
}

const figure = (key: string, name: string, value: string, below?: Spec): Spec => el("div.figure", { key }, el("dt", {}, name), el("dd", {}, value, below));

function leftText(model: Model): string {
  if (!model.snapshot.run?.tasks.length) return "–";
  const { left, tasks } = pathOf(model);
  if (!model.snapshot.run.tasks.some((task) => task.status === "pending" || task.status === "in_progress")) return "–";
  return left === undefined ? counted(tasks.length, "{0} task, not measured yet", "{0} tasks, not measured yet") : t("roughly {0}", duration(left));
}

function actions(status: RunStatus, pending: number, total: number): Spec[] {
  return [
    ...(status === "awaiting_approval" ? [button("approve", t("Approve Plan"), "primary"), button("plan", t("Show Plan"))] : []),
    ...(pending ? [button("review", t("Review Changes"), status === "awaiting_approval" ? "" : "primary"), button("diff", t("Open Diff")), button("acceptAll", t("Accept All"))] : []),
    ...(status === "in_progress" ? [button("pause", t("Pause"))] : []),
    ...(status === "paused" ? [button("resume", t("Resume"), "primary")] : []),
    ...(["pending", "awaiting_approval", "in_progress", "paused"].includes(status) ? [button("cancel", t("Cancel"))] : []),
    ...((status === "failed" || status === "cancelled") && total ? [button("retry", t("Retry"), "primary")] : []),
  ];
}

// --- plan ------------------------------------------------------------------------------------------------

function graphTasks(model: Model): GraphTask[] {
  const tasks = model.snapshot.run?.tasks.filter((task) => !task.replaced) ?? [];
  return tasks.map(({ taskId, type, status, dependsOn }) => ({ id: taskId, type, status, dependsOn, seconds: secondsOf(model.timeline, taskId, model.now) }));
}

const pathOf = (model: Model): CriticalPath => criticalPath(graphTasks(model));

/** A graph is laid out anew only where tasks or dependencies differ. */
let kept: { key: string; graph: Graph } | undefined;

export function graphOf(model: Model): Graph {
  const tasks = graphTasks(model);
  const key = JSON.stringify(tasks.map(({ id, dependsOn }) => [id, dependsOn]));
  if (kept?.key !== key) kept = { key, graph: arranged(tasks) };
  return kept.graph;
}

export function planPanel(model: Model): Row {
  const tasks = model.snapshot.run?.tasks.filter((task) => !task.replaced) ?? [];
  const { planAsTable } = model.choice;
  if (!tasks.length) return [heading(t("Plan")), empty(model.running ? t("The plan is being made.") : t("There is no plan."))];
  const path = pathOf(model);
  const critical = new Set(path.tasks);
  const told = tasks.length > 1 ? criticalText(path) : "";
  const selected = tasks.find((task) => task.taskId === model.choice.task);
  return [
    heading(t("Plan"), told ? el("span.legend", {}, el("span.swatch", { "aria-hidden": "true" }), told) : undefined, toggle("plan", planAsTable)),
    planAsTable ? planTable(model, tasks, critical) : planGraph(model, tasks, critical),
    ...(selected ? [taskDetail(model, selected, critical)] : []),
  ];
}

function criticalText({ tasks, seconds, left }: CriticalPath): string {
  const length = counted(tasks.length, "Critical path: {0} task", "Critical path: {0} tasks");
  if (seconds === undefined) return length;
  return left ? t("{0}, {1}, about {2} left", length, duration(seconds), duration(left)) : t("{0}, {1}", length, duration(seconds));
}

const toggle = (what: "plan" | "time", asTable: boolean): Spec =>
  el("button.toggle", { key: "toggle", type: "button", "data-toggle": what, "aria-pressed": asTable ? "true" : "false" }, t("As table"));

function planGraph(model: Model, tasks: readonly TaskState[], critical: ReadonlySet<string>): Spec {
  const graph = graphOf(model);
  const room = model.planWidth - 50;
  const zoom = room > 0 && graph.width > room ? Math.max(0.75, Math.round((100 * room) / graph.width) / 100) : 1;
  const done = new Set(tasks.filter((task) => task.status === "completed").map((task) => task.taskId));
  const focused = graph.nodes.has(model.choice.task ?? "") ? model.choice.task : tasks[0]?.taskId;
  const edges = [...graph.edges].sort((a, b) => Number(onPath(critical, a)) - Number(onPath(critical, b)));
  return el(
    "div.graph",
    { key: "graph", role: "group", "aria-label": t("Plan as a graph. Arrow keys go from task to task, Enter shows one. “As table” has the same as a table.") },
    el(
      "div.canvas",
      { key: "canvas", style: `width:${Math.ceil(graph.width * zoom)}px;height:${Math.ceil(graph.height * zoom)}px` },
      el(
        "div.plane",
        { key: "plane", style: `width:${graph.width}px;height:${graph.height}px;transform:scale(${zoom})` },
        el(
          "svg",
          { key: "edges", width: graph.width, height: graph.height, "aria-hidden": "true", viewBox: `0 0 ${graph.width} ${graph.height}` },
          el("defs", { key: "defs" }, arrow("arrow"), arrow("arrow-critical")),
          ...edges.map(({ from, to, points }) => {
            const look = [onPath(critical, { from, to }) && "critical", done.has(from) && "done"].filter(Boolean).join(" ");
            return el("path", { key: `${from}>${to}`, class: `edge ${look}`, d: pathThrough(points), "marker-end": `url(#${look.includes("critical") ? "arrow-critical" : "arrow"})` });
          }),
        ),
        ...tasks.map((task) => node(model, task, graph, critical.has(task.taskId), task.taskId === focused)),
      ),
    ),
  );
}

const onPath = (critical: ReadonlySet<string>, { from, to }: { from: string; to: string }): boolean => {
  const order = [...critical];
  const at = order.indexOf(from);
  return at >= 0 && order[at + 1] === to;
};

const arrow = (id: string): Spec =>
  el("marker", { key: id, id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 10, markerHeight: 10, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse", class: id }, el("path", { d: "M0,0L8,4L0,8z" }));

function node(model: Model, task: TaskState, graph: Graph, critical: boolean, focusable: boolean): Spec {
  const place = graph.nodes.get(task.taskId) ?? { x: 0, y: 0 };
  const agent = model.agentName(task.agentId);
  const below = task.status === "in_progress" && task.percent !== null ? `${agent} · ${task.percent} %` : task.attempt > 1 ? t("{0} · attempt {1}", agent, task.attempt) : agent;
  return el(
    "button.node",
    {
      key: `node:${task.taskId}`,
      type: "button",
      class: `t-${task.status}${critical ? " critical" : ""}${model.choice.task === task.taskId ? " chosen" : ""}`,
      style: `left:${Math.round(place.x - NODE.width / 2)}px;top:${Math.round(place.y - NODE.height / 2)}px;width:${NODE.width}px;height:${NODE.height}px`,
      "data-task": task.taskId,
      tabindex: focusable ? 0 : -1,
      title: `${task.title}\n${below}${task.message ? `\n${task.message}` : ""}`,
      "aria-pressed": model.choice.task === task.taskId ? "true" : "false",
      "aria-label": nodeLabel(model, task, critical),
    },
    el("span.glyph", { "aria-hidden": "true" }, GLYPH[task.status]),
    el("span.title", {}, task.title),
    el("span.who", {}, below),
  );
}

function nodeLabel(model: Model, task: TaskState, critical: boolean): string {
  const after = task.dependsOn.length ? t("after {0}", titles(model, task.dependsOn)) : "";
  return [task.title, taskWord(task.status), model.agentName(task.agentId), after, critical ? t("on the critical path") : ""].filter(Boolean).join(", ");
}

const titles = (model: Model, ids: readonly string[]): string => ids.map((id) => model.snapshot.run?.tasks.find((task) => task.taskId === id)?.title ?? id).join("; ");

function planTable(model: Model, tasks: readonly TaskState[], critical: ReadonlySet<string>): Spec {
  const rows = tasks.map((task) => {
    const seconds = secondsOf(model.timeline, task.taskId, model.now);
    return el(
      "tr",
      { key: task.taskId },
      el("th", { scope: "row" }, el("button.link", { type: "button", "data-task": task.taskId, "aria-pressed": model.choice.task === task.taskId ? "true" : "false" }, task.title)),
      el("td", { class: `t-${task.status}` }, el("span.glyph", { "aria-hidden": "true" }, GLYPH[task.status]), ` ${taskWord(task.status)}`),
      el("td", {}, model.agentName(task.agentId)),
      el("td", {}, typeWord(task.type)),
      el("td", {}, titles(model, task.dependsOn) || "–"),
      el("td", {}, critical.has(task.taskId) ? t("yes") : "–"),
      el("td.number", {}, seconds === undefined ? "–" : duration(seconds)),
      el("td.number", {}, task.usd > 0 ? dollars(task.usd) : "–"),
    );
  });
  return table("plan-table", t("Tasks of the plan"), [t("Task"), t("Status"), t("Agent"), t("Kind"), t("After"), t("Critical path"), t("Time"), t("Cost")], rows);
}

function table(key: string, caption: string, heads: readonly string[], rows: readonly Spec[]): Spec {
  return el(
    "div.scroll",
    { key, tabindex: 0, role: "region", "aria-label": caption },
    el("table", {}, el("caption.hidden", {}, caption), el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))), el("tbody", {}, ...rows)),
  );
}

function taskDetail(model: Model, task: TaskState, critical: ReadonlySet<string>): Spec {
  const planned = model.snapshot.run?.plan?.tasks.find((each) => each.id === task.taskId);
  const changes = model.snapshot.run?.changes.filter((change) => change.taskId === task.taskId).length ?? 0;
  const seconds = secondsOf(model.timeline, task.taskId, model.now);
  const facts = [
    taskWord(task.status),
    model.agentName(task.agentId),
    typeWord(task.type),
    seconds === undefined ? "" : duration(seconds),
    task.attempt > 1 ? t("attempt {0}", task.attempt) : "",
    task.usd > 0 ? dollars(task.usd) : "",
    changes ? counted(changes, "{0} change", "{0} changes") : "",
    critical.has(task.taskId) ? t("on the critical path") : "",
  ].filter(Boolean);
  return el(
    "section.detail",
    { key: "detail", "aria-label": task.title },
    el("div.heading", {}, el("h3", {}, task.title), el("button.toggle", { type: "button", "data-task": task.taskId }, t("Close"))),
    el("p.facts", {}, facts.join(" · ")),
    planned?.description ? el("p", {}, planned.description) : undefined,
    task.dependsOn.length ? el("p.dim", {}, t("after {0}", titles(model, task.dependsOn))) : undefined,
    planned?.acceptance.length ? el("ul", { "aria-label": t("Done when") }, ...planned.acceptance.map((line) => el("li", {}, line))) : undefined,
    task.status === "in_progress" && task.message ? el("p.dim", {}, task.message) : undefined,
    task.summary ? el("p.summary", {}, task.summary) : undefined,
  );
}

// --- timeline --------------------------------------------------------------------------------------------

export function timelinePanel(model: Model): Row {
  const line = model.timeline;
  if (line.started === undefined) return [heading(t("Timeline")), empty(t("Nothing has happened yet."))];
  const { timeAsTable } = model.choice;
  return [heading(t("Timeline"), toggle("time", timeAsTable)), timeAsTable ? timeTable(model) : timeChart(model)];
}

function timeChart(model: Model): Spec {
  const scale = scaleOf(model.timeline, model.now);
  const span = scale.to - scale.from;
  const ticks = scale.ticks.map((at) => el("span.tick", { key: String(at), style: `left:${(100 * at) / span}%` }, el("span", {}, clock(at))));
  const rows = lanes(model.timeline).map(({ agentId, rows: own }) =>
    el("div.lane", { key: agentId }, el("div.name", {}, model.agentName(agentId)), el("div.track", {}, ...own.map((bars, at) => el("div.row", { key: String(at) }, ...bars.map((bar) => barSpec(model, bar, scale)))))),
  );
  const marks = dots(model.timeline, scale).map((dot) => el("span.dot", { key: `${dot.kind}:${dot.percent}`, class: `d-${dot.kind}`, style: `left:${dot.percent}%`, title: dotText(dot) }));
  const said = t("Timeline of {0}. “As table” has the same as a table.", counted(model.timeline.bars.length, "{0} attempt", "{0} attempts"));
  return el(
    "div.chart",
    { key: "chart", role: "img", "aria-label": said },
    el("div.lane.axis", { key: "axis" }, el("div.name", {}), el("div.track", {}, ...ticks)),
    el("div.lane.marks", { key: "marks" }, el("div.name", {}, t("Run")), el("div.track", {}, el("div.row", {}, ...marks))),
    ...rows,
    legend(),
  );
}

const legend = (): Spec =>
  el(
    "div.legend.kinds",
    { key: "legend" },
    ...(["plan", "gate_passed", "gate_failed", "change", "ask", "message"] as const).map((kind) => el("span", { key: kind }, el("span.dot.still", { class: `d-${kind}` }), markWord(kind))),
  );

function markWord(kind: Dot["kind"]): string {
  switch (kind) {
    case "plan":
      return t("plan");
    case "gate_passed":
      return t("gate passed");
    case "gate_failed":
      return t("gate failed");
    case "change":
      return t("change proposed");
    case "ask":
      return t("question");
    case "budget":
      return t("budget");
    case "pause":
      return t("paused or resumed");
    case "message":
      return t("message");
    case "end":
      return t("end of the work");
  }
}

function dotText({ kind, count, names }: Dot): string {
  const gates = kind.startsWith("gate") ? `: ${names.join(", ")}` : "";
  return `${markWord(kind)}${gates}${count > 1 ? ` ×${count}` : ""}`;
}

function barSpec(model: Model, bar: Bar, scale: ReturnType<typeof scaleOf>): Spec {
  const from = percentAt(scale, bar.from);
  const to = percentAt(scale, bar.to ?? model.now);
  const handed = bar.submitted === undefined ? undefined : percentAt(scale, bar.submitted);
  const width = Math.max(0.3, Math.round((to - from) * 100) / 100);
  const landing = handed === undefined || to - handed < 0.3 ? undefined : el("span.landing", { style: `left:${Math.round((10_000 * (handed - from)) / width) / 100}%` });
  return el("span.bar", { key: `${bar.taskId}:${bar.attempt}:${bar.from}`, class: `b-${bar.end ?? "open"}`, style: `left:${from}%;width:${width}%`, title: barText(model, bar) }, landing, el("span.label", {}, titles(model, [bar.taskId])));
}

const barText = (model: Model, bar: Bar): string => `${titles(model, [bar.taskId])}\n${[model.agentName(bar.agentId), bar.attempt > 1 ? t("attempt {0}", bar.attempt) : "", duration((bar.to ?? model.now) - bar.from), endWord(bar)].filter(Boolean).join(" · ")}`;

function endWord(bar: Bar): string {
  switch (bar.end) {
    case "completed":
      return t("done");
    case "failed":
      return t("failed");
    case "cancelled":
      return t("cancelled");
    case "repair":
      return t("sent back");
    case undefined:
      return bar.submitted === undefined ? t("at work") : t("landing");
  }
}

function timeTable(model: Model): Spec {
  const start = model.timeline.started ?? 0;
  const rows = model.timeline.bars.map((bar) =>
    el(
      "tr",
      { key: `${bar.taskId}:${bar.attempt}:${bar.from}` },
      el("th", { scope: "row" }, titles(model, [bar.taskId])),
      el("td", {}, model.agentName(bar.agentId)),
      el("td.number", {}, String(bar.attempt)),
      el("td.number", {}, clock(bar.from - start)),
      el("td.number", {}, bar.to === undefined ? "–" : clock(bar.to - start)),
      el("td.number", {}, duration((bar.to ?? model.now) - bar.from)),
      el("td", {}, endWord(bar)),
    ),
  );
  return table("time-table", t("Attempts in the order in which they began"), [t("Task"), t("Agent"), t("Attempt"), t("From"), t("To"), t("Time"), t("Result")], rows);
}

// --- agents ----------------------------------------------------------------------------------------------

export function agentsPanel(model: Model): Row {
  const { agents } = model.snapshot;
  const busy = agents.filter((agent) => agent.instances.some((one) => !one.waits_for_user)).length;
  const asking = agents.filter((agent) => agent.instances.some((one) => one.waits_for_user)).length;
  const told = [...(busy ? [t("{0} at work", busy)] : []), ...(asking ? [asking === 1 ? t("1 asks you") : t("{0} ask you", asking)] : [])];
  return [
    heading(t("Agents"), el("span.legend", {}, told.join(" · ") || t("idle"))),
    agents.length ? el("ul.agents", { key: "agents" }, ...agents.map((agent) => agentCard(model, agent))) : empty(t("No agent is known.")),
  ];
}

function agentCard(model: Model, agent: AgentSnapshot): Spec {
  const figures = [
    agent.health_score === null ? "" : t("health {0} of 10", agent.health_score),
    agent.tasks_completed_today ? counted(agent.tasks_completed_today, "{0} task today", "{0} tasks today") : "",
    agent.restarts ? counted(agent.restarts, "{0} restart", "{0} restarts") : "",
    agent.usd > 0 ? dollars(agent.usd) : agent.tokens ? tokens(agent.tokens) : "",
  ].filter(Boolean);
  const waits = agent.instances.some((one) => one.waits_for_user);
  const state = waits ? t("asks you") : agent.instances.length ? t("at work") : t("idle");
  return el(
    "li.agent",
    { key: agent.agent_id, class: waits ? "asks" : agent.instances.length ? "busy" : "idle" },
    el("div.line", {}, el("span.initial", { "aria-hidden": "true" }, agent.name.slice(0, 1)), el("span.name", {}, agent.name), el("span.role", {}, t(agent.role.replaceAll("_", " "))), el("span.state", {}, state)),
    ...agent.instances.map((one) => instanceSpec(model, one)),
    figures.length ? el("div.dim", { key: "figures" }, figures.join(" · ")) : undefined,
  );
}

function instanceSpec(model: Model, one: AgentSnapshot["instances"][number]): Spec {
  const title = one.run_id === model.snapshot.run?.runId ? titles(model, [one.task_id]) : one.task_id;
  const strained = one.stress.level > 0 ? t("strained: {0}", one.stress.causes.join(", ")) : "";
  return el(
    "div.instance",
    { key: one.instance_id },
    el("div.task", {}, title),
    one.percent === null ? undefined : el("span.progress", { role: "progressbar", "aria-label": title, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": one.percent }, el("span.fill", { style: `width:${one.percent}%` })),
    el("div.dim", {}, [one.message, strained].filter(Boolean).join(" · ")),
  );
}

// --- queue -----------------------------------------------------------------------------------------------

export function queuePanel(model: Model): Row {
  const waiting = queueOf(model.snapshot.run, model.snapshot.runs);
  return [
    heading(t("Queue"), waiting.length ? el("span.legend", {}, t("{0} waiting", waiting.length)) : undefined),
    waiting.length ? el("ol.queue", { key: "queue", tabindex: 0, "aria-label": t("Queue") }, ...waiting.map((each) => waitingSpec(model, each))) : empty(t("Nothing waits.")),
  ];
}

function waitingSpec(model: Model, waiting: Waiting): Spec {
  switch (waiting.kind) {
    case "ask":
      return askSpec(model, waiting.ask);
    case "ready":
      return el("li", { key: `t:${waiting.task.taskId}` }, el("div", {}, waiting.task.title), el("div.dim", {}, model.agentName(waiting.task.agentId), " · ", readyText(model)));
    case "after":
      return el("li", { key: `t:${waiting.task.taskId}` }, el("div", {}, waiting.task.title), el("div.dim", {}, model.agentName(waiting.task.agentId), " · ", t("after {0}", waiting.waitsFor.map((task) => task.title).join("; "))));
    case "run":
      return el("li", { key: `r:${waiting.run.runId}` }, el("button.link", { type: "button", "data-run": waiting.run.runId }, oneLine(waiting.run.request)), el("div.dim", {}, t("run · {0}", runWord(waiting.run.status))));
  }
}

function readyText(model: Model): string {
  const status = model.snapshot.run?.status;
  if (status === "awaiting_approval") return t("once you approve the plan");
  return status === "paused" ? t("once the run is resumed") : t("starts next");
}

const askSpec = (model: Model, ask: Ask): Spec =>
  el("li.ask", { key: `a:${ask.askId}` }, el("div", {}, ask.agentId ? t("{0} asks: {1}", model.agentName(ask.agentId), askText(ask.question)) : askText(ask.question)), ask.why ? el("div.dim", {}, askText(ask.why)) : undefined, button("answer", t("Answer…"), "primary"));

// --- cost ------------------------------------------------------------------------------------------------

export function costPanel(model: Model): Row {
  const { run } = model.snapshot;
  if (!run) return [heading(t("Cost")), empty(t("No run."))];
  const spending = spendingOf(run, (id) => model.agentName(id));
  const total = spending.usd > 0 || spending.tokens > 0;
  return [
    heading(t("Cost"), el("span.legend", {}, total ? [dollars(spending.usd), spending.tokens ? tokens(spending.tokens) : ""].filter(Boolean).join(" · ") : "")),
    ...(total ? [] : [empty(t("Nothing paid was used: this run's team works without a model."))]),
    ...(spending.limits.length ? [el("div.limits", { key: "limits" }, ...spending.limits.map((limit) => limitSpec(model, limit)))] : []),
    ...(spending.agents.length ? [costLines("agents", t("By agent"), spending.agents)] : []),
    ...(spending.tasks.length ? [costLines("tasks", t("By task"), spending.tasks.slice(0, 8))] : []),
  ];
}

const costLines = (key: string, name: string, lines: readonly Line[]): Spec =>
  el(
    "div.costs",
    { key },
    el("h3", {}, name),
    el("ul", { "aria-label": name }, ...lines.map((line) => el("li", { key: line.id }, el("span.name", {}, line.name), el("span.amount", {}, line.usd > 0 ? dollars(line.usd) : tokens(line.tokens)), el("span.progress.cost", { "aria-hidden": "true" }, el("span.fill", { style: `width:${Math.round(100 * line.part)}%` }))))),
  );

function limitSpec(model: Model, limit: Limit): Spec {
  const amount = (n: number): string => (limit.measure === "usd" ? dollars(n) : limit.measure === "tokens" ? tokens(n) : duration(n));
  const who = limit.scope === "run" ? t("This run") : limit.scope === "task" ? titles(model, [limit.who]) : model.agentName(limit.who);
  const text = t("{0}: {1} of {2}", who, amount(limit.used), amount(limit.limit));
  const percent = Math.min(100, Math.round(100 * limit.part));
  return el("div.limit", { key: `${limit.scope}:${limit.who}:${limit.measure}`, class: `l-${limit.level}` }, el("div", {}, text), el("span.progress", { role: "meter", "aria-label": text, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": percent }, el("span.fill", { style: `width:${percent}%` })));
}

// --- messages --------------------------------------------------------------------------------------------

export function messagesPanel(model: Model): Row {
  const { all } = model.talks;
  const shown = all.slice(-model.choice.messages).reverse();
  const more = all.length - shown.length;
  return [
    heading(t("Messages"), all.length ? el("span.legend", {}, String(all.length)) : undefined),
    all.length ? el("ol.messages", { key: "messages", tabindex: 0, "aria-label": t("Messages, the newest first") }, ...shown.map((talk) => talkSpec(model, talk))) : empty(t("Nobody has said anything.")),
    ...(more > 0 ? [el("button.toggle", { key: "more", type: "button", "data-more": "messages" }, t("{0} earlier", more))] : []),
  ];
}

function talkSpec(model: Model, talk: Talk): Spec {
  const name = (id: string): string => model.agentName(id) || t("you");
  const when = model.timeline.started === undefined ? "" : clock(Math.max(0, talk.at - model.timeline.started));
  return el(
    "li",
    { key: talk.id, class: talk.urgent ? "urgent" : "" },
    el("div.line", {}, el("span.who", {}, `${name(talk.from)} → ${talk.to.map(name).join(", ")}`), el("span.dim", {}, [talk.type, reachWord(talk), when].filter(Boolean).join(" · "))),
    talk.text ? el("div.said", {}, talk.text) : undefined,
  );
}

/** What is said aloud of an event; most are not. */
export function announcement(model: Model, event: { type: string; taskId?: string; reason?: string }): string {
  const title = event.taskId ? titles(model, [event.taskId]) : "";
  switch (event.type) {
    case "task_completed":
      return t("Done: {0}", title);
    case "task_failed":
      return t("Failed: {0}", title);
    case "ask_opened":
      return t("A question waits for you.");
    case "run_ready":
      return t("The run is ready for review.");
    case "run_failed":
      return t("The run failed.");
    case "run_completed":
      return t("The run is completed.");
    default:
      return "";
  }
}
