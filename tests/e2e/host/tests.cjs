// What the extension does for the editor, asked through the editor's own API. Each test's name is a row in pytest.
const assert = require("node:assert/strict");
const vscode = require("vscode");

exports.tests = [];
const test = (name, act) => exports.tests.push([name, act]);

const nexus = () => vscode.extensions.getExtension("nexus.nexus-lsp");
const run = (command, ...args) => vscode.commands.executeCommand(command, ...args);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const file = (name) => vscode.Uri.joinPath(vscode.workspace.workspaceFolders[0].uri, name);
const REQUEST = "Fix the lint problems";

/** What `read` gives once `holds` of it; the value that was seen last is in the error. */
async function until(read, holds, patience = 30_000) {
  const end = Date.now() + patience;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    if (Date.now() > end) throw new Error(`not after ${patience / 1000} s; seen last: ${JSON.stringify(value, undefined, 1)?.slice(0, 2000)}`);
    await pause(50);
  }
}

const marks = (name) => vscode.languages.getDiagnostics(file(name)).filter(({ source }) => source === "nexus");
const waiting = (name, count) => until(() => marks(name), (found) => found.length === count);
const changes = async (status) => (await run("nexus.review.list", {})).changes.filter((change) => change.status === status);

// --- what is there -----------------------------------------------------------------------------------------

test("it is active, and tells other extensions nothing", async () => {
  assert.equal(await nexus().activate(), undefined);
  await until(() => run("nexus.runs", {}).then((answer) => Array.isArray(answer?.runs), String), (answer) => answer === true);
});

test("every command of package.json is registered, and none that is in no table", async () => {
  const own = nexus().packageJSON.contributes.commands.map(({ command }) => command);
  const all = (await vscode.commands.getCommands(true)).filter((name) => name.startsWith("nexus."));
  assert.deepEqual(own.filter((name) => !all.includes(name)), [], "in package.json, but not registered");
  // The editor's own for views, the server's (by the language client), and three that only rows and lenses call.
  const known = new Set([...own, ...JSON.parse(process.env.NEXUS_SERVER_COMMANDS), "nexus.openChange", "nexus.plan.edit", "nexus.commitChoice"]);
  assert.deepEqual(all.filter((name) => !known.has(name) && !/^nexus\.\w+View\.|^nexus\.\w+\.(open|focus|removeView|resetViewLocation|toggleVisibility)$/.test(name)), [], "registered, but in no table");
});

test("every view can be shown", async () => {
  for (const { id } of nexus().packageJSON.contributes.views.nexus) await run(`${id}.focus`);
});

test("what commands may be run and where messages go is no workspace's to set", async () => {
  const settings = vscode.workspace.getConfiguration("nexus");
  for (const name of ["server.command", "server.python", "redisUrl", "permissions"]) {
    await assert.rejects(Promise.resolve(settings.update(name, ["touch"], vscode.ConfigurationTarget.Workspace)), /workspace/i, `nexus.${name} was written`);
  }
  await settings.update("maxAgents", 3, vscode.ConfigurationTarget.Workspace);
  assert.equal(vscode.workspace.getConfiguration("nexus").get("maxAgents"), 3);
  await settings.update("maxAgents", undefined, vscode.ConfigurationTarget.Workspace);
});

test("it speaks the editor's language", () => {
  const { title } = nexus().packageJSON.contributes.commands.find(({ command }) => command === "nexus.delegateToTeam");
  assert.equal(title?.value ?? title, vscode.env.language === "de" ? "Das Team beauftragen…" : "Delegate to Team…");
});

// --- a run and its review ----------------------------------------------------------------------------------

let runId;

test("a run ends with two changes, each a diagnostic with its id as code", async () => {
  await vscode.window.showTextDocument(file("receipt.py"));
  runId = await run("nexus.delegateToTeam", { request: REQUEST, team: "local" });
  const found = await waiting("receipt.py", 2);
  const ids = (await changes("pending")).map(({ id }) => id).sort();
  assert.deepEqual(found.map(({ code }) => code?.value ?? code).sort(), ids);
  assert.deepEqual([...new Set(found.map(({ severity }) => severity))], [vscode.DiagnosticSeverity.Information]);
});

