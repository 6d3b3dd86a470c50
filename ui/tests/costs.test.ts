import assert from "node:assert/strict";
import { test } from "node:test";

import { translateTexts } from "../clusters/texts.js";
import { type Account, type Budgets, makeQuote, payingAccounts } from "../hub/budgets.js";
import type { Queue } from "../hub/cluster.js";
import { type CostLines, describeCost, type Purse, speakCost } from "../hub/cost-words.js";
import { QUEUE } from "./queue.js";

const WORDS = translateTexts((english) => english);
const HOUR = 3600;
const CHEMISTRY: Account = {
  name: "chem",
  left: "9000",
  available: "7000",
  discount_percent: "0",
  queues: ["gpu"],
};
const BUDGETS: Budgets = { policy: "refuse", problem: null, accounts: [CHEMISTRY] };
const PURSE: Purse = { currency: "KRW", currency_decimals: 0, billing: BUDGETS };

function describe(change: Partial<Budgets>, account: Account | null = CHEMISTRY, seconds: number | null = 2 * HOUR): CostLines {
  const purse = { ...PURSE, billing: { ...BUDGETS, ...change } };
  return describeCost(QUEUE, [1], seconds, account, purse, WORDS, "en");
}

test("an account pays where it may: in all queues, or in those named", () => {
  const anywhere = { ...CHEMISTRY, name: "any", queues: null };
  const budgets = { ...BUDGETS, accounts: [CHEMISTRY, anywhere] };
  assert.deepEqual(payingAccounts(budgets, "gpu"), [CHEMISTRY, anywhere]);
  assert.deepEqual(payingAccounts(budgets, "cpu"), [anywhere]);
});

test("a quote tells what is left now and after", () => {
  const price = { amount: "3000", per: "node-hour", units: 1 } as const;
  assert.deepEqual(makeQuote(price, [1], 2 * HOUR, CHEMISTRY, 0), {
    hourly: "3000",
    most: "6000",
    available: "7000",
    held: "2000",
    after: "1000",
    lacking: null,
  });
  const short = makeQuote(price, [1, 1], 2 * HOUR, CHEMISTRY, 0);
  assert.deepEqual([short.hourly, short.after, short.lacking], ["6000", "-5000", "5000"]);
  const exact = makeQuote(price, [1], 8400, CHEMISTRY, 0);
  assert.deepEqual([exact.most, exact.after, exact.lacking], ["7000", "0", null]);
});

test("an account in debt has less than nothing", () => {
  const price = { amount: "1.05", per: "node-hour", units: 1 } as const;
  const debtor = { ...CHEMISTRY, left: "-1.50", available: "-2.00" };
  const quote = makeQuote(price, [1], HOUR, debtor, 2);
  assert.deepEqual([quote.held, quote.after, quote.lacking], ["0.5", "-3.05", "3.05"]);
});

test("what nobody knows is not made up", () => {
  const price = { amount: "3000", per: "node-hour", units: 1 } as const;
  const unknown = { ...CHEMISTRY, left: null, available: null, discount_percent: "50" };
  const quote = makeQuote(price, [1], HOUR, unknown, 0);
  assert.deepEqual([quote.hourly, quote.most, quote.available, quote.after], ["1500", "1500", null, null]);
  assert.equal(makeQuote(price, [1], null, CHEMISTRY, 0).after, null);
});

test("what can be paid has no problem, line by line", () => {
  assert.deepEqual(describe({}), {
    hourly: "₩3,000 an hour",
    detail: "1 × ₩3,000 per node",
    most: "₩6,000",
    available: "₩7,000",
    held: "₩2,000 more is held back",
    after: "₩1,000",
    problem: "",
    refused: false,
  });
});

test("a discount is told, and nothing is held back that is not", () => {
  const lines = describe({}, { ...CHEMISTRY, left: "7000", discount_percent: "12.5" });
  assert.deepEqual([lines.hourly, lines.detail, lines.held], ["₩2,625 an hour", "1 × ₩3,000 per node, less 12.5%", ""]);
});

for (const [policy, refused, words] of [
  ["refuse", true, "That can be ₩2,000 more than chem has left. Ask for less time, or choose another queue."],
  ["warn", false, "That can be ₩2,000 more than chem has left. You can submit it all the same."],
  ["allow", false, ""],
] as const) {
  test(`too little money under the policy ${policy}`, () => {
    const lines = describe({ policy }, CHEMISTRY, 3 * HOUR);
    assert.deepEqual([lines.refused, lines.problem, lines.after], [refused, words, "-₩2,000"]);
  });
}

test("without an account the price is told, and what to do", () => {
  const lines = describe({ accounts: [], policy: "allow" }, null);
  assert.deepEqual([lines.most, lines.available, lines.refused, lines.problem], ["₩6,000", "", true, WORDS.no_account]);
});

test("while budgets cannot be looked at, the hub's sentence is shown and the hub decides", () => {
  const lines = describe({ problem: "The ledger rests.", accounts: [] }, null);
  assert.deepEqual([lines.refused, lines.problem], [false, "The ledger rests."]);
});

test("a queue without a price is refused, where prices count", () => {
  const queue: Queue = { ...QUEUE, price: null, price_per_hour: null };
  const lines = (purse: Purse): CostLines => describeCost(queue, [0], HOUR, null, purse, WORDS, "en");
  assert.deepEqual([lines(PURSE).refused, lines(PURSE).problem], [true, WORDS.price_none]);
  assert.equal(lines({ ...PURSE, billing: null }).refused, false);
});

test("where nothing is charged, prices are shown all the same", () => {
  const lines = describeCost(QUEUE, [1], HOUR, null, { ...PURSE, billing: null }, WORDS, "en");
  assert.deepEqual([lines.most, lines.available, lines.problem, lines.refused], ["₩3,000", "", "", false]);
});

test("it is told in sentences, too", () => {
  const cost = "At most ₩6,000 for 2 hours, ₩3,000 an hour.";
  assert.equal(speakCost(describe({}), 2 * HOUR, CHEMISTRY, WORDS, "en"), `${cost} chem has ₩7,000 left, and at least ₩1,000 after that.`);
  assert.equal(speakCost(describe({}, null), 2 * HOUR, null, WORDS, "en"), cost);
  assert.equal(speakCost(describe({}, CHEMISTRY, null), null, CHEMISTRY, WORDS, "en"), "");
});
