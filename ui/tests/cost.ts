/** What a running server costs, as the hub tells it. */

import type { RunningCost } from "../hub/running-cost.js";

export const COST: RunningCost = {
  currency: "KRW",
  account: "chem",
  per_hour: "6000",
  so_far: "4321",
  most: "12000",
  engines: "1000",
  free: false,
  away_s: 5400,
  counted_at: "2026-11-23T12:00:00+00:00",
  away_since: null,
  ends_away_at: null,
  ends_engines: false,
  warns_away: false,
};
