/** Reads the environment's state when asked, and on and on while an errand is under way. */

import { type Answer, isUnderWay } from "./status.js";

/** Calls `then` after some milliseconds, unless the function that it returns is called before. */
export type Wait = (milliseconds: number, then: () => void) => () => void;

export interface Listener {
  told(answer: Answer): void;
  /** Nothing could be read; `again` says whether it is asked again by itself. */
  failed(error: unknown, again: boolean): void;
}

const EVERY_MS = 500;
const SLOWEST_MS = 8000;

const browserWait: Wait = (milliseconds, then) => {
  const timer = setTimeout(then, milliseconds);
  return () => {
    clearTimeout(timer);
  };
};

export class Follower {
  /** Rises with each question, so that an answer which has been overtaken is recognised. */
  private turn = 0;
  private failures = 0;
  private working = false;
  private cancel: () => void = () => undefined;

  constructor(
    private readonly read: () => Promise<Answer>,
    private readonly listener: Listener,
    private readonly wait: Wait = browserWait,
  ) {}

  /** Read now. Resolves to whether the answer came and is still of interest. */
  async look(): Promise<boolean> {
    const turn = this.supersede();
    try {
      const answer = await this.read();
      if (turn !== this.turn) {
        return false;
      }
      this.failures = 0;
      this.working = isUnderWay(answer.errand);
      this.listener.told(answer);
      return true;
    } catch (error) {
      if (turn === this.turn) {
        this.failures += 1;
        this.listener.failed(error, this.working);
      }
      return false;
    } finally {
      if (turn === this.turn && this.working) {
        this.plan();
      }
    }
  }

  /** An errand has begun: what is being read is out of date, and there is something to follow. */
  follow(): void {
    this.supersede();
    this.working = true;
    this.failures = 0;
    this.plan();
  }

  stop(): void {
    this.supersede();
    this.working = false;
  }

  private supersede(): number {
    this.cancel();
    this.turn += 1;
    return this.turn;
  }

  private plan(): void {
    const delay = Math.min(EVERY_MS * 2 ** this.failures, SLOWEST_MS);
    this.cancel = this.wait(delay, () => void this.look());
  }
}
