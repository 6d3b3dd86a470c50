/** What somebody has typed for a cluster: whether it can be asked for, and what is paid for then. Pure. */

import { fill } from "../environment/texts.js";
import type { Queue } from "../hub/cluster.js";
import { timeProblem } from "../hub/cluster.js";
import { describeDuration, parseTimeLimit } from "../hub/durations.js";
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
  const most = Math.min(usable, queue.max_nodes ?? usable);
  if (nodes > most) {
    return { field: "nodes", text: fill(texts.too_many_nodes, { queue: queue.name, most }) };
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

export function readCount(text: string): number | null {
  return COUNT.test(text.trim()) ? Number(text) || null : null;
}

/** How many units of the queue's price the job of each node gets: a core for each engine where nodes are shared. */
export function countUnits({ price, places }: Queue, nodes: number, engines: number): number[] {
  const shared = places !== null && price?.per === "core-hour";
  return Array.from({ length: nodes }, (_, node) =>
    shared ? Math.floor(engines / nodes) + Number(node < engines % nodes) : (price?.units ?? 0),
  );
}
