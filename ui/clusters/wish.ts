/** What somebody has typed for a cluster: whether it can be asked for, and what it would cost. Pure. */

import { fill } from "../environment/texts.js";
import type { Queue } from "../hub/cluster.js";
import { timeProblem } from "../hub/cluster.js";
import { describeDuration, parseTimeLimit } from "../hub/durations.js";
import { formatMoney, highestCost } from "../hub/prices.js";
import type { Order } from "./clusters.js";
import type { Texts } from "./texts.js";

export const MOST_ENGINES = 4096;
const NAME = /^(?:[A-Za-z0-9][A-Za-z0-9_-]{0,31})?$/;
const COUNT = /^\d{1,5}$/;

export type Field = "engines" | "nodes" | "queue" | "time_limit" | "name";

/** The fields as they are typed; those that the profile's form lacks are null. */
export interface Typed {
  profile: string;
  engines: string;
  nodes: string | null;
  queue: string | null;
  time_limit: string | null;
  name: string;
}

export interface Problem {
  field: Field;
  text: string;
}

export interface Cost {
  amount: string;
  detail: string;
}

/** The order, or what is wrong with it. `queue` is the picked one, where there is one. */
export function readOrder(typed: Typed, queue: Queue | undefined, texts: Texts, language: string): Order | Problem {
  const engines = readCount(typed.engines);
  if (engines === null || engines > MOST_ENGINES) {
    return { field: "engines", text: fill(texts.need_engines, { most: MOST_ENGINES }) };
  }
  const name = typed.name.trim();
  if (!NAME.test(name)) {
    return { field: "name", text: texts.need_name };
  }
  const order = { profile: typed.profile, engines, name };
  if (typed.nodes === null) {
    return order;
  }
  const nodes = readCount(typed.nodes);
  if (nodes === null || nodes > engines) {
    return { field: "nodes", text: fill(texts.need_nodes, { most: engines }) };
  }
  if (queue === undefined) {
    return { field: "queue", text: texts.need_queue };
  }
  const usable = queue.alloc + queue.idle;
  if (nodes > usable) {
    return { field: "nodes", text: fill(texts.too_many_nodes, { queue: queue.name, nodes: usable }) };
  }
  const time = (typed.time_limit ?? "").trim();
  const problem = time === "" ? null : timeProblem(parseTimeLimit(time), queue);
  if (problem !== null) {
    const longest = describeDuration(queue.max_time_s ?? 0, language);
    const text = problem === "too_long" ? fill(texts.too_long, { time: longest }) : texts.need_time;
    return { field: "time_limit", text };
  }
  return { ...order, nodes, queue: queue.name, time_limit: time };
}

export function isProblem(answer: Order | Problem): answer is Problem {
  return "field" in answer;
}

function readCount(text: string): number | null {
  return COUNT.test(text.trim()) ? Number(text) || null : null;
}

/** What `nodes` nodes of the queue cost, by the hour and for the whole time limit. */
export function describeCost(
  queue: Queue,
  nodes: number,
  timeLimit: string,
  currency: string,
  texts: Texts,
  language: string,
): Cost {
  const price = queue.charged ? queue.price_per_hour : null;
  if (price === null) {
    return { amount: texts.cost_free, detail: "" };
  }
  const money = (amount: number | string): string => formatMoney(amount, currency, language);
  const seconds = parseTimeLimit(timeLimit) ?? queue.default_time_s;
  const most = highestCost(String(Number(price) * nodes), seconds, currency);
  const hourly = fill(texts.cost_nodes, { nodes, price: money(price) });
  return {
    amount: `${fill(texts.cost_hourly, { amount: money(Number(price) * nodes) })} · ${fill(texts.cost_at_most, { amount: money(most) })}`,
    detail: `${hourly} ${fill(texts.cost_for, { time: describeDuration(seconds, language) })}`,
  };
}
