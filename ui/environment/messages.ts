/** What the panel says of the errand under way, of one that has ended, and of requests that failed. */

import { OddAnswer, Refused } from "./answers.js";
import type { Action, Errand } from "./status.js";
import type { Texts } from "./texts.js";

export function describeWork(action: Action, texts: Texts): string {
  return { create: texts.creating, repair: texts.repairing, reset: texts.resetting }[action];
}

export function describeEnd(errand: Errand, texts: Texts): string {
  return errand.error ?? { create: texts.created, repair: texts.repaired, reset: texts.was_reset }[errand.action];
}

/** Why a request failed and what to do next. */
export function explain(error: unknown, texts: Pick<Texts, "signed_out" | "silent" | "odd">): string {
  if (error instanceof Refused) {
    return error.status === 401 || error.status === 403 ? texts.signed_out : error.message || texts.silent;
  }
  if (error instanceof OddAnswer) {
    return texts.odd;
  }
  if (error instanceof TypeError || error instanceof DOMException) {
    return texts.silent; // fetch's words for no connection, and for an answer that took too long
  }
  throw error;
}
