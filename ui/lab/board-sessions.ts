/** Lists TensorBoards among the running sessions, in Notebook's tab and in Lab's side bar. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { IRunningSessionManagers } from "@jupyterlab/running";
import { ITranslator, type TranslationBundle } from "@jupyterlab/translation";

import { nameWorkspace, showFailure, TENSORBOARD } from "./board-texts.js";
import { type Board, type Boards, IBoards } from "./boards.js";
import { tensorBoardIcon } from "./icons.js";
import { loadTexts } from "./language.js";
import { OPEN_TENSORBOARD } from "./tensorboard.js";

const boardSessions: JupyterFrontEndPlugin<void> = {
  id: "@neuronhub/lab:board-sessions",
  description: "Lists TensorBoards among the running sessions.",
  autoStart: true,
  requires: [IBoards, ITranslator],
  optional: [IRunningSessionManagers],
  activate: (
    app: JupyterFrontEnd,
    boards: Boards,
    translator: ITranslator,
    managers: IRunningSessionManagers | null,
  ): void => {
    if (managers === null) {
      return;
    }
    const trans = loadTexts(translator);
    const refresh = (): void => {
      boards.refresh().catch((error: unknown) => {
        console.warn("NeuronHub: the TensorBoards cannot be had", error);
      });
    };
    managers.add(makeManager(app, boards, trans, refresh));
    // Others may have been started or shut down from another page meanwhile.
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) {
        refresh();
      }
    });
    void app.restored.then(refresh);
  },
};

export default boardSessions;

function makeManager(
  app: JupyterFrontEnd,
  boards: Boards,
  trans: TranslationBundle,
  refresh: () => void,
): Parameters<IRunningSessionManagers["add"]>[0] {
  const stop = (...which: readonly Board[]): void => {
    boards.stop(...which).catch((error: unknown) => {
      showFailure(trans.__("TensorBoard cannot be shut down"), error, trans);
    });
  };
  return {
    name: trans.__("TensorBoards"),
    supportsMultipleViews: false,
    running: () =>
      boards.list.map((board) => ({
        className: "nh-board-session",
        icon: () => tensorBoardIcon,
        label: () => board.folder || nameWorkspace(trans),
        labelTitle: () => `${TENSORBOARD}: /${board.folder}`,
        open: () => void app.commands.execute(OPEN_TENSORBOARD, { folder: board.folder }),
        shutdown: () => {
          stop(board);
        },
      })),
    shutdownAll: () => {
      stop(...boards.list);
    },
    refreshRunning: refresh,
    runningChanged: boards.changed,
    shutdownLabel: trans.__("Shut Down TensorBoard"),
    shutdownAllConfirmationText: trans.__("Shut down all TensorBoards? The logged files stay."),
  };
}
