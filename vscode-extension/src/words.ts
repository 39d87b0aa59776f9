/**
 * What the user reads, in the user's language: one `t` for the extension, for pure functions and for the
 * dashboard, which has no `vscode`. English text is the key; `l10n/bundle.l10n.<language>.json` holds the rest.
 */

/** From English to another language, as the editor gives it (`vscode.l10n.bundle`). */
export type Words = Readonly<Record<string, string>>;

let words: Words = {};

export function speak(bundle: Words | undefined): void {
  words = bundle ?? {};
}

/**
 * `{0}`, `{1}`… are the values; a text that is not in the bundle stays English.
 *
 * Constants may be made with it: `speak` is called before any other module of the extension is read.
 */
export function t(text: string, ...values: readonly unknown[]): string {
  return (words[text] ?? text).replace(/\{(\d+)\}/g, (hole, at: string) => (Number(at) < values.length ? String(values[Number(at)] ?? "") : hole));
}

/** The text for one, or the text for any other number; `{0}` is the number, further values follow it. */
export function counted(n: number, one: string, many: string, ...values: readonly unknown[]): string {
  return t(n === 1 ? one : many, n, ...values);
}
