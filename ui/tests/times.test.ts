import assert from "node:assert/strict";
import { test } from "node:test";

import { formatMoment } from "../hub/times.js";

const NOW = new Date("2026-11-23T12:00:00Z");

test("a moment near now is a time of day, another has its date", () => {
  assert.doesNotMatch(formatMoment("2026-11-23T11:58:00Z", "en", NOW), /2026/);
  assert.match(formatMoment("2026-11-20T11:58:00Z", "en", NOW), /Nov 20, 2026/);
  assert.match(formatMoment("2026-11-20T11:58:00Z", "ko", NOW), /2026\. 11\. 20\./);
});