test("the light bulb offers to accept, to reject and to revise, and to accept all", async () => {
  const [{ range }] = marks("receipt.py");
  const kinds = (await run("vscode.executeCodeActionProvider", file("receipt.py"), range)).map(({ kind }) => kind?.value);
  for (const kind of ["quickfix.nexus.accept", "quickfix.nexus.reject", "quickfix.nexus.revise"]) assert.ok(kinds.includes(kind), `${kind} is not among ${kinds}`);
  const source = (await run("vscode.executeCodeActionProvider", file("receipt.py"), range, "source.nexus")).map(({ kind }) => kind?.value);
  for (const kind of ["source.nexus.acceptFile", "source.nexus.acceptRun"]) assert.ok(source.includes(kind), `${kind} is not among ${source}`);
});

test("another tool's problem can be given to the team, one of its own cannot", async () => {
  const others = vscode.languages.createDiagnosticCollection("spelling");
  const line = new vscode.Range(0, 0, 0, 5);
  others.set(file("calculator.py"), [new vscode.Diagnostic(line, "Sums is misspelt")]);
  const titles = async (name, range) => (await run("vscode.executeCodeActionProvider", file(name), range)).map(({ title }) => title);
  await vscode.workspace.openTextDocument(file("calculator.py"));
  const theirs = await titles("calculator.py", line);
  others.dispose();
  assert.ok(theirs.some((title) => /NEXUS/.test(title)), `seen: ${theirs}`);
  const own = await titles("receipt.py", marks("receipt.py")[0].range);
  assert.ok(!own.some((title) => /Fix.*with NEXUS|von NEXUS beheben/.test(title)), `seen: ${own}`);
});

test("lenses stand over each change, a hover tells of it", async () => {
  const lenses = await run("vscode.executeCodeLensProvider", file("receipt.py"), 20);
  const titles = lenses.map(({ command }) => command?.title ?? "");
  assert.equal(titles.filter((title) => title.includes("Accept")).length, 2, `seen: ${titles}`);
  const hovers = await run("vscode.executeHoverProvider", file("receipt.py"), marks("receipt.py")[0].range.start);
  const text = hovers.flatMap(({ contents }) => contents).map((part) => part.value ?? part).join("\n");
  assert.match(text, /Code/);
});

test("the preview of a change is the file as it would be", async () => {
  const change = (await changes("pending")).find(({ before }) => before.includes("import os"));
  const preview = await vscode.workspace.openTextDocument(file("receipt.py").with({ scheme: "nexus-preview", query: change.id }));
  assert.ok(!preview.getText().includes("import os") && preview.getText().includes('f"Receipt"'), preview.getText());
});

test("a transcript is a text, and tells what the agent did", async () => {
  await run("nexus.showTranscript", runId);
  await run("workbench.action.acceptSelectedQuickOpenItem");
  const shown = await until(() => vscode.window.activeTextEditor?.document.uri.scheme, (scheme) => scheme === "nexus-transcript").catch(async () => {
    throw new Error(`seen: ${vscode.window.activeTextEditor?.document.uri}`);
  });
  assert.equal(shown, "nexus-transcript");
  assert.match(vscode.window.activeTextEditor.document.getText(), /Code/);
});

test("next and previous change walk, and go round", async () => {
  await vscode.window.showTextDocument(file("receipt.py"), { selection: new vscode.Range(0, 0, 0, 0) });
  const line = () => vscode.window.activeTextEditor.selection.active.line;
  const seen = [];
  for (const command of ["nexus.nextChange", "nexus.nextChange", "nexus.nextChange", "nexus.previousChange"]) {
    await run(command);
    seen.push(line());
  }
  assert.deepEqual(seen, [2, 6, 2, 6]);
});

