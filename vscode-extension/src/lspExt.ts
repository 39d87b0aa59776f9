/**
 * What the server speaks beyond LSP: the names and shapes of `nexus_lsp`, and nothing else.
 *
 * LSP is camelCase; plans and agent snapshots keep the REST API's snake_case.
 */
import type { Range } from "vscode-languageserver-protocol";

export const SOURCE = "nexus";
export const EVENT = "nexus/event";
/** A request, `{runId, afterSeq}`: what a late joiner missed. */
export const EVENTS = "nexus/events";
/**
 * A new file's diagnostics stand on its preview: its file URI's path with this scheme and the change's id as
 * query. The editor writes it with one slash: `nexus-preview:/home/u/shop/new.py?<change id>`.
 */
export const PREVIEW_SCHEME = "nexus-preview";

export type RunId = string;
export type TaskId = string;
export type AgentId = string;
export type ChangeId = string;
export type GroupId = string;
export type AskId = string;
export type DocumentUri = string;

export type RunStatus =
  | "pending"
  | "awaiting_approval"
  | "in_progress"
  | "paused"
  | "ready"
  | "completed"
  | "failed"
  | "cancelled";
export type TaskStatus = "pending" | "in_progress" | "completed" | "failed" | "cancelled";
export type TaskType = "analysis" | "implementation" | "test" | "validation";
export type ChangeKind = "edit" | "create" | "delete" | "rename" | "binary" | "mode" | "symlink";
export type ChangeStatus = "pending" | "accepted" | "rejected" | "outdated";
export type GateStatus = "passed" | "failed" | "not_measured" | "warning";
export type Team = "auto" | "claude" | "local";
export type Approval = "auto" | "ask";
export type Priority = "low" | "medium" | "high" | "critical";

// --- settings: `initializationOptions` and `workspace/configuration`, section `nexus` --------------------

export interface Settings {
  trusted: boolean;
  team: Team;
  approval: Approval;
  resume: "auto" | "ask";
  maxAgents: number;
  testCommand: string | null;
  budget: number | null;
  budgets: { run?: Allowance; task?: Allowance; agent?: Allowance };
  askTimeout: number;
  permissions: "ask" | "askAll" | "allow" | "deny";
  coverageTarget: number;
  redisUrl: string | null;
}

/** What may be used of each measure; seconds are those of work. */
export interface Allowance {
  usd?: number | null;
  tokens?: number | null;
  seconds?: number | null;
}

// --- snapshots -------------------------------------------------------------------------------------------

export interface PlanTask {
  id: TaskId;
  title: string;
  agent: AgentId;
  type: TaskType;
  description: string;
  depends_on: TaskId[];
  writes: string[];
  acceptance: string[];
}

export interface Plan {
  summary: string;
  tasks: PlanTask[];
}

export interface RunSummary {
  runId: RunId;
  request: string;
  status: RunStatus;
  /** Why it failed or is paused. */
  reason?: string;
  priority: Priority;
  team: string;
  /** Unix seconds. */
  startedAt: number;
  tasksDone: number;
  tasksTotal: number;
  changesPending: number;
  /** The branch that it belongs to, where another is checked out. */
  parked?: string | null;
}

export interface TaskState {
  taskId: TaskId;
  agentId: AgentId;
  instanceId: string | null;
  title: string;
  type: TaskType;
  status: TaskStatus;
  message: string;
  percent: number | null;
  attempt: number;
  summary: string;
  dependsOn: TaskId[];
  /** Of work, without the attempt that is under way. */
  seconds: number;
  usd: number;
  tokens: number;
  /** Attempts that gates and conflicts cost, and those that faults cost. */
  repairs: number;
  restarts: number;
  /** A revised plan has other tasks in its place. */
  replaced: boolean;
  /** What its agent says of its work, in the seed's schema; claims, no measurements. */
  response: { task_result: { confidence_score?: number } } | null;
}

