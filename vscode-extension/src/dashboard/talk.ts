/** What the team said, folded from events: who to whom, and whether it arrived. */
import type { AgentId, Message, NexusEvent, TaskId } from "../lspExt";
import { t } from "../words";

export interface Talk {
  readonly id: string;
  readonly at: number;
  readonly from: AgentId;
  /** Agents' ids; an instance's `agent#task` is cut to its agent. */
  readonly to: readonly string[];
  readonly type: string;
  readonly urgent: boolean;
  readonly text: string;
  /** By recipient. */
  readonly reach: Map<string, "sent" | "delivered" | "dead">;
}

export interface Talks {
  readonly all: Talk[];
  readonly byId: Map<string, Talk>;
  readonly notes: { at: number; agentId: AgentId; taskId: TaskId; text: string }[];
}

export const noTalks = (): Talks => ({ all: [], byId: new Map(), notes: [] });

/** Adds one event, in constant time; whether it was a message or told of one. */
export function addTalk(talks: Talks, event: NexusEvent): boolean {
  if (event.type === "message_sent") {
    const { message, recipients } = event;
    const talk: Talk = {
      id: message.message_id,
      at: event.at,
      from: message.from.agent_id,
      to: recipients.map((each) => each.replace(/#.*$/, "")),
      type: t((message.message_type ?? "response").replaceAll("_", " ")),
      urgent: message.priority === "high" || message.priority === "critical",
      text: wordsOf(message),
      reach: new Map(recipients.map((each) => [each, "sent"])),
    };
    talks.all.push(talk);
    talks.byId.set(talk.id, talk);
    return true;
  }
  if (event.type === "message_delivered" || event.type === "message_dead") {
    talks.byId.get(event.messageId)?.reach.set(event.recipient, event.type === "message_dead" ? "dead" : "delivered");
    return true;
  }
  if (event.type === "agent_note") {
    talks.notes.push({ at: event.at, agentId: event.agentId, taskId: event.taskId, text: event.text });
    return true;
  }
  return false;
}

function wordsOf(message: Message): string {
  const { text, task, task_result: result } = message.payload as { text?: unknown; task?: { title?: unknown }; task_result?: { summary?: unknown } };
  const found = [text, task?.title, result?.summary].find((each) => typeof each === "string" && each !== "");
  return typeof found === "string" ? found : "";
}

/** "read", "sent", or that it did not arrive. */
export function reachWord(talk: Talk): string {
  const states = [...talk.reach.values()];
  if (states.includes("dead")) return t("did not arrive");
  return states.length > 0 && states.every((state) => state === "delivered") ? t("read") : t("sent");
}
