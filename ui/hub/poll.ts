/** Ask again and again while the page is visible, slower after each failure. */

export interface Clock {
  visible(): boolean;
  onVisible(listener: () => void): void;
  wait(milliseconds: number, then: () => void): () => void;
}

export const browserClock: Clock = {
  visible: () => document.visibilityState === "visible",
  onVisible: (listener) => {
    document.addEventListener("visibilitychange", listener);
  },
  wait: (milliseconds, then) => {
    const timer = setTimeout(then, milliseconds);
    return () => {
      clearTimeout(timer);
    };
  },
};

/**
 * Runs `ask` every `interval` ms while the page is seen; `ask` resolves to false when the answer was a failure.
 * An interval that changes is a function, called after each answer.
 */
export class Poll {
  private failures = 0;
  private asking = false;
  private cancel: (() => void) | null = null;

  constructor(
    private readonly ask: () => Promise<boolean>,
    private readonly interval: number | (() => number),
    private readonly clock: Clock = browserClock,
  ) {
    clock.onVisible(() => {
      if (clock.visible()) {
        void this.now();
      } else {
        this.cancel?.();
      }
    });
  }

  /** Wait one interval, then ask. */
  start(): void {
    this.plan();
  }

  /** Ask at once; while an answer is on its way, nothing new is asked. */
  async now(): Promise<void> {
    if (this.asking) {
      return;
    }
    this.asking = true;
    this.cancel?.();
    try {
      this.failures = (await this.ask()) ? 0 : this.failures + 1;
    } finally {
      this.asking = false;
      this.plan();
    }
  }

  private plan(): void {
    this.cancel?.();
    if (this.clock.visible()) {
      const interval = typeof this.interval === "number" ? this.interval : this.interval();
      const delay = Math.min(interval * 2 ** this.failures, 60_000);
      this.cancel = this.clock.wait(delay, () => void this.now());
    }
  }
}
