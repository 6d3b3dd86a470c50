import assert from "node:assert/strict";
import { test } from "node:test";

import { OddAnswer, Refused } from "../environment/answers.js";
import { overHttp } from "../environment/api.js";
import { describeBase } from "../environment/facts.js";
import { describeEnd, explain } from "../environment/messages.js";
import { formatSize } from "../environment/sizes.js";
import { ENGLISH, fill, lookUp, translateTexts } from "../environment/texts.js";

const TEXTS = translateTexts((english) => english);

function server(status: number, body: string): ReturnType<typeof overHttp> {
  return overHttp(() => Promise.resolve(new Response(body, { status })));
}

test("sizes have three digits at most and a unit", () => {
  const sizes = [0, 12, 999, 1000, 1234, 99_949, 999_499, 999_999, 543_210_000, 3_123_456_789, 2e15];
  assert.deepEqual(
    sizes.map((bytes) => formatSize(bytes, "en")),
    ["0 byte", "12 byte", "999 byte", "1 kB", "1.2 kB", "100 kB", "999 kB", "1 MB", "543 MB", "3.1 GB", "2,000 TB"],
  );
});

test("a text is taken from the catalogue, or stays English", () => {
  const catalogue = { "": { domain: "neuronhub" }, Create: ["만들기"], Repair: [""] };
  const texts = translateTexts((english) => lookUp(catalogue, english));
  assert.equal(texts.create, "만들기");
  assert.equal(texts.repair, "Repair");
  assert.deepEqual(Object.keys(texts), Object.keys(ENGLISH));
  assert.equal(fill("{a} of {b}: {c}", { a: 1, b: "two" }), "1 of two: {c}");
});

test("the base is told with what the site has", () => {
  const say = (base: string, newest: string): string => describeBase({ base, newest_base: newest }, TEXTS);
  assert.equal(say("2026.11", "2026.11"), "2026.11 (newest)");
  assert.equal(say("2026.11", "2026.12"), "2026.11 (newest: 2026.12)");
  assert.equal(say("2026.11", ""), "2026.11");
  assert.equal(say("", "2026.12"), "2026.12");
  assert.equal(say("", ""), "none");
});

test("a refusal carries the server's sentence; a proxy's page carries none", async () => {
  const refused = await server(409, '{"message": "It is being repaired."}')
    .start("reset")
    .catch((error: unknown) => error);
  assert.ok(refused instanceof Refused);
  assert.equal(explain(refused, TEXTS), "It is being repaired.");
  const gateway = await server(502, "<html>Bad gateway</html>")
    .read()
    .catch((error: unknown) => error);
  assert.equal(explain(gateway, TEXTS), TEXTS.silent);
  assert.equal(explain(new Refused(403, "Missing credentials"), TEXTS), TEXTS.signed_out);
});

test("an answer that is not the contract is told as such", async () => {
  for (const body of ["<html></html>", "null", "[]", "{}", '{"status": 3}']) {
    await assert.rejects(server(200, body).read(), OddAnswer);
  }
  assert.equal(explain(new OddAnswer("{}"), TEXTS), TEXTS.odd);
});

test("silence has a sentence; a fault of the page's own is not hidden behind one", () => {
  assert.equal(explain(new TypeError("Failed to fetch"), TEXTS), TEXTS.silent);
  assert.equal(explain(new DOMException("signal timed out", "TimeoutError"), TEXTS), TEXTS.silent);
  assert.throws(() => explain(new RangeError("ours"), TEXTS), /ours/);
});

test("an errand ends with its error, or with what to do now", () => {
  const errand = { action: "reset", step: "", done: 1, finished: true, error: null } as const;
  assert.equal(describeEnd(errand, TEXTS), TEXTS.was_reset);
  assert.equal(describeEnd({ ...errand, error: "The disk is full." }, TEXTS), "The disk is full.");
});
