import { expect, it } from "vitest";
import { Backoff } from "./backoff";

/** Waits of a server that ends each time after so many seconds. */
function waits(...lives: number[]): (number | undefined)[] {
  const backoff = new Backoff();
  let now = 0;
  return lives.map((seconds) => {
    backoff.started(now);
    now += seconds * 1000;
    return backoff.ended(now);
  });
}

it.each([
  ["one that ends at once is started ever later, and in the end no more", Array(9).fill(1), [250, 750, 2250, 6750, 20_250, 60_000, 60_000, 60_000, undefined]],
  ["one that ran well in between is started at once again", [1, 1, 1, 600, 1], [250, 750, 2250, 250, 750]],
])("%s", (_, lives, expected) => expect(waits(...(lives as number[]))).toEqual(expected));
