import { afterEach, expect, it } from "vitest";
import { askText, progressText, serverText } from "./serverWords";
import { speak } from "./words";

afterEach(() => speak(undefined));

it.each([
  ["✓ Accept — Code: Accept 3 forms", "✓ Annehmen — Code: Accept 3 forms"],
  ["✗ Reject", "✗ Ablehnen"],
  ["Accept with the 2 changes it needs “Code: adds f()”", "Annehmen mit den 2 nötigen “Code: adds f()”"],
  ["Ask Code to do it in another way…", "Code um einen anderen Weg bitten…"],
  ["something new", "something new"],
])("%s", (english, german) => {
  expect(serverText(english)).toBe(english);
  speak({
    Accept: "Annehmen", Reject: "Ablehnen", "Accept with the {0} changes it needs": "Annehmen mit den {0} nötigen",
    "Ask {0} to do it in another way…": "{0} um einen anderen Weg bitten…",
  });
  expect(serverText(english)).toBe(german);
});

it.each([
  ["Allow once", "Einmal erlauben"],
  ["May I run `pip install x`?", "Darf ich `pip install x` ausführen?"],
  ["Get it. `pip install` brings in code from the network; `curl` reaches the network. “Allow for this run” covers every `pip install` and `curl`.", "Get it. `pip install` holt Code aus dem Netz; `curl` greift auf das Netz zu. „Für diesen Auftrag“ gilt für jedes `pip install` and `curl`."],
  ["Keep the name?", "Keep the name?"],
])("%s", (english, german) => {
  expect(askText(english)).toBe(english);
  speak({
    "Allow once": "Einmal erlauben", "May I run `{0}`?": "Darf ich `{0}` ausführen?", "{0} reaches the network": "{0} greift auf das Netz zu",
    "{0} brings in code from the network": "{0} holt Code aus dem Netz", "“Allow for this run” covers every {0}.": "„Für diesen Auftrag“ gilt für jedes {0}.",
  });
  expect(askText(english)).toBe(german);
});

it.each([
  ["Code: runs pytest (0 of 2 tasks)", "Code: runs pytest (0 von 2 Aufgaben)"],
  ["Code asks you: May I run `ls`? (1 of 2 tasks)", "Code fragt dich: Darf ich `ls` ausführen? (1 von 2 Aufgaben)"],
  ["Code goes on", "Code macht weiter"],
  ["team: local (no key)", "team: local (no key)"],
])("%s", (english, german) => {
  expect(progressText(english)).toBe(english);
  speak({ "{0} of {1} tasks": "{0} von {1} Aufgaben", "{0} asks you: {1}": "{0} fragt dich: {1}", "May I run `{0}`?": "Darf ich `{0}` ausführen?", "{0} goes on": "{0} macht weiter" });
  expect(progressText(english)).toBe(german);
});
