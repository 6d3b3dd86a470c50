import assert from "node:assert/strict";
import { test } from "node:test";

import { Alarm, type Job, secondsLeft, type Usage } from "../job/job.js";
import {
  describeAwayEnd,
  describeCharge,
  describeCost,
  describeLeft,
  describeMemory,
  describeUsage,
  ENGLISH,
  memoryShare,
} from "../job/words.js";
import { COST } from "./cost.js";

const NOW = Date.parse("2026-11-23T12:00:00Z");
const USAGE: Usage = { cpus_used: 0.52, cpus_given: 1, memory_used_mb: 1536, memory_given_mb: 2000, gpus: [] };

function endingIn(seconds: number): Job {
  return { queue: "jupyter", job_id: 7, node: "jn01", ends_at: new Date(NOW + seconds * 1000).toISOString(), cost: null };
}

test("the time left is never negative, and unknown without an end", () => {
  assert.equal(secondsLeft(endingIn(90), NOW), 90);
  assert.equal(secondsLeft(endingIn(-5), NOW), 0);
  assert.equal(secondsLeft({ ...endingIn(0), ends_at: null }, NOW), null);
  assert.equal(secondsLeft({ ...endingIn(0), ends_at: "soon" }, NOW), null);
  assert.equal(secondsLeft(null, NOW), null);
});

test("each warning comes once, and documents are saved twice", () => {
  const alarm = new Alarm();
  const job = endingIn(3600);
  const seen = [3600, 1000, 900, 890, 301, 300, 120, 60, 30, 0].map((left) => {
    const { warn, save } = alarm.ring(job, left);
    return `${left}:${warn ?? "-"}${save ? "+save" : ""}`;
  });
  assert.deepEqual(seen, [
    "3600:-", "1000:-", "900:15", "890:-", "301:-", "300:5+save", "120:-", "60:-+save", "30:-", "0:-",
  ]); // prettier-ignore
});

test("a page that is opened late gets the last warning only", () => {
  assert.deepEqual(new Alarm().ring(endingIn(200), 200), { warn: 5, save: true });
});

test("a job that was given more time is warned of again", () => {
  const alarm = new Alarm();
  alarm.ring(endingIn(800), 800);
  assert.deepEqual(alarm.ring(endingIn(7200), 7200), { warn: null, save: false });
  assert.deepEqual(alarm.ring(endingIn(7200), 900), { warn: 15, save: false });
});

test("an unknown end rings nothing", () => {
  assert.deepEqual(new Alarm().ring(null, null), { warn: null, save: false });
});

const LEFT: [number, string, string][] = [
  [4980, "en", "1 hr 23 min left"],
  [3600, "en", "1 hr left"],
  [90000, "en", "1 day 1 hr left"],
  [61, "en", "1 min left"],
  [59, "en", ENGLISH.last_minute],
  [0, "en", ENGLISH.over],
];

for (const [seconds, language, words] of LEFT) {
  test(`${seconds} seconds are "${words}"`, () => {
    assert.equal(describeLeft(seconds, ENGLISH, language), words);
  });
}

test("use is told against what was given", () => {
  assert.deepEqual(describeUsage(USAGE, ENGLISH, "en"), ["CPU 0.5 of 1", "Memory 1.5 GB of 2 GB"]);
  assert.equal(memoryShare(USAGE), 0.768);
});

test("what is not known is not made up", () => {
  const usage: Usage = { cpus_used: null, cpus_given: null, memory_used_mb: 50, memory_given_mb: null, gpus: [] };
  assert.deepEqual(describeUsage(usage, ENGLISH, "en"), ["Memory 50 MB of ?"]);
  assert.equal(memoryShare(usage), null);
});

test("GPUs are counted without a driver and measured with one", () => {
  const blind = { number: "0", busy_percent: null, memory_used_mb: null, memory_given_mb: null };
  const seen = { number: "1", busy_percent: 35, memory_used_mb: 2048, memory_given_mb: 16384 };
  assert.deepEqual(describeUsage({ ...USAGE, gpus: [blind, seen] }, ENGLISH, "en").slice(2), [
    "GPU 0",
    "GPU 1: 35%, memory 2 GB of 16 GB",
  ]);
});

test("memory is told in the reader's form", () => {
  assert.equal(describeMemory(1536, "ko-KR"), "1.5GB");
});

test("the cost is told in a few words, and who pays in a line each", () => {
  assert.equal(describeCost(COST, Date.parse(COST.counted_at), ENGLISH, "en"), "₩4,321 so far");
  assert.deepEqual(describeCharge(COST, ENGLISH, "en"), [
    "Account chem",
    "₩6,000 an hour",
    "₩1,000 of it for engines",
    "At most ₩12,000 for the whole time limit",
    "Away for 1 hour 30 minutes in all, which is not charged",
  ]);
  const plain = { ...COST, engines: "0", away_s: 59 };
  assert.equal(describeCharge(plain, ENGLISH, "en").length, 3);
  assert.doesNotMatch(describeCharge({ ...plain, per_hour: "0" }, ENGLISH, "en").join(" "), /hour/u, "not seen to run yet");
});

test("who is away reads what is ended: the server, or only its engines", () => {
  const away = { ...COST, away_since: "2026-11-23T11:00:00+00:00" };
  assert.match(describeAwayEnd(away, "2026-11-23T12:30:00+00:00", ENGLISH, "en"), /^Away since .*00.* Jupyter ends at .*30/u);
  const engines = { ...away, ends_engines: true };
  assert.match(describeAwayEnd(engines, "2026-11-23T12:30:00+00:00", ENGLISH, "en"), /^Away since .*00.* Engines end at .*30/u);
});

test("a free queue says so, and where nothing is charged nothing is said", () => {
  const free = { ...COST, free: true, account: "" };
  assert.equal(describeCost(free, NOW, ENGLISH, "en"), "free");
  assert.deepEqual(describeCharge(free, ENGLISH, "en"), ["Free of charge"]);
  assert.equal(describeCost(null, NOW, ENGLISH, "en"), "");
  assert.deepEqual(describeCharge(null, ENGLISH, "en"), []);
});
