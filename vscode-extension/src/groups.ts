/** Changes as they are best looked at together, and how such a group and what is remembered read. */
import type { ChangeGroup, ChangeId, MemoryItem, Risk } from "./lspExt";
import { by, count, inOrder, isOpen, oneLine, type Placed, type Row } from "./view";
import { t } from "./words";

export interface Group {
  id: string;
  summary: string;
  /** Null for changes that the server puts into no group. */
  risk: Risk | null;
  riskWhy: string;
  changes: Placed[];
}

/** The server's groups in its order; what is in none of them by file, after them. */
export function grouped(changes: readonly Placed[], groups: readonly ChangeGroup[], path: (uri: string) => string): Group[] {
  const byId = new Map<ChangeId, Placed>(changes.map((change) => [change.id, change]));
  const found: Group[] = [];
  for (const { id, summary, risk, riskWhy, changeIds } of groups) {
    const own = changeIds.flatMap((change) => byId.get(change) ?? []).sort(inOrder);
    for (const change of own) byId.delete(change.id);
    if (own.length) found.push({ id, summary, risk, riskWhy, changes: own });
  }
  const files = by([...byId.values()].filter((change) => change.status !== "outdated" || change.conflict), ({ uri }) => uri);
  for (const [uri, own] of files) found.push({ id: uri, summary: path(uri), risk: null, riskWhy: "", changes: own.sort(inOrder) });
  const waits = (group: Group): number => (group.changes.some(isOpen) ? 0 : 1);
  return found.sort((a, b) => waits(a) - waits(b));
}

/** More rows than this nobody reads one by one. */
const MANY = 30;

/** Where very many groups wait: those that are about one file, and as risky, stand together as that file. */
export function gathered(groups: readonly Group[], path: (uri: string) => string): Group[] {
  if (groups.length <= MANY) return [...groups];
  const place = ({ id, risk, changes }: Group): string => {
    const files = new Set(changes.map(({ uri }) => uri));
    return files.size === 1 ? `${risk ?? ""}:${[...files][0]}:${changes.some(isOpen)}` : id;
  };
  return [...by(groups, place)].map(([id, [first, ...more]]) => {
    if (!first || !more.length) return first as Group;
    const changes = [first, ...more].flatMap((group) => group.changes).sort(inOrder);
    return { ...first, id, summary: path(changes[0]?.uri ?? ""), changes };
  });
}

/** So many that rows are shown folded; what is decided counts, so that nothing unfolds by itself on the way. */
export const isMuch = (groups: readonly Group[]): boolean => groups.length > MANY || groups.flatMap((group) => group.changes).length > 4 * MANY;

export const isPending = ({ status }: Placed): boolean => status === "pending";

const RISK_WORD: Record<Risk, string> = {
  public_api: t("public interface"),
  security: t("security"),
  concurrency: t("concurrency"),
  tests_weakened: t("weaker tests"),
  configuration: t("configuration"),
  file_deleted: t("file deleted"),
  code: t("code"),
  tests: t("tests"),
  docs: t("documentation"),
  format: t("formatting"),
};
/** What deserves a warning's colour. */
const RISKY: ReadonlySet<Risk> = new Set(["public_api", "security", "concurrency", "tests_weakened", "configuration", "file_deleted"]);

export function groupRow({ summary, risk, riskWhy, changes }: Group): Row & { open: boolean } {
  const pending = changes.filter(isPending).length;
  const [accepted, rejected] = (["accepted", "rejected"] as const).map((status) => changes.filter((change) => change.status === status).length);
  const conflicts = changes.filter((change) => change.conflict).length;
  const parts = [conflicts && count(conflicts, "conflict"), pending && t("{0} to review", pending), accepted && t("{0} accepted", accepted), rejected && t("{0} rejected", rejected)].filter(Boolean);
  const risky = risk !== null && RISKY.has(risk);
  const word = risk ? RISK_WORD[risk] : "";
  return {
    // The rest of what it does stands in the rows below, and in the tooltip.
    label: oneLine(summary).split("; ")[0] ?? "",
    description: [...parts, risk !== "code" && word].filter(Boolean).join(" · "),
    tooltip: [summary, word && `${word}${riskWhy ? `: ${riskWhy}` : ""}`, parts.join(", ")].filter(Boolean).join("\n"),
    icon: risky || conflicts ? "warning" : pending ? "files" : "pass",
    ...(risky || conflicts ? { color: "charts.yellow" } : pending ? {} : { color: "testing.iconPassed" }),
    context: pending ? "group pending" : "group",
    open: pending + conflicts > 0,
  };
}

const KIND_ICON: Record<MemoryItem["kind"], string> = { interaction: "comment-discussion", lesson: "mortar-board", decision: "law", note: "note" };
const SOURCE_WORD: Record<MemoryItem["source"], string> = { user: t("from you"), gate: t("from a gate"), server: t("measured by NEXUS"), agent: t("an agent's word") };

export function memoryRow(item: MemoryItem, agentName: string, when: string): Row {
  return {
    label: oneLine(item.text),
    description: [item.kind, agentName, when].filter(Boolean).join(" · "),
    tooltip: [item.text, "", ...memoryDetails(item)].join("\n"),
    icon: KIND_ICON[item.kind],
    context: "memory",
  };
}

/** Where it comes from, what it is about, and why it was found. */
export function memoryDetails(item: MemoryItem): string[] {
  const about = item.paths.length ? [t("about {0}", item.paths.join(", "))] : [];
  return [...item.text.split("\n").filter((line) => line.trim()).slice(1), SOURCE_WORD[item.source], ...about, ...(item.why ?? [])];
}

export const found = (n: number, query: string): string => t("{0} remembered about “{1}”", n ? count(n, "thing") : t("Nothing"), oneLine(query));
