/** When a server that ended by itself is started again: at once, then ever later, and not for ever. */

const FIRST_MS = 250;
const MOST_MS = 60_000;
const TRIES = 8;
/** One that ran this long was well: counting begins anew. */
const WELL_MS = 180_000;

export class Backoff {
  private tries = 0;
  private startedAt = 0;

  started(now: number): void {
    this.startedAt = now;
  }

  /** Milliseconds to wait; undefined where it ended too often. */
  ended(now: number): number | undefined {
    if (now - this.startedAt >= WELL_MS) this.tries = 0;
    if (this.tries >= TRIES) return undefined;
    const wait = Math.min(MOST_MS, FIRST_MS * 3 ** this.tries);
    this.tries += 1;
    return wait;
  }

  /** The user wants it again. */
  reset(): void {
    this.tries = 0;
  }
}
