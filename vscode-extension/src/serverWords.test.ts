import { afterEach, expect, it } from "vitest";
import { serverText } from "./serverWords";
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
