import assert from "node:assert/strict";
import { test } from "node:test";

import { formatMoney, fromMinor, lessPercent, multiply, parseDecimal, renderDecimal, toMinor } from "../hub/money.js";

for (const text of ["0", "12.5", "-12.5", "0.001", "-0.5", "100", "9007199254740993.07"]) {
  test(`${text} is read and written as it is`, () => {
    assert.equal(renderDecimal(parseDecimal(text)), text);
  });
}

test("zeros that say nothing go", () => {
  assert.equal(renderDecimal(parseDecimal("12.50")), "12.5");
  assert.equal(renderDecimal(parseDecimal("100.00")), "100");
  assert.equal(renderDecimal(parseDecimal("0.00")), "0");
});

for (const text of ["", "1e3", "1,000", ".5", "5.", "NaN", "0x10", "1 "]) {
  test(`"${text}" is no decimal number`, () => {
    assert.throws(() => parseDecimal(text), RangeError);
  });
}

test("a discount is taken off exactly", () => {
  const less = (amount: string, percent: string): string =>
    renderDecimal(multiply(parseDecimal(amount), lessPercent(percent)));
  assert.equal(less("1500", "12.5"), "1312.5");
  assert.equal(less("0.1", "33.3"), "0.0667");
  assert.equal(less("6000", "0"), "6000");
  assert.equal(less("6000", "100"), "0");
});

test("amounts go to the smallest unit and back", () => {
  assert.equal(toMinor("12.50", 2), 1250n);
  assert.equal(toMinor("-12.50", 2), -1250n);
  assert.equal(toMinor("5000", 0), 5000n);
  assert.equal(fromMinor(-1250n, 2), "-12.5");
  assert.equal(fromMinor(5n, 3), "0.005");
});

const WRITTEN: [string, string, string, string][] = [
  ["5000", "KRW", "en", "₩5,000"],
  ["22000", "KRW", "ko", "₩22,000"],
  ["0.5", "KRW", "en", "₩0.5"],
  ["1.5", "USD", "en", "$1.50"],
  ["0.0125", "USD", "en", "$0.0125"],
  ["-3.5", "USD", "en", "-$3.50"],
  ["9007199254740993", "KRW", "en", "₩9,007,199,254,740,993"],
];

for (const [amount, currency, language, words] of WRITTEN) {
  test(`${amount} ${currency} is written ${words}`, () => {
    assert.equal(formatMoney(amount, currency, language), words);
  });
}
