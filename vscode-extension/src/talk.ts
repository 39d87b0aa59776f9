/**
 * Talking to an agent about its change, in a thread on the lines it concerns: what the user writes asks for another
 * version of the change (`nexus.review.revise`), or, without that, is a message that the agent reads at its next step.
 * What the agent says back to the user shows in the same thread.
 */
import * as vscode from "vscode";
import type { Ctx } from "./ctx";
import type { ChangeId, NexusEvent } from "./lspExt";
import { givenChange, pendingIn, pickChange } from "./pick";
import { fileUri, previewUri } from "./preview";
import { said } from "./transcript/text";
import { inOrder, type Placed, shownLine } from "./view";
import { t } from "./words";

interface Talk {
  thread: vscode.CommentThread;
  change: Placed;
}

export class Talks implements vscode.CommentingRangeProvider, vscode.Disposable {
  private readonly controller = vscode.comments.createCommentController("nexus", "NEXUS");
  private readonly talks = new Map<ChangeId, Talk>();
  private readonly subscriptions: vscode.Disposable[];
  private places = "";

  constructor(private readonly ctx: Ctx) {
    this.controller.commentingRangeProvider = this;
    this.controller.options = { prompt: t("Say what should be different…"), placeHolder: t("The agent makes another version") };
    this.subscriptions = [this.controller, ctx.onEvent((event) => this.onEvent(event)), ctx.store.onDidChange(() => this.tidy())];
  }

  provideCommentingRanges(document: vscode.TextDocument): vscode.Range[] {
    return pendingIn(this.ctx, document.uri).map((change) => linesOf(change));
  }

  /** Opens the thread of the change under the cursor, with its text box. */
  async discuss(arg: unknown): Promise<void> {
    const { store } = this.ctx;
    const change = givenChange(this.ctx, arg) ?? (await pickChange(this.ctx, store.pending.toSorted(inOrder), t("NEXUS: talk about which change?")));
    if (!change) return;
    await vscode.commands.executeCommand("nexus.openChange", change.id);
    this.talkAbout(change).thread.collapsibleState = vscode.CommentThreadCollapsibleState.Expanded;
  }

  /** What the user wrote under a thread, ours or one the editor opened at a line. */
  async send({ thread, text }: vscode.CommentReply): Promise<void> {
    const change = this.about(thread);
    if (!change) return void vscode.window.showInformationMessage(t("NEXUS: no change waits at these lines any more."));
    const talk = this.adopt(thread, change);
    this.say(talk, "You", text);
    const name = this.ctx.store.agentName(change.agentId);
    if (this.ctx.canRevise) {
      await this.ctx.execute("nexus.review.revise", { changeIds: [change.id], feedback: text });
      this.say(talk, "NEXUS", t("{0} makes another version of this change. It takes this one's place when it is there.", name));
    } else {
      await this.ctx.execute("nexus.message.send", { runId: change.runId, to: change.taskId, text });
      this.say(talk, "NEXUS", t("{0} reads this at its next step.", name));
    }
  }

  private about(thread: vscode.CommentThread): Placed | undefined {
    const known = [...this.talks.values()].find((talk) => talk.thread === thread);
    if (known) return this.ctx.store.change(known.change.id);
    const line = thread.range?.start.line ?? 0;
    return pendingIn(this.ctx, thread.uri).find((change) => linesOf(change).contains(new vscode.Position(line, 0)));
  }

  private talkAbout(change: Placed): Talk {
    const uri = change.kind === "create" ? previewUri(fileUri(change), change.id) : fileUri(change);
    return this.talks.get(change.id) ?? this.adopt(this.controller.createCommentThread(uri, linesOf(change), []), change);
  }

  private adopt(thread: vscode.CommentThread, change: Placed): Talk {
    const talk = this.talks.get(change.id) ?? { thread, change };
    // The editor's own empty thread at a line is taken for the one of the change there.
    if (talk.thread !== thread) thread.dispose();
    talk.thread.label = `${this.ctx.store.agentName(change.agentId)}: ${change.why}`;
    talk.thread.contextValue = "pending";
    this.talks.set(change.id, talk);
    return talk;
  }

  private say({ thread }: Talk, author: string, text: string): void {
    const comment: vscode.Comment = { author: { name: author }, body: text, mode: vscode.CommentMode.Preview, timestamp: new Date() };
    thread.comments = [...thread.comments, comment];
  }

  /** What an agent says to the user goes to the threads about its changes. */
  private onEvent(event: NexusEvent): void {
    if (event.type !== "message_sent" || !event.recipients.includes("user")) return;
    const { agent_id, instance_id } = event.message.from;
    const words = said(event.message.payload);
    if (!words) return;
    for (const talk of this.talks.values()) {
      const own = talk.change.runId === event.runId && (instance_id ? instance_id.endsWith(`#${talk.change.taskId}`) : talk.change.agentId === agent_id);
      if (own) this.say(talk, this.ctx.store.agentName(agent_id), words);
    }
  }

  /** A thread follows its change while that waits, and goes when it was decided. */
  private tidy(): void {
    const places = this.ctx.store.pending.map(({ id, range }) => `${id}:${range.start.line}-${range.end.line}`).join();
    if (places !== this.places) {
      this.places = places;
      // Set anew, it is asked again where threads can begin: the editor knows no other way to be told.
      this.controller.commentingRangeProvider = this;
    }
    for (const [id, talk] of this.talks) {
      const now = this.ctx.store.change(id);
      if (!now) continue;
      if (now.status !== "pending") {
        talk.thread.dispose();
        this.talks.delete(id);
      } else if (!talk.thread.range?.isEqual(linesOf(now))) talk.thread.range = linesOf(now);
    }
  }

  dispose(): void {
    for (const each of this.subscriptions) each.dispose();
  }
}

function linesOf(change: Placed): vscode.Range {
  const first = shownLine(change);
  const { end } = change.range;
  return new vscode.Range(first, 0, Math.max(first, end.character === 0 ? end.line - 1 : end.line), 0);
}

const isReply = (arg: unknown): arg is vscode.CommentReply => typeof arg === "object" && arg !== null && "thread" in arg && "text" in arg;

export function talkCommands(talks: Talks): Record<string, (ctx: Ctx, arg: unknown) => unknown> {
  return {
    "nexus.discussChange": (_, arg) => talks.discuss(arg),
    // By a key or the palette there is nothing written yet: the thread opens.
    "nexus.sendComment": (_, arg) => (isReply(arg) ? talks.send(arg) : talks.discuss(undefined)),
  };
}