/** `data` of a change's diagnostic; `editRange` is its exact place, an insertion's is empty. */
export interface DiagnosticData {
  changeId: ChangeId;
  runId: RunId;
  taskId: TaskId;
  agentId: AgentId;
  editRange?: Range;
  /** Of a change that the user typed in: a warning on what stands there now. */
  conflict?: Conflict;
}

/** What the agent saw, what stands there now, what is proposed: whole lines with their ends. */
export interface Conflict {
  range: Range;
  base: string;
  yours: string;
  theirs: string;
}

/**
 * `range` is where it shows in the current buffer; snapshots of a whole run leave it out (`store` puts the
 * exact place from the diagnostics there). `line` is in the text the run started from.
 */
export interface Change {
  id: ChangeId;
  runId: RunId;
  taskId: TaskId;
  agentId: AgentId;
  uri: DocumentUri;
  kind: ChangeKind;
  status: ChangeStatus;
  range?: Range | null;
  line?: number;
  /** Which text `line` speaks of: a name, the same for the same text. */
  base?: string | null;
  before: string;
  after: string;
  why: string;
  /** The branch that it waits on, where another is checked out. */
  parked?: string | null;
  /** In conflict with what the user typed; where the lines around it are gone too, without range and `yours`. */
  conflict?: Partial<Conflict> | null;
  /** Those that must be accepted with or before it, as they were when it was proposed or a later task landed. */
  dependsOn?: ChangeId[];
  /** Null where another took its place; snapshots of a whole run leave it out. */
  group?: GroupId | null;
  /** The user's commit that holds it. */
  commit?: string | null;
}

/** From what should be read first to what can be read last. */
export type Risk =
  | "public_api"
  | "security"
  | "concurrency"
  | "tests_weakened"
  | "configuration"
  | "file_deleted"
  | "code"
  | "tests"
  | "docs"
  | "format";

/** Changes that are best looked at together; its summary and its risk are judged by rule. */
export interface ChangeGroup {
  id: GroupId;
  runId: RunId;
  summary: string;
  risk: Risk;
  riskWhy: string;
  changeIds: ChangeId[];
  /** Of the workspace, those with the most changes first. */
  paths: string[];
  /** How many changes have which status. */
  counts: Partial<Record<ChangeStatus, number>>;
}

export interface Gate {
  gate: string;
  /** Whose tree was measured; a name in the quarantine, not in the user's repository. */
  commit: string;
  status: GateStatus;
  taskId: TaskId | null;
  /** How it was before the agents changed anything. */
  baseline?: boolean;
  why: string;
  output: string;
}

export interface Ask {
  askId: AskId;
  kind: "plan" | "resume" | "head_moved" | "budget" | "question" | "permission";
  question: string;
  options: string[];
  default: string;
  expires: number | null;
  /** Of an agent's question or permission: who asks, in which task, and why. Any words answer a question. */
  taskId: TaskId;
  agentId: AgentId;
  why: string;
  /** `null` while it waits. */
  answer?: string | null;
}

export interface RunDetail extends RunSummary {
  plan: Plan | null;
  /** Another plan that waits for approval while the first is carried out. */
  revision?: { plan: Plan; why: string } | null;
  tasks: TaskState[];
  changes: Change[];
  gates: Gate[];
  asks: Ask[];
  usd: number;
  budgets: { scope: "run" | "task" | "agent"; who: string; measure: "usd" | "tokens" | "seconds"; used: number; limit: number }[];
  /** Measured by the server; null until all work has landed. */
  quality: Quality | null;
}

export interface Quality {
  coverage: number | null;
  changedCoverage: number | null;
  changedLines: number | null;
  coveredLines: number | null;
  lintErrors: number | null;
  lintErrorsBefore: number | null;
  complexity: number | null;
  complexityBefore: number | null;
  worst: string;
  tests: number | null;
  newTests: number | null;
  rounds: number;
  notes: string[];
  measuredBy: "nexus";
}

