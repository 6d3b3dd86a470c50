import assert from "node:assert/strict";
import { test } from "node:test";

import { nextBar } from "../hub/bars.js";

test("arrow keys walk from bar to bar and stay on the chart", () => {
  assert.equal(nextBar("ArrowRight", 0, 3), 1);
  assert.equal(nextBar("ArrowRight", 2, 3), 2);
  assert.equal(nextBar("ArrowLeft", 1, 3), 0);
  assert.equal(nextBar("ArrowLeft", 0, 3), 0);
  assert.equal(nextBar("Home", 2, 3), 0);
  assert.equal(nextBar("End", 0, 3), 2);
});

test("other keys are the browser's", () => {
  for (const key of ["Tab", "Enter", " ", "ArrowDown", "a"]) {
    assert.equal(nextBar(key, 1, 3), null);
  }
});
