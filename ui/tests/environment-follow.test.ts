import assert from "node:assert/strict";
import { test } from "node:test";

import { Follower } from "../environment/follow.js";
import type { Answer, Errand } from "../environment/status.js";

const STATUS: Answer["status"] = {
  condition: "ready",
  kind: "layered",
  prefix: "/scratch/alice/.conda/envs/notebook",
  python: "3.11.2",
  base: "2026.11",
  newest_base: "2026.11",
  packages: [],
  problems: [],
};

function answer(errand: Partial<Errand> | null): Answer {
  const whole = { action: "repair", step: "", done: 0.5, finished: false, error: null } as const;
  return { status: STATUS, errand: errand === null ? null : { ...whole, ...errand } };
}

/** A follower whose time and answers are in the test's hands. */
class Bench {
  readonly delays: number[] = [];
  readonly heard: string[] = [];
  planned: (() => void) | null = null;
  answers: (() => Promise<Answer>)[] = [];
  readonly follower = new Follower(
    () => (this.answers.shift() ?? (() => Promise.reject(new Error("asked too often"))))(),
    {
      told: ({ errand }) => this.heard.push(errand === null ? "idle" : errand.finished ? "finished" : "working"),
      failed: (_error, again) => this.heard.push(again ? "failed, asking again" : "failed"),
    },
    (milliseconds, then) => {
      this.delays.push(milliseconds);
      this.planned = then;
      return () => {
        this.planned = null;
      };
    },
  );

  will(...answers: (Answer | Error)[]): void {
    this.answers = answers.map((each) => () => each instanceof Error ? Promise.reject(each) : Promise.resolve(each));
  }

  async pass(): Promise<void> {
    const then = this.planned;
    this.planned = null;
    then?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("an idle environment is read once; one that is being worked on, until the work has ended", async () => {
  const bench = new Bench();
  bench.will(answer(null));
  assert.equal(await bench.follower.look(), true);
  assert.equal(bench.planned, null);
  bench.will(answer({}), answer({}), answer({ finished: true }));
  await bench.follower.look();
  await bench.pass();
  await bench.pass();
  assert.deepEqual(bench.heard, ["idle", "working", "working", "finished"]);
  assert.deepEqual(bench.delays, [500, 500]);
  assert.equal(bench.planned, null);
});

test("while work goes on, silence is asked through, ever slower, and the pace comes back", async () => {
  const bench = new Bench();
  const silence = new TypeError("Failed to fetch");
  bench.will(answer({}), silence, silence, silence, silence, silence, answer({}));
  await bench.follower.look();
  for (let turn = 0; turn < 6; turn++) {
    await bench.pass();
  }
  assert.deepEqual(bench.delays, [500, 1000, 2000, 4000, 8000, 8000, 500]);
  assert.equal(bench.heard[1], "failed, asking again");
});

test("a failure without work under way is told and left to the reader", async () => {
  const bench = new Bench();
  bench.will(new TypeError("Failed to fetch"));
  assert.equal(await bench.follower.look(), false);
  assert.deepEqual(bench.heard, ["failed"]);
  assert.equal(bench.planned, null);
});

test("an answer from before an errand was started says nothing any more", async () => {
  const bench = new Bench();
  let late: (answer: Answer) => void = () => undefined;
  bench.answers = [() => new Promise((resolve) => (late = resolve)), () => Promise.resolve(answer({}))];
  const first = bench.follower.look();
  bench.follower.follow();
  late(answer(null));
  assert.equal(await first, false);
  assert.deepEqual(bench.heard, []);
  await bench.pass();
  assert.deepEqual(bench.heard, ["working"]);
});

test("once stopped, it asks and tells nothing", async () => {
  const bench = new Bench();
  bench.will(answer({}), answer({}));
  await bench.follower.look();
  bench.follower.stop();
  assert.equal(bench.planned, null);
  assert.deepEqual(bench.heard, ["working"]);
});
