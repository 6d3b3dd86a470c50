import assert from "node:assert/strict";
import { test } from "node:test";

import { AwayAlarm, costUntil } from "../hub/running-cost.js";
import { COST } from "./cost.js";

const COUNTED = Date.parse(COST.counted_at);
const MINUTE = 60_000;

test("between two counts time goes on, in whole coins", () => {
  assert.equal(costUntil(COST, COUNTED), "4321");
  assert.equal(costUntil(COST, COUNTED + MINUTE), "4421");
  assert.equal(costUntil(COST, COUNTED + 1500), "4323");
  const dollars = { ...COST, currency: "USD", so_far: "1.50", per_hour: "0.999", most: "9.00" };
  assert.equal(costUntil(dollars, COUNTED + 30 * MINUTE), "1.99");
});

test("it never goes back, and never beyond the most", () => {
  assert.equal(costUntil(COST, COUNTED - MINUTE), "4321");
  assert.equal(costUntil(COST, NaN), "4321");
  assert.equal(costUntil(COST, COUNTED + 600 * MINUTE), "12000");
  assert.equal(costUntil({ ...COST, most: "4000" }, COUNTED + MINUTE), "4321");
});

test("time away costs nothing", () => {
  const away = { ...COST, away_since: "2026-11-23T11:30:00+00:00" };
  assert.equal(costUntil(away, COUNTED + 10 * MINUTE), "4321");
});

test("an end for being away is told once, when it is near, and again when there is another one", () => {
  const alarm = new AwayAlarm();
  const ending = (ends_away_at: string, warns_away: boolean): typeof COST => ({ ...COST, ends_away_at, warns_away });
  assert.equal(alarm.ring(null), null);
  assert.equal(alarm.ring(ending("14:00", false)), null);
  assert.equal(alarm.ring(ending("14:00", true)), "14:00");
  assert.equal(alarm.ring(ending("14:00", true)), null);
  assert.equal(alarm.ring(COST), null);
  assert.equal(alarm.ring(ending("16:00", true)), "16:00");
});
