import assert from "node:assert/strict";
import { test } from "node:test";

import { hasRoom, knownQueues, type Queue, timeProblem } from "../hub/cluster.js";

const QUEUE: Queue = {
  name: "gpu",
  description: "",
  alloc: 1,
  idle: 1,
  down: 0,
  total: 2,
  waiting: 0,
  gpus: [],
  places: null,
  charged: false,
  price_per_hour: null,
  default_time_s: 3600,
  max_time_s: 7200,
  usable: true,
  why_not: "",
};

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
  const cluster = { taken_at: null, age_s: null, problem: null, currency: "KRW", queues: [QUEUE] };
  assert.deepEqual(knownQueues(cluster), []);
  assert.deepEqual(knownQueues({ ...cluster, taken_at: "2026-11-23T04:00:00Z", age_s: 1 }), [QUEUE]);
});
