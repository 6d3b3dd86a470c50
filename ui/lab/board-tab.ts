/** One folder's TensorBoard in a tab of the browser, as Notebook opens everything. */

import { showErrorMessage } from "@jupyterlab/apputils";
import type { TranslationBundle } from "@jupyterlab/translation";

import { make } from "../environment/dom.js";
import { nameFolder } from "./board-folders.js";
import { describeStart, nameWorkspace, showFailure, TENSORBOARD } from "./board-texts.js";
import type { Boards } from "./boards.js";

/** Must be called at the click itself: later the browser lets no tab be opened. */
export async function openBoardTab(
  boards: Boards,
  folder: string,
  trans: TranslationBundle,
  language: string,
): Promise<void> {
  const title = trans.__("TensorBoard cannot be opened");
  const tab = window.open("", "_blank");
  if (tab === null) {
    void showErrorMessage(title, trans.__("The browser blocks the new tab. Allow pop-ups for this site and try again."));
    return;
  }
  const name = nameFolder(folder, nameWorkspace(trans));
  tab.document.title = `${TENSORBOARD}: ${name}`;
  tab.document.documentElement.lang = language;
  tab.document.body.style.font = "1rem system-ui, sans-serif";
  tab.document.body.append(make("h1", {}, name), make("p", { role: "status" }, describeStart(trans)));
  try {
    const board = await boards.ensure(folder);
    tab.location.replace(board.url);
  } catch (error) {
    tab.close();
    showFailure(title, error, trans);
  }
}