/** The envelope of the message protocol 1.0, in its own snake_case; see `docs/message.schema.json`. */
export interface Message {
  message_id: string;
  timestamp: string;
  from: Party;
  to?: Party;
  message_type?: string;
  priority?: Priority;
  payload: Record<string, unknown>;
  conversation_thread: string;
  response_to?: string;
}

export interface Party {
  agent_id: AgentId;
  agent_type: string;
  instance_id?: string;
}

export interface MemoryItem {
  id: string;
  agentId: AgentId;
  kind: "interaction" | "lesson" | "decision" | "note";
  text: string;
  source: "user" | "gate" | "server" | "agent";
  /** Unix seconds. */
  at: number;
  paths: string[];
  runId: RunId;
  taskId: TaskId;
  score?: number;
  why?: string[];
}

export interface AgentSnapshot {
  agent_id: AgentId;
  name: string;
  role: string;
  status: string;
  current_task: string | null;
  /** From 0 to 10, from measured figures; null without a record. */
  health_score: number | null;
  tasks_completed_today: number;
  instances: {
    instance_id: string;
    run_id: RunId;
    task_id: TaskId;
    attempt: number;
    percent: number | null;
    message: string;
    waits_for_user: boolean;
    silent_seconds: number | null;
    stress: { level: number; causes: string[] };
  }[];
  restarts: number;
  response_seconds: number | null;
  usd: number;
  tokens: number;
}

// --- commands: `workspace/executeCommand`, one object as argument ----------------------------------------

export interface DelegateParams {
  request: string;
  uris?: DocumentUri[];
  range?: Range;
  priority?: Priority;
  /** ISO 8601. */
  deadline?: string;
  context?: unknown;
  team?: Team;
  approval?: Approval;
}

export interface DelegateAnswer {
  runId: RunId;
  status: "accepted";
  assignedAgents: AgentId[];
  estimatedCompletion: number | string | null;
}

export type Scope = { changeIds: ChangeId[] } | { uri: DocumentUri } | { agentId: AgentId } | { runId: RunId } | { groupId: GroupId };

/** Whatever a change needs (accept) or is needed by (undo). */
export interface Insisting {
  anyway?: boolean;
}

/** Oldest first, at most `limit` of them, those after the one that the last answer named; 0 asks for the groups alone. */
export interface ListParams {
  runId?: RunId;
  uri?: DocumentUri;
  groupId?: GroupId;
  limit?: number;
  after?: ChangeId;
  grouped?: boolean;
}

export interface ListAnswer {
  changes: Change[];
  /** The riskiest first, those in which nothing waits last. */
  groups: ChangeGroup[];
  /** What to ask for the next page with; null after the last. */
  after: ChangeId | null;
}

export interface Refused {
  /** `needs`: with these, all of them, it could be done; the user may also insist. */
  refused: { id: ChangeId; why: string; needs?: ChangeId[] }[];
  /** Files that the decision changed and that are not saved. */
  unsaved: DocumentUri[];
}

export interface CommitParams {
  /** None: of all runs on this branch. */
  runIds?: RunId[];
  message?: string;
  /** Also who, why and evidence, as a git note in `refs/notes/nexus`. */
  notes?: boolean;
  /** The user's own edits of these files as well. */
  wholeFiles?: boolean;
  dryRun?: boolean;
}

export interface CommitAnswer {
  /** `null` for a dry run. */
  commit: string | null;
  branch: string;
  message: string;
  changeIds: ChangeId[];
  paths: string[];
  left: { id: ChangeId; why: string }[];
  /** What git and the user's hooks said. */
  output?: string;
  /** Why the note beside the commit could not be made. */
  warning?: string;
}

/** What is known of a line: a change that waits, was accepted, or is in a commit. */
export interface LineStory {
  id: ChangeId;
  runId: RunId;
  status: ChangeStatus;
  commit: string | null;
  why: string;
  tasks: { id: TaskId; title: string }[];
  agents: { id: AgentId; name: string }[];
  gates: { gate: string; status: GateStatus; why: string }[];
}

