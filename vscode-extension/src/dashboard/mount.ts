/** The dashboard on a page: draws what the model says is stale, and turns clicks and keys into choices and actions. */
import type { NexusEvent, RunId } from "../lspExt";
import { t } from "../words";
import type { ActionName, Feed } from "./feed";
import { neighbourOf } from "./graph";
import { type Choice, Model, type Panel, PANELS } from "./model";
import { agentsPanel, announcement, costPanel, graphOf, headPanel, messagesPanel, planPanel, queuePanel, timelinePanel } from "./panels";
import { worthShowing } from "./queue";
import { patchChildren, type Spec } from "./spec";

const DRAW: Record<Panel, (model: Model) => readonly (Spec | string)[]> = {
  head: headPanel,
  plan: planPanel,
  timeline: timelinePanel,
  agents: agentsPanel,
  queue: queuePanel,
  cost: costPanel,
  messages: messagesPanel,
};

const SETTLE_MS = 120;

/** Where the page keeps what the user chose. */
export interface Memory {
  get(): Partial<Choice> | undefined;
  set(choice: Choice): void;
}

export interface Dashboard {
  readonly model: Model;
  show(runId: RunId): void;
  dispose(): void;
}

export function mount(root: HTMLElement, feed: Feed, memory?: Memory): Dashboard {
  const page = new Page(root, feed, memory);
  void page.refresh();
  return page;
}

class Page implements Dashboard {
  readonly model = new Model();
  private readonly places: Record<Panel, HTMLElement>;
  private readonly live: HTMLElement;
  private readonly stops: (() => void)[] = [];
  private frame = 0;
  private timer = 0;
  private refreshing = false;
  private again = false;
  /** Events that came while the run's past was on its way. */
  private held: NexusEvent[] | undefined;

  constructor(
    private readonly root: HTMLElement,
    private readonly feed: Feed,
    private readonly memory: Memory | undefined,
  ) {
    Object.assign(this.model.choice, memory?.get() ?? {});
    this.model.now = Date.now() / 1000;
    this.places = this.frameOf(root);
    this.live = place(root, "p", "hidden", { role: "status", "aria-live": "polite" });
    this.stops.push(feed.listen((events) => this.hear(events)));
    this.listen("click", (event) => this.onClick(event as MouseEvent));
    this.listen("change", (event) => this.onChange(event));
    this.listen("keydown", (event) => this.onKey(event as KeyboardEvent));
    const beat = window.setInterval(() => this.onSecond(), 1000);
    const observer = new ResizeObserver(() => this.onSize());
    observer.observe(this.places.plan);
    this.stops.push(() => window.clearInterval(beat), () => observer.disconnect());
    this.draw();
  }

  private frameOf(root: HTMLElement): Record<Panel, HTMLElement> {
    root.replaceChildren();
    const head = place(root, "header", "panel p-head", { "aria-label": t("Run") });
    const main = place(root, "main", "grid", {});
    const wide = place(main, "div", "column wide", {});
    const side = place(main, "div", "column side", {});
    const names: Record<Panel, string> = { head: t("Run"), plan: t("Plan"), timeline: t("Timeline"), agents: t("Agents"), queue: t("Queue"), cost: t("Cost"), messages: t("Messages") };
    const section = (panel: Panel, parent: HTMLElement): [Panel, HTMLElement] => [panel, place(parent, "section", `panel p-${panel}`, { "aria-label": names[panel] })];
    return Object.fromEntries([["head", head], section("plan", wide), section("timeline", wide), section("messages", wide), section("queue", side), section("agents", side), section("cost", side)]) as Record<Panel, HTMLElement>;
  }

  // --- what arrives --------------------------------------------------------------------------------------

