import assert from "node:assert/strict";
import { test } from "node:test";

import { advance, BEGINNING, type Progress, type ProgressEvent } from "../hub/progress.js";

function fold(...events: ProgressEvent[]): Progress {
  return events.reduce(advance, BEGINNING);
}

const PENDING: ProgressEvent = {
  state: "PENDING",
  job_id: 4711,
  queue: "jupyter",
  reason: "All nodes are in use.",
  submitted_at: "2026-11-23T04:00:00+00:00",
  estimated_start: "2026-11-23T05:00:00+00:00",
};

test("a start goes from submitted over waiting and starting to ready", () => {
  const steps = [{ state: "SUBMITTING" }, PENDING, { state: "RUNNING", reason: "" }, { ready: true, url: "/user/a/" }];
  const seen: [string, number][] = [];
  steps.reduce<Progress>((before, event) => {
    const now = advance(before, event);
    seen.push([now.stage, now.step]);
    return now;
  }, BEGINNING);
  assert.deepEqual(seen, [
    ["submitting", 0],
    ["waiting", 1],
    ["starting", 2],
    ["ready", 3],
  ]);
});

test("an event that leaves things out changes nothing about them", () => {
  const progress = fold(PENDING, { progress: 40, message: "still waiting" });
  assert.equal(progress.jobId, 4711);
  assert.equal(progress.reason, "All nodes are in use.");
  assert.equal(progress.stage, "waiting");
});

test("silence of Slurm keeps the stage and all that was known", () => {
  const progress = fold(PENDING, { state: "UNKNOWN", job_id: null });
  assert.equal(progress.silent, true);
  assert.equal(progress.stage, "waiting");
  assert.equal(progress.jobId, 4711);
  assert.equal(advance(progress, { state: "PENDING" }).silent, false);
});

test("an estimate can be taken back, and is gone once the job runs", () => {
  assert.equal(fold(PENDING, { state: "PENDING", estimated_start: null }).estimatedStart, null);
  assert.equal(fold(PENDING, { state: "RUNNING" }).estimatedStart, null);
});

test("a server that has answered is shown as starting until the hub calls it ready", () => {
  assert.equal(fold(PENDING, { state: "RUNNING" }, { state: "READY" }).step, 2);
});

test("a requeued job is shown as waiting again", () => {
  assert.equal(fold(PENDING, { state: "RUNNING" }, { state: "REQUEUED" }).step, 1);
});

test("a failure keeps the step at which it happened", () => {
  const progress = fold(PENDING, { state: "RUNNING" }, { failed: true, message: "Spawn failed" });
  assert.equal(progress.stage, "failed");
  assert.equal(progress.step, 2);
});

test("the share of the environment that is made is kept until the start says that it makes none", () => {
  const made = fold(PENDING, { state: "RUNNING", preparing: 0.5 }, { progress: 76 });
  assert.equal(made.preparing, 0.5);
  assert.equal(made.stage, "starting");
  assert.equal(advance(made, { state: "RUNNING", preparing: null }).preparing, null);
  assert.equal(fold(PENDING).preparing, null);
});
