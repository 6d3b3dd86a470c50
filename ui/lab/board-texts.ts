/** What is said of TensorBoards in several places. */

import { showErrorMessage } from "@jupyterlab/apputils";
import type { TranslationBundle } from "@jupyterlab/translation";

import { Refused } from "../environment/answers.js";
import { explain } from "../environment/messages.js";
import { translateTexts } from "../environment/texts.js";

/** A name, the same in every language. */
export const TENSORBOARD = "TensorBoard";

export function describeStart(trans: TranslationBundle): string {
  return trans.__("TensorBoard is starting …");
}

/** The reader's word for the folder of all folders. */
export function nameWorkspace(trans: TranslationBundle): string {
  return trans.__("Workspace");
}

/** Why a request has failed, and what to do next. */
export function explainFailure(error: unknown, trans: TranslationBundle): string {
  const texts = translateTexts((english) => trans.__(english));
  // Jupyter's own words for a server that has failed tell nobody anything.
  return error instanceof Refused && error.status >= 500 ? texts.odd : explain(error, texts);
}

export function showFailure(title: string, error: unknown, trans: TranslationBundle): void {
  void showErrorMessage(title, explainFailure(error, trans));
}
