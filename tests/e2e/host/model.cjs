// A chat model that says one sentence: where a chat is to be used, the editor asks for a model first.
const vscode = require("vscode");

exports.scriptedModel = () => {
  const model = { id: "scripted", name: "Scripted", family: "scripted", version: "1", maxInputTokens: 8000, maxOutputTokens: 1000, capabilities: { toolCalling: true } };
  return vscode.lm.registerLanguageModelChatProvider("scripted", {
    provideLanguageModelChatInformation: () => [model],
    provideLanguageModelChatResponse: async (_model, _messages, _options, progress) => progress.report(new vscode.LanguageModelTextPart("I am a script.")),
    provideTokenCount: async (_model, text) => String(text).length >> 2,
  });
};
