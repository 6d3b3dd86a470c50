import assert from "node:assert/strict";
import { test } from "node:test";

import { formatMoney, highestCost } from "../hub/prices.js";

test("the highest cost is price times time, rounded up to whole won", () => {
  assert.equal(highestCost("5000", 7200, "KRW"), 10000);
  assert.equal(highestCost("5000", 1, "KRW"), 2);
  assert.equal(highestCost("3000", 5400, "KRW"), 4500);
});

test("currencies with cents are rounded up to cents, and floating point adds none", () => {
  assert.equal(highestCost("0.1", 3600 * 3, "USD"), 0.3);
  assert.equal(highestCost("1.05", 1800, "USD"), 0.53);
  assert.equal(highestCost("19.99", 3600, "EUR"), 19.99);
});

test("money is written as the language writes it", () => {
  assert.equal(formatMoney("5000", "KRW", "en"), "₩5,000");
  assert.equal(formatMoney(22000, "KRW", "ko"), "₩22,000");
});
