/** Read first of all modules: from here on `t` speaks the language of the editor. */
import * as vscode from "vscode";
import { speak } from "./words";

speak(vscode.l10n.bundle);
