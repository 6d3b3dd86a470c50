import assert from "node:assert/strict";
import { test } from "node:test";

import { nameFolder, pickFolder, trimFolder } from "../lab/board-folders.js";
import { type Entry, listEntries } from "../lab/new-entries.js";

const LOGS = { type: "directory", path: "work/logs" };
const NOTEBOOK = { type: "notebook", path: "work/a.ipynb" };

test("a folder is meant when it alone is selected", () => {
  assert.equal(pickFolder([LOGS]), "work/logs");
  assert.equal(pickFolder([]), null);
  assert.equal(pickFolder([NOTEBOOK]), null);
  assert.equal(pickFolder([LOGS, NOTEBOOK]), null);
  assert.equal(pickFolder([LOGS, { type: "directory", path: "other" }]), null);
});

test("a folder has one spelling", () => {
  assert.deepEqual(["", "/", "logs/", "/a//b"].map(trimFolder), ["", "", "logs", "a/b"]);
});

test("a folder is called by its last part, and the workspace by its word", () => {
  assert.equal(nameFolder("runs/한글 폴더", "Workspace"), "한글 폴더");
  assert.equal(nameFolder("logs", "Workspace"), "logs");
  assert.equal(nameFolder("", "Workspace"), "Workspace");
});

function describe(entry: Entry): string {
  return "command" in entry ? `${entry.command} ${entry.args?.kernel ?? entry.args?.label ?? ""}`.trim() : "-";
}

test("New begins with Python 3, then other kernels by what they call themselves", () => {
  const kernels = {
    zr: { display_name: "A kernel" },
    ir: { display_name: "R" },
    python3: { display_name: "Python 3" },
    broken: undefined,
  };
  const entries = listEntries(kernels, "our:notebook", "our:folder", "our:board").map(describe);
  assert.deepEqual(entries.slice(0, 5), [
    "our:notebook python3",
    "our:notebook zr",
    "our:notebook broken",
    "our:notebook ir",
    "-",
  ]);
});

test("New goes on with files and sessions, also while no kernels are known", () => {
  assert.deepEqual(listEntries({}, "our:notebook", "our:folder", "our:board").map(describe), [
    "-",
    "filebrowser:create-new-file Text File",
    "our:folder",
    "terminal:create-new",
    "our:board",
    "-",
    "filebrowser:create-new-file Markdown File",
    "console:create",
  ]);
});
