/** A queue that is charged, as the hub tells it. */

import type { Queue } from "../hub/cluster.js";

export const QUEUE: Queue = {
  name: "gpu",
  description: "",
  alloc: 1,
  idle: 2,
  down: 1,
  total: 4,
  waiting: 0,
  gpus: [],
  places: null,
  charged: true,
  price: { amount: "3000", per: "node-hour", units: 1 },
  price_per_hour: "3000",
  default_time_s: 7200,
  max_time_s: 86_400,
  max_nodes: null,
  usable: true,
  why_not: "",
};
