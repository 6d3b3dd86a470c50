/** Accounts that pay for starts, and what a start would leave them. Pure; it is the hub that decides at Submit. */

import { fromMinor, toMinor } from "./money.js";
import { highestCost, hourlyPrice, type Price } from "./prices.js";

export interface Account {
  name: string;
  /** Granted less charged; null: not known at present. */
  left: string | null;
  /** Of it, what is not held back for starts that are not over; null: not known at present. */
  available: string | null;
  discount_percent: string;
  /** Queues in which it may be used; null: all. */
  queues: string[] | null;
}

export interface Budgets {
  /** What happens to a start that can cost more than its account has left. */
  policy: "refuse" | "warn" | "allow";
  /** Why budgets cannot be looked at now, or null. */
  problem: string | null;
  /** Of the reader, the default one first. */
  accounts: Account[];
}

/** What jobs would cost; amounts are decimal texts. */
export interface Quote {
  hourly: string;
  /** Null while no time is chosen, as all below. */
  most: string | null;
  /** Null where it is not known, as all below. */
  available: string | null;
  held: string | null;
  after: string | null;
  /** By how much the most is more than what is left; null: it is not. */
  lacking: string | null;
}

/** The accounts that can pay in the queue of that name. */
export function payingAccounts(budgets: Budgets, queue: string): readonly Account[] {
  return budgets.accounts.filter(({ queues }) => queues?.includes(queue) ?? true);
}

/** `jobs`: how many units of `price` each gets; `decimals` of the currency. */
export function makeQuote(
  price: Price,
  jobs: readonly number[],
  seconds: number | null,
  account: Account | null,
  decimals: number,
): Quote {
  const discount = account?.discount_percent ?? "0";
  const hourly = hourlyPrice(price, jobs.reduce((sum, units) => sum + units, 0), discount);
  const most = seconds === null ? null : highestCost(price, jobs, discount, seconds, decimals);
  const cost = { hourly, most: most === null ? null : fromMinor(most, decimals) };
  const { left, available } = account ?? { left: null, available: null };
  if (left === null || available === null) {
    return { ...cost, available: null, held: null, after: null, lacking: null };
  }
  const after = most === null ? null : toMinor(available, decimals) - most;
  return {
    ...cost,
    available,
    held: fromMinor(toMinor(left, decimals) - toMinor(available, decimals), decimals),
    after: after === null ? null : fromMinor(after, decimals),
    lacking: after === null || after >= 0n ? null : fromMinor(-after, decimals),
  };
}
