/** The reader's language in Jupyter, and NeuronHub's own catalogue in it. */

import type { ITranslator, TranslationBundle } from "@jupyterlab/translation";

export function loadTexts(translator: ITranslator): TranslationBundle {
  return translator.load("neuronhub");
}

/** "ko-KR" for Jupyter's "ko_KR". */
export function readLanguage(translator: ITranslator): string {
  return translator.languageCode.replace("_", "-");
}
