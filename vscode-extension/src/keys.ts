/** API keys: kept in the editor's secret storage, handed to the server's environment and nowhere else. */
import * as vscode from "vscode";
import type { Ctx } from "./ctx";
import { t } from "./words";

export const OPENAI = { name: "OPENAI_API_KEY", label: "OpenAI", example: "sk-…" } as const;
export const ANTHROPIC = { name: "ANTHROPIC_API_KEY", label: "Anthropic", example: "sk-ant-…" } as const;
type Key = typeof OPENAI | typeof ANTHROPIC;

export async function keysEnvironment(secrets: vscode.SecretStorage): Promise<Record<string, string>> {
  const env: Record<string, string> = {};
  for (const { name } of [OPENAI, ANTHROPIC]) {
    const value = await secrets.get(name);
    if (value) env[name] = value;
  }
  return env;
}

export const setKey = (key: Key) => async (ctx: Ctx): Promise<void> => {
  const value = await vscode.window.showInputBox({
    title: t("NEXUS: {0} API key", key.label),
    prompt: t("Kept in the editor's secret storage, given only to the language server. Empty removes it."),
    placeHolder: key.example,
    password: true,
    ignoreFocusOut: true,
  });
  if (value === undefined) return;
  const { secrets } = ctx.extension;
  if (value.trim()) await secrets.store(key.name, value.trim());
  else await secrets.delete(key.name);
  await ctx.restart();
  vscode.window.setStatusBarMessage(value.trim() ? t("NEXUS: {0} API key stored", key.label) : t("NEXUS: {0} API key removed", key.label), 5000);
};

export async function chooseKey(ctx: Ctx): Promise<void> {
  const items = [
    { label: "Anthropic", description: t("Claude agents"), key: ANTHROPIC },
    { label: "OpenAI", description: t("plans by an OpenAI model"), key: OPENAI },
  ];
  const picked = await vscode.window.showQuickPick(items, { title: t("NEXUS: which API key?") });
  if (picked) await setKey(picked.key)(ctx);
}
