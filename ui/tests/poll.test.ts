import assert from "node:assert/strict";
import { test } from "node:test";

import { type Clock, Poll } from "../hub/poll.js";

class HandClock implements Clock {
  seen = true;
  delays: number[] = [];
  private planned: (() => void) | null = null;
  private listener: () => void = () => undefined;

  visible(): boolean {
    return this.seen;
  }

  onVisible(listener: () => void): void {
    this.listener = listener;
  }

  wait(milliseconds: number, then: () => void): () => void {
    this.delays.push(milliseconds);
    this.planned = then;
    return () => {
      this.planned = null;
    };
  }

  get waiting(): boolean {
    return this.planned !== null;
  }

  show(seen: boolean): void {
    this.seen = seen;
    this.listener();
  }

  async pass(): Promise<void> {
    this.planned?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("asks at the interval, slower after failures, at most once a minute, and recovers", async () => {
  const clock = new HandClock();
  const answers = [true, false, false, false, false, false, false, true];
  const poll = new Poll(() => Promise.resolve(answers.shift() ?? true), 5000, clock);
  poll.start();
  for (let turn = 0; turn < 8; turn++) {
    await clock.pass();
  }
  assert.deepEqual(clock.delays, [5000, 5000, 10000, 20000, 40000, 60000, 60000, 60000, 5000]);
});

test("a hidden page asks nothing, and asks at once when it is seen again", async () => {
  const clock = new HandClock();
  let asked = 0;
  const poll = new Poll(() => Promise.resolve(++asked > 0), 5000, clock);
  poll.start();
  clock.show(false);
  assert.equal(clock.waiting, false);
  await clock.pass();
  assert.equal(asked, 0);
  clock.show(true);
  await clock.pass();
  assert.equal(asked, 1);
  assert.equal(clock.waiting, true);
});

test("while one answer is on its way, Refresh asks nothing more", async () => {
  const clock = new HandClock();
  let asked = 0;
  let answer: (good: boolean) => void = () => undefined;
  const poll = new Poll(
    () => {
      asked += 1;
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
    5000,
    clock,
  );
  const first = poll.now();
  await poll.now();
  answer(true);
  await first;
  assert.equal(asked, 1);
});

test("an interval that changes is looked up after each answer", async () => {
  const clock = new HandClock();
  const intervals = [1000, 5000];
  const poll = new Poll(
    () => Promise.resolve(true),
    () => intervals.shift() ?? 0,
    clock,
  );
  await poll.now();
  await clock.pass();
  assert.deepEqual(clock.delays, [1000, 5000]);
});