/** A file as it would be: `previewUri` is `null` where there would be none, or it is no text. */
export interface ProposedFile {
  uri: DocumentUri;
  previewUri: DocumentUri | null;
  oldUri: DocumentUri | null;
  kind: "text" | "new" | "gone" | "other";
}

export interface Commands {
  "nexus.delegate": { arg: DelegateParams; answer: DelegateAnswer };
  "nexus.plan.approve": { arg: { runId: RunId; plan?: Plan }; answer: { status: string } };
  "nexus.plan.reject": { arg: { runId: RunId; reason?: string }; answer: { status: string } };
  "nexus.run.cancel": { arg: { runId: RunId }; answer: { status: string } };
  "nexus.run.pause": { arg: { runId: RunId }; answer: { status: string } };
  "nexus.run.resume": { arg: { runId: RunId }; answer: { status: string } };
  "nexus.run.retry": { arg: { runId: RunId }; answer: { status: string } };
  "nexus.runs": { arg: Record<string, never>; answer: { runs: RunSummary[] } };
  "nexus.run": { arg: { runId: RunId }; answer: RunDetail };
  "nexus.run.messages": {
    arg: { runId: RunId };
    answer: {
      messages: { message: Message; reach: { recipient: string; state: "sent" | "delivered" | "dead" }[] }[];
      scratchpad: { taskId: TaskId; agentId: AgentId; text: string }[];
    };
  };
  "nexus.agents": { arg: Record<string, never>; answer: { agents: AgentSnapshot[] } };
  "nexus.review.list": { arg: ListParams; answer: ListAnswer };
  "nexus.review.accept": { arg: Scope & Insisting; answer: { accepted: ChangeId[] } & Refused };
  "nexus.review.reject": { arg: Scope & { reason?: string }; answer: { rejected: ChangeId[] } & Refused };
  "nexus.review.undo": { arg: { changeIds: ChangeId[] } & Insisting; answer: { reopened: ChangeId[] } & Refused };
  "nexus.review.resolve": {
    arg: ({ changeIds: ChangeId[] } | { changeId: ChangeId }) & { how: "mine" | "theirs" | "both" };
    answer: { resolved: ChangeId[] } & Refused;
  };
  "nexus.review.revise": { arg: { changeIds: ChangeId[]; feedback: string }; answer: { taskId: TaskId } };
  "nexus.review.commit": { arg: CommitParams; answer: CommitAnswer };
  "nexus.review.branch": {
    arg: ({ changeIds: ChangeId[] } | { runId: RunId }) & { name: string; message?: string; notes?: boolean };
    answer: CommitAnswer;
  };
  "nexus.review.why": { arg: { uri: DocumentUri; line: number }; answer: { changes: LineStory[] } };
  "nexus.review.preview": {
    arg: { changeIds?: ChangeId[]; uri?: DocumentUri; runId?: RunId };
    answer: { files: ProposedFile[]; left: { id: ChangeId; why: string }[] };
  };
  "nexus.message.send": { arg: { runId: RunId; to: string; text: string }; answer: { messageId: string } };
  "nexus.memory.search": { arg: { query: string; agentId?: AgentId; limit?: number }; answer: { items: MemoryItem[] } };
  "nexus.memory.export": { arg: Record<string, never>; answer: { items: MemoryItem[] } };
  "nexus.memory.forget": { arg: { ids?: string[]; agentId?: AgentId; everything?: boolean }; answer: { forgotten: number } };
  "nexus.answer": { arg: { askId: AskId; answer: string }; answer: { status: string } };
}

export type CommandName = keyof Commands;

// --- events: `nexus/event`, one for every journalled fact ------------------------------------------------

interface TaskRef {
  taskId: TaskId;
  agentId: AgentId;
}

type ProposedChange = Pick<Change, "id" | "uri" | "kind" | "before" | "after" | "why"> & { taskIds: TaskId[]; agentIds: AgentId[] };

interface Spent {
  usd: number;
  maxUsd: number;
  scope: "run" | "task" | "agent";
  who: string;
  measure: "usd" | "tokens" | "seconds";
  used: number;
  limit: number;
}

