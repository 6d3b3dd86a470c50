/** The resource table as GET /hub/api/cluster tells it. */

import type { Budgets } from "./budgets.js";
import type { Price } from "./prices.js";

export interface Queue {
  name: string;
  description: string;
  alloc: number;
  idle: number;
  down: number;
  total: number;
  waiting: number;
  gpus: { type: string; free: number; total: number }[];
  places: { free: number; total: number } | null;
  charged: boolean;
  /** Null: free, or charged without a price yet. */
  price: Price | null;
  /** Of one start, without any discount. */
  price_per_hour: string | null;
  default_time_s: number;
  max_time_s: number | null;
  /** Of one job; null: no limit but the queue's own nodes. */
  max_nodes: number | null;
  usable: boolean;
  why_not: string;
}

export interface Cluster {
  /** Null: Slurm has not answered since the hub started, and the queues' numbers mean nothing. */
  taken_at: string | null;
  age_s: number | null;
  problem: string | null;
  currency: string;
  currency_decimals: number;
  /** Null: nothing is charged. */
  billing: Budgets | null;
  queues: Queue[];
}

/** The queues of which something is known. */
export function knownQueues(cluster: Cluster): readonly Queue[] {
  return cluster.taken_at === null ? [] : cluster.queues;
}

/** True when something can start in the queue at once, as far as the table tells. */
export function hasRoom(queue: Queue): boolean {
  return (queue.places?.free ?? queue.idle) > 0;
}

/** Why `seconds` cannot be asked for in `queue`; null when they can. */
export function timeProblem(seconds: number | null, queue: Queue): "not_a_time" | "too_long" | null {
  if (seconds === null) {
    return "not_a_time";
  }
  return queue.max_time_s !== null && seconds > queue.max_time_s ? "too_long" : null;
}
