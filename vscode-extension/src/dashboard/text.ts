/** Words and figures as the dashboard writes them. */
import type { RunStatus, TaskStatus, TaskType } from "../lspExt";
import { t } from "../words";

export const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim();

export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return t("{0} s", whole);
  if (whole < 3600) return whole % 60 ? t("{0} min {1} s", Math.floor(whole / 60), whole % 60) : t("{0} min", whole / 60);
  return t("{0} h {1} min", Math.floor(whole / 3600), Math.floor((whole % 3600) / 60));
}

/** A time since the start, as short as a tick of a scale: `0:30`, `1:05:00`. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (n: number): string => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export function dollars(usd: number): string {
  if (usd === 0) return "$0";
  return usd < 0.01 ? "<$0.01" : `$${usd.toFixed(2)}`;
}

export function tokens(n: number): string {
  if (n < 1000) return t("{0} tokens", n);
  return n < 1_000_000 ? t("{0} k tokens", Math.round(n / 100) / 10) : t("{0} M tokens", Math.round(n / 10_000) / 100);
}

export function runWord(status: RunStatus): string {
  switch (status) {
    case "pending":
      return t("planning");
    case "awaiting_approval":
      return t("plan waits for you");
    case "in_progress":
      return t("at work");
    case "paused":
      return t("paused");
    case "ready":
      return t("ready for review");
    case "completed":
      return t("completed");
    case "failed":
      return t("failed");
    case "cancelled":
      return t("cancelled");
  }
}

export function taskWord(status: TaskStatus): string {
  switch (status) {
    case "pending":
      return t("waiting");
    case "in_progress":
      return t("at work");
    case "completed":
      return t("done");
    case "failed":
      return t("failed");
    case "cancelled":
      return t("cancelled");
  }
}

export function typeWord(type: TaskType): string {
  switch (type) {
    case "analysis":
      return t("analysis");
    case "implementation":
      return t("implementation");
    case "test":
      return t("tests");
    case "validation":
      return t("validation");
  }
}

/** A shape for each status, so that colour is never the only sign. */
export const GLYPH: Record<TaskStatus, string> = { pending: "○", in_progress: "◐", completed: "✓", failed: "✕", cancelled: "⊘" };
