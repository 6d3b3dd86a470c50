/** What starts cost: by the hour, and at most. Pure; see billing.prices, whose numbers these are. */

import { divide, lessPercent, multiply, parseDecimal, renderDecimal } from "./money.js";

export interface Price {
  /** Money for one unit and one hour, as a decimal text. */
  amount: string;
  per: "node-hour" | "gpu-hour" | "core-hour";
  /** How many units a start is given at most. */
  units: number;
}

const HOUR_S = 3600n;

/** Money for one hour of `units`, exactly, as a decimal text. */
export function hourlyPrice(price: Price, units: number, discountPercent: string): string {
  const amount = multiply(parseDecimal(price.amount), lessPercent(discountPercent));
  return renderDecimal({ digits: amount.digits * BigInt(units), scale: amount.scale });
}

/** The most that jobs of these units can cost, each rounded up to the currency's smallest unit, of which this is the number. */
export function highestCost(
  price: Price,
  jobs: readonly number[],
  discountPercent: string,
  seconds: number,
  decimals: number,
): bigint {
  const costs = jobs.map((units) => {
    const hourly = parseDecimal(hourlyPrice(price, units, discountPercent));
    return divide({ digits: hourly.digits * BigInt(seconds), scale: hourly.scale }, HOUR_S, decimals, "up");
  });
  return costs.reduce((sum, cost) => sum + cost, 0n);
}
