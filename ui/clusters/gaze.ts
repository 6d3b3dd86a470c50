/** Whether somebody looks at a panel: its widget is shown and the page is visible. The clock of the panel's polls. */

import { browserClock, type Clock } from "../hub/poll.js";

export class Gaze implements Clock {
  private readonly listeners: (() => void)[] = [];
  private shown = false;
  private readonly tell = (): void => {
    for (const listener of this.listeners) {
      listener();
    }
  };

  constructor() {
    document.addEventListener("visibilitychange", this.tell);
  }

  visible(): boolean {
    return this.shown && browserClock.visible();
  }

  wait(milliseconds: number, then: () => void): () => void {
    return browserClock.wait(milliseconds, then);
  }

  onVisible(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** The widget is shown or hidden. */
  turn(shown: boolean): void {
    if (shown !== this.shown) {
      this.shown = shown;
      this.tell();
    }
  }

  dispose(): void {
    this.turn(false);
    document.removeEventListener("visibilitychange", this.tell);
  }
}
