/** The hub's REST API as a page of the hub calls it. */

import type { PageData } from "./page.js";

/** The hub answered, and said no. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

type Method = "GET" | "POST" | "DELETE";

const LIMIT_MS = 20_000;

/** Send one request to `path` below the hub's API. Throws TypeError or DOMException when nothing answers. */
export function send(
  page: PageData,
  method: Method,
  path: string,
  body?: object,
  limitMs = LIMIT_MS,
): Promise<Response> {
  return fetch(`${page.base_url}api/${path}`, {
    method,
    credentials: "same-origin",
    cache: "no-store",
    headers: { Accept: "application/json", "Content-Type": "application/json", "X-XSRFToken": page.xsrf },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(limitMs),
  });
}

/** Call `path` below the hub's API; the answer's JSON, or null without one. Throws Refused, or as send does. */
export async function call(page: PageData, method: Method, path: string, body?: object): Promise<unknown> {
  const response = await send(page, method, path, body);
  const text = await response.text();
  const answer = parse(text);
  if (!response.ok) {
    throw new Refused(response.status, reasonIn(answer) ?? response.statusText);
  }
  return answer;
}

/** The API's path of a user's server; JupyterHub's default server has no name. */
export function serverPath(user: string, server: string): string {
  const name = encodeURIComponent(user);
  return server === "" ? `users/${name}/server` : `users/${name}/servers/${encodeURIComponent(server)}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null; // an empty answer (202, 204), or a proxy's HTML page
  }
}

function reasonIn(body: unknown): string | null {
  if (typeof body === "object" && body !== null && "message" in body && typeof body.message === "string") {
    return body.message;
  }
  return null;
}
