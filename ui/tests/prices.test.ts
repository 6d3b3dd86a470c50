import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { highestCost, hourlyPrice, type Price } from "../hub/prices.js";

interface Case {
  why: string;
  amount: string;
  discount_percent: string;
  units: number;
  seconds: number;
  decimals: number;
  most: string;
}

/** The same table tries billing.prices.compute_most: tests/unit/web/test_costs.py. */
const CASES = JSON.parse(readFileSync("tests/costs.json", "utf-8")) as Case[];
const GPUS: Price = { amount: "1500", per: "gpu-hour", units: 4 };

for (const { why, amount, discount_percent, units, seconds, decimals, most } of CASES) {
  test(`the most that a start can cost: ${why}`, () => {
    const price: Price = { amount, per: "node-hour", units };
    assert.equal(String(highestCost(price, [units], discount_percent, seconds, decimals)), most);
  });
}

test("each of several jobs is rounded up by itself, as each is charged by itself", () => {
  assert.equal(highestCost(GPUS, [1, 1, 1], "0", 1, 0), 3n);
  assert.equal(highestCost(GPUS, [3], "0", 1, 0), 2n);
});

test("an hour costs all units, less the discount", () => {
  assert.equal(hourlyPrice(GPUS, 4, "0"), "6000");
  assert.equal(hourlyPrice(GPUS, 8, "12.5"), "10500");
  assert.equal(hourlyPrice({ ...GPUS, amount: "0.0125" }, 3, "10"), "0.03375");
});
