// Runs beside the extension in the real extension host: every test of `tests.cjs`, one after the other, into a file.
const { writeFile } = require("node:fs/promises");
const vscode = require("vscode");
const { scriptedModel } = require("./model.cjs");
const { tests } = require("./tests.cjs");

/** Shows that an error in the window would be seen. */
const PROBE = "This error is expected";
const PATIENCE_MS = 40_000;

exports.activate = (context) => {
  context.subscriptions.push(scriptedModel());
  // A chat can be used once the editor knows of a model.
  void vscode.lm.selectChatModels({ vendor: "scripted" });
  void all();
};

async function all() {
  void vscode.window.showErrorMessage(PROBE);
  const results = {};
  for (const [name, act] of tests) {
    const began = Date.now();
    const error = await within(PATIENCE_MS, act).then(() => undefined, (reason) => String(reason?.stack ?? reason));
    results[name] = { ok: error === undefined, seconds: (Date.now() - began) / 1000, ...(error === undefined ? {} : { error }) };
    await writeFile(process.env.NEXUS_HOST_REPORT, JSON.stringify({ done: Object.keys(results).length === tests.length, language: vscode.env.language, results }));
  }
}

function within(ms, act) {
  return Promise.race([
    Promise.resolve().then(act),
    new Promise((_, reject) => setTimeout(() => reject(new Error(`it took more than ${ms / 1000} s`)), ms)),
  ]);
}