  private hear(events: readonly NexusEvent[]): void {
    if (this.held) this.held.push(...events);
    else this.model.hear(events);
    const own = events.filter((event) => event.runId === this.model.eventsOf);
    const said = own.map((event) => announcement(this.model, event as { type: string })).filter(Boolean);
    if (said.length) this.live.textContent = said.slice(-3).join(" ");
    this.schedule();
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.refresh(), SETTLE_MS);
  }

  /** Asks for a snapshot; never two at once, and once more where something happened meanwhile. */
  async refresh(): Promise<void> {
    this.again = true;
    if (this.refreshing) return;
    this.refreshing = true;
    try {
      while (this.again) {
        this.again = false;
        await this.load();
      }
    } catch (error) {
      console.error(error);
    } finally {
      this.refreshing = false;
    }
  }

  private async load(): Promise<void> {
    const wanted = this.model.choice.runId;
    let snapshot = await this.feed.snapshot(wanted);
    const best = wanted && snapshot.runs.some((run) => run.runId === wanted) ? wanted : worthShowing(snapshot.runs);
    if (best && snapshot.run?.runId !== best) snapshot = await this.feed.snapshot(best);
    if (this.model.choice.runId !== wanted) return void (this.again = true); // another one was chosen meanwhile
    this.model.setSnapshot(snapshot);
    if (this.model.eventsOf !== snapshot.run?.runId) await this.follow(snapshot.run?.runId);
    this.schedule();
  }

  private async follow(runId: RunId | undefined): Promise<void> {
    const task = this.model.eventsOf === undefined ? this.model.choice.task : undefined;
    this.model.follow(runId);
    this.model.choice.task = task;
    this.keep();
    if (!runId) return;
    this.held = [];
    try {
      this.model.hear(await this.feed.events(runId, 0));
    } finally {
      const held = this.held;
      this.held = undefined;
      this.model.hear(held);
    }
  }

  show(runId: RunId): void {
    this.model.choice.runId = runId;
    this.keep();
    void this.refresh();
  }

  // --- drawing -------------------------------------------------------------------------------------------

  private schedule(): void {
    this.frame ||= window.requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  private draw(): void {
    for (const panel of this.model.takeStale()) patchChildren(this.places[panel], DRAW[panel](this.model));
    this.root.classList.toggle("off", !this.model.snapshot.alive);
  }

  private onSecond(): void {
    this.model.tick(Date.now() / 1000);
    if (!document.hidden) this.schedule();
  }

  private onSize(): void {
    const width = this.places.plan.clientWidth;
    if (Math.abs(width - this.model.planWidth) < 4) return;
    this.model.planWidth = width;
    this.model.touch("plan");
    this.schedule();
  }

  // --- what the user does --------------------------------------------------------------------------------

  private onClick(event: MouseEvent): void {
    const target = (event.target as Element | null)?.closest<HTMLElement>("[data-action],[data-toggle],[data-task],[data-run],[data-more]");
    if (!target) return;
    const { action, toggle, task, run, more } = target.dataset;
    const { choice } = this.model;
    if (action) this.feed.act(action as ActionName, this.model.snapshot.run?.runId);
    if (toggle === "plan") choice.planAsTable = !choice.planAsTable;
    if (toggle === "time") choice.timeAsTable = !choice.timeAsTable;
    if (task) choice.task = choice.task === task ? undefined : task;
    if (more) choice.messages += 100;
    if (run) return this.show(run);
    this.model.touch(...PANELS);
    this.keep();
    this.draw();
  }

  private onChange(event: Event): void {
    const target = event.target as HTMLSelectElement;
    if (target.dataset["change"] === "run") this.show(target.value);
  }

  /** Arrow keys in the graph; Escape closes a task's details. */
  private onKey(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    const { task } = target.dataset;
    if (event.key === "Escape" && this.model.choice.task) {
      this.model.choice.task = undefined;
      this.model.touch("plan");
      this.draw();
    }
    if (!task || !target.classList.contains("node")) return;
    if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(event.key)) return;
    const next = neighbourOf(graphOf(this.model), task, event.key as "ArrowLeft");
    const node = next && this.root.querySelector<HTMLElement>(`.node[data-task="${CSS.escape(next)}"]`);
    if (!node) return;
    event.preventDefault();
    target.tabIndex = -1;
    node.tabIndex = 0;
    node.focus();
    node.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  private keep(): void {
    this.memory?.set(this.model.choice);
  }

  private listen(type: string, hear: (event: Event) => void): void {
    this.root.addEventListener(type, hear);
    this.stops.push(() => this.root.removeEventListener(type, hear));
  }

  dispose(): void {
    window.clearTimeout(this.timer);
    window.cancelAnimationFrame(this.frame);
    for (const stop of this.stops) stop();
    this.root.replaceChildren();
  }
}

function place(parent: HTMLElement, tag: string, look: string, attrs: Record<string, string>): HTMLElement {
  const made = document.createElement(tag);
  made.className = look;
  for (const [name, value] of Object.entries(attrs)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}