/** A place where the work of two may not come together; lines are 0-based, `count` is 0 for an insertion. */
export interface Clash {
  uri: string;
  path: string;
  line: number;
  count: number;
  kind: "overlap" | "adjoining" | "symbol" | "contract";
  symbols: string[];
  sides: { runId: RunId; taskId: TaskId; agentId: AgentId; state: "at_work" | "waits" | "landed" | "proposed" | "accepted" }[];
  message: string;
}

/** The fields the extension reads; the server sends all of a fact's, see `docs/`. */
export interface EventFields {
  run_started: { request: string };
  snapshot_taken: object;
  head_moved: { head: string };
  head_taken: { head: string };
  run_paused: { reason: string };
  run_resumed: object;
  run_recovered: { stoppedAt: number };
  run_ready: { summary: string };
  run_completed: { accepted: number; rejected: number; outdated: number };
  run_failed: { reason: string };
  run_cancelled: object;
  plan_proposed: { plan: Plan; source: string; why: string };
  plan_approved: { plan: Plan };
  plan_rejected: { reason: string };
  replan_requested: { taskId: TaskId; reason: string; round: number };
  revision_proposed: { plan: Plan; replaced: TaskId[]; source: string; why: string };
  plan_revised: { plan: Plan; replaced: TaskId[]; source: string; why: string };
  plan_kept: { why: string };
  task_started: TaskRef & { instanceId: string; attempt: number };
  task_progress: TaskRef & { message: string; percent: number | null };
  agent_session: TaskRef;
  task_submitted: { taskId: TaskId; summary: string; seconds: number; usd: number };
  task_repair: { taskId: TaskId; cause: string; evidence: string };
  task_completed: TaskRef & { summary: string };
  task_failed: TaskRef & { reason: string };
  task_cancelled: TaskRef & { reason: string; tokens: number };
  gate_baseline: { gate: string };
  gate_passed: { gate: string; taskId: TaskId | null };
  gate_failed: { gate: string; taskId: TaskId | null; output: string };
  gate_not_measured: { gate: string; taskId: TaskId | null; why: string };
  gate_warning: { gate: string; places: { path: string; line: number; message: string }[] };
  conflict_forecast: { clashes: Clash[] };
  gate_quality: Omit<Quality, "measuredBy">;
  change_proposed: { change: ProposedChange };
  change_accepted: { changeId: ChangeId };
  change_rejected: { changeId: ChangeId };
  change_outdated: { changeId: ChangeId };
  change_reopened: { changeId: ChangeId };
  revision_asked: { taskId: TaskId; changeIds: ChangeId[]; feedback: string };
  changes_related: { relations: { changeId: ChangeId; dependsOn: ChangeId[]; traits: object }[] };
  changes_committed: { commit: string; branch: string; changeIds: ChangeId[] };
  file_moved: { oldPath: string; path: string };
  base_moved: object;
  ask_opened: Omit<Ask, "answer">;
  ask_answered: { askId: AskId; answer: string; by: "user" | "timeout" | "engine" };
  budget_warning: Spent;
  budget_spent: Spent;
  message_sent: { message: Message; recipients: string[] };
  message_delivered: { messageId: string; recipient: string };
  message_dead: { messageId: string; recipient: string; why: string };
  message_delayed: { why: string };
  agent_note: TaskRef & { text: string };
  agent_spent: TaskRef & { tokens: number };
  agent_unavailable: { backend: string; until: number; why: string };
  agent_available: { backend: string };
  memory_stored: { itemId: string; agentId: AgentId; kind: MemoryItem["kind"]; text: string; source: MemoryItem["source"] };
  memory_recalled: TaskRef & { items: { itemId: string; kind: MemoryItem["kind"]; text: string }[] };
  memory_forgotten: { itemIds: string[]; why: string };
  memory_unavailable: { why: string };
}

export type EventType = keyof EventFields;
export type NexusEvent = {
  [T in EventType]: { seq: number; at: number; runId: RunId; type: T } & EventFields[T];
}[EventType];
