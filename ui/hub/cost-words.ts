/** What a start costs and who pays for it, in the reader's words. Pure. */

import { fill } from "../environment/texts.js";
import { type Account, makeQuote, type Quote } from "./budgets.js";
import type { Cluster, Queue } from "./cluster.js";
import { describeDuration } from "./durations.js";
import { formatMoney } from "./money.js";
import type { Price } from "./prices.js";

/** Texts that the start page and IPython Clusters have in common. */
export interface CostWords {
  readonly cost_free: string;
  readonly price_hourly: string;
  readonly price_node: string;
  readonly price_gpu: string;
  readonly price_core: string;
  readonly price_less: string;
  readonly price_none: string;
  readonly held: string;
  readonly no_account: string;
  readonly over_refused: string;
  readonly over_warned: string;
  readonly spoken_cost: string;
  readonly spoken_left: string;
}

/** What is known of money beside the queues. */
export type Purse = Pick<Cluster, "currency" | "currency_decimals" | "billing">;

/** Lines of the cost's box; '' where there is nothing to say. */
export interface CostLines {
  hourly: string;
  /** How the price of an hour comes about. */
  detail: string;
  most: string;
  available: string;
  held: string;
  after: string;
  /** What is wrong with it, and what to do. */
  problem: string;
  /** True when the hub would refuse it. */
  refused: boolean;
}

const NOTHING: CostLines = {
  hourly: "",
  detail: "",
  most: "",
  available: "",
  held: "",
  after: "",
  problem: "",
  refused: false,
};

/** What jobs cost that get so many units each in a queue that is charged; `seconds` null: no time is chosen. */
export function describeCost(
  queue: Queue,
  jobs: readonly number[],
  seconds: number | null,
  account: Account | null,
  purse: Purse,
  words: CostWords,
  language: string,
): CostLines {
  if (queue.price === null) {
    return { ...NOTHING, problem: words.price_none, refused: purse.billing !== null };
  }
  const quote = makeQuote(queue.price, jobs, seconds, account, purse.currency_decimals);
  const money = (amount: string | null): string =>
    amount === null ? "" : formatMoney(amount, purse.currency, language);
  const units = jobs.reduce((sum, each) => sum + each, 0);
  return {
    hourly: fill(words.price_hourly, { amount: money(quote.hourly) }),
    detail: describePrice(queue.price, units, account?.discount_percent ?? "0", purse.currency, words, language),
    most: money(quote.most),
    available: money(quote.available),
    held: quote.held === null || quote.held === "0" ? "" : fill(words.held, { amount: money(quote.held) }),
    after: money(quote.after),
    ...findProblem(quote, account, purse, words, money),
  };
}

/** The same in a sentence or two, for those who do not see the box; '' while there is nothing to say. */
export function speakCost(
  lines: CostLines,
  seconds: number | null,
  account: Account | null,
  words: CostWords,
  language: string,
): string {
  if (seconds === null || lines.most === "") {
    return "";
  }
  const { most, hourly, available, after } = lines;
  const cost = fill(words.spoken_cost, { most, hourly, time: describeDuration(seconds, language) });
  const known = account !== null && available !== "";
  return known ? `${cost} ${fill(words.spoken_left, { account: account.name, available, after })}` : cost;
}

/** `4 × ₩1,500 per GPU, less 10%`. */
export function describePrice(
  price: Price,
  units: number,
  discountPercent: string,
  currency: string,
  words: CostWords,
  language: string,
): string {
  const texts = { "node-hour": words.price_node, "gpu-hour": words.price_gpu, "core-hour": words.price_core };
  const amount = formatMoney(price.amount, currency, language);
  const listed = fill(texts[price.per], { units: new Intl.NumberFormat(language).format(units), amount });
  const less = Number(discountPercent) / 100;
  if (less === 0) {
    return listed;
  }
  const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 4 }).format(less);
  return fill(words.price_less, { price: listed, percent });
}

function findProblem(
  quote: Quote,
  account: Account | null,
  { billing }: Purse,
  words: CostWords,
  money: (amount: string) => string,
): Pick<CostLines, "problem" | "refused"> {
  if (billing === null) {
    return { problem: "", refused: false };
  }
  if (billing.problem !== null) {
    return { problem: billing.problem, refused: false };
  }
  if (account === null) {
    return { problem: words.no_account, refused: true };
  }
  if (quote.lacking === null || billing.policy === "allow") {
    return { problem: "", refused: false };
  }
  const refused = billing.policy === "refuse";
  const text = refused ? words.over_refused : words.over_warned;
  return { problem: fill(text, { amount: money(quote.lacking), account: account.name }), refused };
}
