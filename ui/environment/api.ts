/** The environment's REST contract, over whatever carries requests: the hub's page and Jupyter have ways of their own. */

import type { Action, Answer, Errand } from "./status.js";

/** The server answered, and said no; its sentence is in the reader's language, or '' where it gave none. */
export class EnvironmentRefused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The server answered with something that is not the contract. */
export class OddAnswer extends Error {}

/** Sends one request to the environment's URL plus `path`. Throws TypeError or DOMException when nothing answers. */
export type Request = (method: "GET" | "POST", path: "" | "/export", body?: object) => Promise<Response>;

export interface EnvironmentApi {
  read(): Promise<Answer>;
  start(action: Action): Promise<Errand>;
  /** The text of environment.yml. */
  export(): Promise<string>;
}

export function overHttp(request: Request): EnvironmentApi {
  const ask = async (...words: Parameters<Request>): Promise<string> => {
    const response = await request(...words);
    const text = await response.text();
    if (!response.ok) {
      throw new EnvironmentRefused(response.status, reasonIn(text));
    }
    return text;
  };
  return {
    read: async () => parse<Answer>(await ask("GET", ""), "status"),
    start: async (action) => parse<Errand>(await ask("POST", "", { action }), "action"),
    export: () => ask("GET", "/export"),
  };
}

/** The JSON of an answer; throws OddAnswer unless it is an object that has `field`, an object or a string. */
function parse<Kind extends object>(text: string, field: keyof Kind & string): Kind {
  const value = parseObject(text);
  if (value === null || (typeof value[field] !== "object" && typeof value[field] !== "string")) {
    throw new OddAnswer(text.slice(0, 200));
  }
  return value as Kind;
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null; // a proxy's HTML page, for one
  }
}

function reasonIn(text: string): string {
  const message = parseObject(text)?.message;
  return typeof message === "string" ? message : "";
}