test("a change is accepted where the cursor is, in the text and on disk, and the editor's undo takes it back", async () => {
  await vscode.window.showTextDocument(file("receipt.py"), { selection: new vscode.Range(6, 0, 6, 0) });
  await run("nexus.acceptChange");
  await waiting("receipt.py", 1);
  const { document } = vscode.window.activeTextEditor;
  assert.ok(document.getText().includes('return "Receipt"'), document.getText());
  await until(() => document.isDirty, (dirty) => !dirty);
  await run("undo");
  await waiting("receipt.py", 2);
  assert.deepEqual((await changes("accepted")).length, 0);
});

test("a rejected change is taken up again by Undo Decision", async () => {
  const [change] = await changes("pending");
  await run("nexus.rejectChange", change.id);
  await waiting("receipt.py", 1);
  await run("nexus.undoDecision", change.id);
  await waiting("receipt.py", 2);
});

test("what is typed above moves the changes, and is not touched by an accept", async () => {
  const editor = await vscode.window.showTextDocument(file("receipt.py"));
  await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), "# mine\n"));
  await until(() => marks("receipt.py").map(({ range }) => range.start.line), (lines) => lines.includes(7));
  await run("nexus.acceptFile");
  await waiting("receipt.py", 0);
  assert.equal(editor.document.getText().split("\n")[0], "# mine");
  assert.equal(editor.document.isDirty, true, "a file with the user's own typing is theirs to save");
});

test("the log says which server runs, and why", async () => {
  await run("nexus.showLog");
  const log = () => vscode.workspace.textDocuments.find(({ uri }) => uri.scheme === "output" && /NEXUS/i.test(uri.path));
  // Where this VS Code could not build what it writes logs with, the text stays empty.
  if (process.env.NEXUS_LOGS !== "1") return;
  await until(() => log()?.getText() ?? "", (text) => /Server: .*nexus_lsp.*\(setting nexus\.server\.command\)/.test(text));
});

// --- a chat ------------------------------------------------------------------------------------------------

test("the tool is there for a chat's model, with what it takes", () => {
  const tool = vscode.lm.tools.find(({ name }) => name === "nexus_delegate");
  assert.deepEqual(Object.keys(tool?.inputSchema?.properties ?? {}), ["request", "files"]);
});

test("the tool delegates and answers with what waits", async () => {
  const answer = await vscode.lm.invokeTool("nexus_delegate", { input: { request: REQUEST, files: ["calculator.py"] }, toolInvocationToken: undefined });
  const text = answer.content.map(({ value }) => value).join("");
  assert.match(text, /\*\*/, text);
});

test("cancelling the tool's call cancels its run", async () => {
  const source = new vscode.CancellationTokenSource();
  const before = (await run("nexus.runs", {})).runs.length;
  const answer = vscode.lm.invokeTool("nexus_delegate", { input: { request: "Write tests for what is untested" }, toolInvocationToken: undefined }, source.token).then(() => "answered", (error) => String(error));
  await until(() => run("nexus.runs", {}).then(({ runs }) => runs.length), (count) => count > before);
  source.cancel();
  await answer;
  const newest = await until(() => run("nexus.runs", {}).then(({ runs }) => runs.toSorted((a, b) => b.startedAt - a.startedAt)[0].status), (status) => ["cancelled", "ready", "completed"].includes(status));
  assert.equal(newest, "cancelled");
});

// --- last: commands without an argument --------------------------------------------------------------------

/** They open another window, or install something. */
const LEAVE = new Set(["nexus.openSample", "nexus.installServer"]);

test("every command may be called without arguments", async () => {
  const own = nexus().packageJSON.contributes.commands.map(({ command }) => command).filter((name) => !LEAVE.has(name));
  for (const name of own) {
    const called = run(name).then(() => undefined, (error) => assert.fail(`${name}: ${error}`));
    // Those that ask something wait for an answer; closing what they ask is one.
    await Promise.race([called, pause(250)]);
    await run("workbench.action.closeQuickOpen");
    await Promise.race([called, pause(2000)]);
  }
});
