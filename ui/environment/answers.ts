/** Answers of our own REST handlers: their JSON, or why they said no. */

/** The server answered, and said no; its sentence is in the reader's language, or '' where it gave none. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The server answered with something that is not the contract. */
export class OddAnswer extends Error {}

/** The body of a good answer. Throws Refused. */
export async function readText(response: Response): Promise<string> {
  const text = await response.text();
  if (!response.ok) {
    throw new Refused(response.status, reasonIn(text));
  }
  return text;
}

/** The JSON of an answer; throws OddAnswer unless it is an object that has `field`, an object or a string. */
export function parseAnswer<Kind extends object>(text: string, field: keyof Kind & string): Kind {
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
