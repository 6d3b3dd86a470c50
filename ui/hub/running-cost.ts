/** What a running server costs so far, as the hub has counted it, and what follows until now. Pure. */

import { divide, fromMinor, parseDecimal } from "./money.js";

/** Amounts are decimal texts, moments ISO 8601; engines count in. */
export interface RunningCost {
  currency: string;
  /** Who pays; '' in a free queue. */
  account: string;
  per_hour: string;
  /** Up to `counted_at`. */
  so_far: string;
  /** For the whole time limit. */
  most: string;
  /** What of `so_far` is that of engines. */
  engines: string;
  free: boolean;
  away_s: number;
  counted_at: string;
  /** Null: it is not away. */
  away_since: string | null;
  /** When it is ended for being away if nobody comes back; null: never. */
  ends_away_at: string | null;
  /** True when only engines of it are ended then. */
  ends_engines: boolean;
  /** True when that is near. */
  warns_away: boolean;
}

const HOUR_MS = 3_600_000n;

/** The cost until `now` (ms): time goes on between two counts, but not while the server is away, nor beyond the most. */
export function costUntil(cost: RunningCost, now: number): string {
  const passed = now - Date.parse(cost.counted_at);
  const counted = parseDecimal(cost.so_far);
  const hourly = parseDecimal(cost.per_hour);
  if (cost.away_since !== null || !(passed > 0)) {
    return cost.so_far;
  }
  const since = { digits: hourly.digits * BigInt(Math.floor(passed)), scale: hourly.scale };
  const sum = counted.digits + divide(since, HOUR_MS, counted.scale, "down");
  const most = divide(parseDecimal(cost.most), 1n, counted.scale, "down");
  const highest = most > counted.digits ? most : counted.digits;
  return fromMinor(sum < highest ? sum : highest, counted.scale);
}

/** Tells of each end for being away once. */
export class AwayAlarm {
  private told: string | null = null;

  /** The moment of an end that is near and was not told before. */
  ring(cost: RunningCost | null): string | null {
    const end = cost?.warns_away === true ? cost.ends_away_at : null;
    const fresh = end !== this.told;
    this.told = end;
    return fresh ? end : null;
  }
}
