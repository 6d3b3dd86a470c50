import assert from "node:assert/strict";
import { test } from "node:test";

import { describeAge, describeDuration, formatClock, formatTimeLimit, parseTimeLimit } from "../hub/durations.js";

const LIMITS: [string, number | null][] = [
  ["90", 5400],
  [" 90 ", 5400],
  ["1:30:00", 5400],
  ["0:00:30", 30],
  ["30:00:00", 108000],
  ["1-00:00:00", 86400],
  ["1-12:30:05", 131405],
  ["0", null],
  ["0:00:00", null],
  ["", null],
  ["-5", null],
  ["1.5", null],
  ["1:30", null],
  ["1:60:00", null],
  ["1:00:60", null],
  ["1-24:00:00", null],
  ["1-12", null],
  ["１０", null],
  ["UNLIMITED", null],
];

for (const [text, seconds] of LIMITS) {
  test(`the time limit "${text}" is ${seconds ?? "no time"}`, () => {
    assert.equal(parseTimeLimit(text), seconds);
  });
}

test("what is formatted as a time limit is read back", () => {
  for (const seconds of [1, 59, 60, 3599, 3600, 86399, 86400, 131405, 2592000]) {
    assert.equal(parseTimeLimit(formatTimeLimit(seconds)), seconds);
  }
});

test("a clock shows hours and days only when there are some", () => {
  assert.equal(formatClock(-3), "0:00");
  assert.equal(formatClock(7.9), "0:07");
  assert.equal(formatClock(727), "12:07");
  assert.equal(formatClock(4327), "1:12:07");
  assert.equal(formatClock(177127), "2-01:12:07");
});

test("spans are told in the reader's language", () => {
  assert.equal(describeDuration(5400, "en"), "1 hour 30 minutes");
  assert.equal(describeDuration(5400, "ko"), "1시간 30분");
  assert.equal(describeDuration(90061, "en"), "1 day 1 hour 1 minute 1 second");
  assert.equal(describeDuration(0, "ko"), "0초");
});

test("an age has one unit, and grows no second digits of noise", () => {
  assert.equal(describeAge(-1, "en"), "0 seconds");
  assert.equal(describeAge(42.7, "en"), "42 seconds");
  assert.equal(describeAge(150, "ko"), "3분");
  assert.equal(describeAge(7300, "en"), "2 hours");
});
