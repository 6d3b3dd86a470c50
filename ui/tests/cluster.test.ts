import assert from "node:assert/strict";
import { test } from "node:test";

import { hasRoom, knownQueues, type Queue, timeProblem } from "../hub/cluster.js";
import { QUEUE as CHARGED } from "./queue.js";

const QUEUE: Queue = { ...CHARGED, idle: 1, max_time_s: 7200 };

test("a whole-node queue has room while a node is idle", () => {
  assert.equal(hasRoom(QUEUE), true);
  assert.equal(hasRoom({ ...QUEUE, idle: 0 }), false);
});

test("a shared queue has room while a notebook place is free, idle nodes or not", () => {
  assert.equal(hasRoom({ ...QUEUE, idle: 0, places: { free: 3, total: 50 } }), true);
  assert.equal(hasRoom({ ...QUEUE, places: { free: 0, total: 50 } }), false);
});

test("a time must be one, and within the queue's limit", () => {
  assert.equal(timeProblem(null, QUEUE), "not_a_time");
  assert.equal(timeProblem(7201, QUEUE), "too_long");
  assert.equal(timeProblem(7200, QUEUE), null);
  assert.equal(timeProblem(10 ** 9, { ...QUEUE, max_time_s: null }), null);
});

test("before Slurm has answered, no queue is known", () => {
  const cluster = { taken_at: null, age_s: null, problem: null, currency: "KRW", currency_decimals: 0, billing: null, queues: [QUEUE] };
  assert.deepEqual(knownQueues(cluster), []);
  assert.deepEqual(knownQueues({ ...cluster, taken_at: "2026-11-23T04:00:00Z", age_s: 1 }), [QUEUE]);
});
