/** What is said of TensorBoards in several places. */

import { showErrorMessage } from "@jupyterlab/apputils";
import type { TranslationBundle } from "@jupyterlab/translation";

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
  return explain(
    error,
    translateTexts((english) => trans.__(english)),
  );
}

export function showFailure(title: string, error: unknown, trans: TranslationBundle): void {
  void showErrorMessage(title, explainFailure(error, trans));
}
