// The dashboard's bundle in a plain browser, without VS Code: 40 tasks, 10,000 events, and then a busy minute in short.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { Report } from "../lib/report.mjs";
import { REPO } from "../lib/vscode.mjs";

const EXTENSION = join(REPO, "vscode-extension");
const report = new Report("page");
const browser = await chromium.launch({ executablePath: process.env.NEXUS_E2E_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  const page = await (await browser.newContext({ viewport: { width: 1600, height: 1000 }, colorScheme: "light" })).newPage();
  page.on("pageerror", (error) => console.error(error));
  const css = await readFile(join(EXTENSION, "media/dashboard.css"), "utf8");
  await page.setContent(`<!DOCTYPE html><html lang="en"><head><style>${css}</style></head><body><div id="root"></div></body></html>`);
  await page.addScriptTag({ path: join(EXTENSION, "dist/dashboard.js") });
  let figures = {};
  await report.step(page, "40 tasks and 10,000 events are drawn", async () => {
    figures = await page.evaluate(bigRun);
    await page.locator(".node").nth(39).waitFor({ timeout: 5000 });
    if (figures.firstMs > 3000) throw new Error(`the first picture took ${figures.firstMs} ms`);
  });
  await report.step(page, "2,000 more events, and no turn that a person feels", async () => {
    const busy = await page.evaluate(() => window.busy());
    Object.assign(figures, busy);
    if (busy.frames < 20 || busy.p95Ms > 50) throw new Error(`${busy.frames} frames, 5 of 100 longer than ${busy.p95Ms} ms`);
    if (busy.replaced > 0) throw new Error(`${busy.replaced} tasks of the graph were made anew instead of changed`);
  });
  await report.step(page, "dark", () => page.emulateMedia({ colorScheme: "dark" }));
  await report.step(page, "a narrow window", () => page.setViewportSize({ width: 700, height: 1000 }));
  console.error(JSON.stringify(figures));
} catch (error) {
  console.error(error);
} finally {
  await browser.close();
  report.print();
}

/** Runs in the page: a run of 40 tasks in ten layers, and a feed that answers as a server would. */
async function bigRun() {
  const start = Date.now() / 1000 - 600;
  const agents = ["aria_coordinator", "code_developer", "alpha_test_creator", "beta_test_validator"].map((agent_id) => ({ agent_id, name: agent_id.split("_")[0].replace(/^./, (c) => c.toUpperCase()), role: agent_id.split("_").slice(1).join("_"), status: "active", current_task: null, health_score: 9.4, tasks_completed_today: 3, instances: [], restarts: 0, response_seconds: null, usd: 0.42, tokens: 120_000 }));
  const tasks = Array.from({ length: 40 }, (_, n) => ({ taskId: `t${n}`, agentId: agents[n % 4].agent_id, instanceId: null, title: `Task ${n + 1}: make part ${n + 1} of the billing module do its work`, type: "implementation", status: n < 22 ? "completed" : n < 26 ? "in_progress" : "pending", message: n < 26 && n >= 22 ? "reading" : "", percent: null, attempt: n < 26 ? 1 : 0, summary: "", dependsOn: n < 4 ? [] : [...new Set([`t${n - 4}`, `t${n - 4 - (n % 3)}`])].filter((id) => Number(id.slice(1)) >= 0), usd: n < 26 ? 0.03 * (1 + (n % 5)) : 0, tokens: n < 26 ? 9000 * (1 + (n % 5)) : 0, repairs: 0, restarts: 0, replaced: false, seconds: 0, response: null }));
  const run = { runId: "r1", request: "Split the billing module into parts, with tests", status: "in_progress", priority: "medium", team: "claude", startedAt: start, tasksDone: 22, tasksTotal: 40, changesPending: 61, plan: null, tasks, changes: [], gates: [], asks: [{ askId: "a", kind: "question", question: "Which currency do old invoices use?", options: ["EUR", "USD"], agentId: "code_developer", taskId: "t23", why: "The migration writes it.", answer: null }], usd: 2.31, budgets: [{ scope: "run", who: "", measure: "usd", used: 2.31, limit: 2.5 }], quality: null };
  let seq = 0;
  const event = (type, at, more) => ({ seq: ++seq, at, runId: "r1", type, ...more });
  const events = [event("run_started", start, { request: run.request }), event("plan_proposed", start + 5, { plan: { summary: "", tasks: [] } })];
  tasks.slice(0, 26).forEach((task, n) => {
    const from = start + 10 + 95 * Math.floor(n / 4) + 4 * (n % 4);
    events.push(event("task_started", from, { taskId: task.taskId, agentId: task.agentId, attempt: 1, instanceId: "" }));
    if (n < 22) events.push(event("task_submitted", from + 60 + 5 * (n % 4), { taskId: task.taskId }), event("gate_passed", from + 68 + 5 * (n % 4), { gate: "tests", taskId: task.taskId }), event("task_completed", from + 70 + 5 * (n % 4), { taskId: task.taskId, agentId: task.agentId }));
  });
  const message = (n) => ({ message_id: `m${n}`, timestamp: "", from: { agent_id: agents[n % 4].agent_id, agent_type: "" }, message_type: "information", payload: { text: `Part ${n % 40} has a new signature: total(prices, currency).` }, conversation_thread: "" });
  while (events.length < 10_000) {
    const n = events.length;
    const at = start + 10 + (590 * n) / 10_000;
    events.push(n % 25 ? event("task_progress", at, { taskId: `t${n % 26}`, agentId: "code_developer", message: `step ${n}`, percent: null }) : event("message_sent", at, { message: message(n), recipients: ["alpha_test_creator#t2"] }));
  }
  let hear = () => undefined;
  const feed = {
    snapshot: async () => structuredClone({ alive: true, runs: [run], agents, run }),
    events: async (_, after) => events.filter((each) => each.seq > after),
    listen: (listener) => ((hear = listener), () => undefined),
    act: () => undefined,
  };
  // What drawing costs: each animation frame's own work, whatever else the machine does meanwhile.
  const costs = [];
  const frame = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (draw) =>
    frame((time) => {
      const from = performance.now();
      draw(time);
      costs.push(performance.now() - from);
    });
  const began = performance.now();
  window.nexusDashboard.mount(document.getElementById("root"), feed);
  while (!document.querySelectorAll(".bar").length) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  const firstMs = Math.round(performance.now() - began);
  window.busy = async () => {
    const nodes = [...document.querySelectorAll(".node")];
    costs.length = 0;
    for (let burst = 0; burst < 40; burst++) {
      const news = Array.from({ length: 50 }, (_, n) => event(n % 10 ? "task_progress" : "message_sent", start + 600 + burst, n % 10 ? { taskId: `t${22 + (n % 4)}`, agentId: "code_developer", message: `step ${n}`, percent: null } : { message: message(20_000 + burst * 50 + n), recipients: ["user"] }));
      tasks[22 + (burst % 4)].message = `step ${burst}`;
      tasks[22 + (burst % 4)].percent = burst;
      hear(news);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    costs.sort((a, b) => a - b);
    const part = (share) => Math.round(10 * (costs[Math.floor(share * costs.length)] ?? 0)) / 10;
    return { frames: costs.length, p50Ms: part(0.5), p95Ms: part(0.95), elements: document.querySelectorAll("*").length, replaced: nodes.filter((node) => !node.isConnected).length };
  };
  return { firstMs };
}
