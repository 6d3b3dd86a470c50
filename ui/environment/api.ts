/** The environment's REST contract, over whatever carries requests: the hub's page and Jupyter have ways of their own. */

import { parseAnswer, readText } from "./answers.js";
import type { Action, Answer, Errand } from "./status.js";

/** Sends one request to the environment's URL plus `path`. Throws TypeError or DOMException when nothing answers. */
export type Request = (method: "GET" | "POST", path: "" | "/export", body?: object) => Promise<Response>;

export interface EnvironmentApi {
  read(): Promise<Answer>;
  start(action: Action): Promise<Errand>;
  /** The text of environment.yml. */
  export(): Promise<string>;
}

export function overHttp(request: Request): EnvironmentApi {
  const ask = async (...words: Parameters<Request>): Promise<string> => readText(await request(...words));
  return {
    read: async () => parseAnswer<Answer>(await ask("GET", ""), "status"),
    start: async (action) => parseAnswer<Errand>(await ask("POST", "", { action }), "action"),
    export: () => ask("GET", "/export"),
  };
}
