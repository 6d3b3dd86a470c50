/** Opens TensorBoards: from Launcher, menus and command palette, and for the folder selected in the file browser. */

import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin,
} from "@jupyterlab/application";
import { ICommandPalette, MainAreaWidget, WidgetTracker } from "@jupyterlab/apputils";
import { IDefaultFileBrowser } from "@jupyterlab/filebrowser";
import { ILauncher } from "@jupyterlab/launcher";
import { IMainMenu } from "@jupyterlab/mainmenu";
import { ITranslator, type TranslationBundle } from "@jupyterlab/translation";

import { pickFolder, trimFolder } from "./board-folders.js";
import { openBoardTab } from "./board-tab.js";
import { TENSORBOARD } from "./board-texts.js";
import { BoardWidget } from "./board-widget.js";
import { type Boards, IBoards } from "./boards.js";
import { tensorBoardIcon } from "./icons.js";
import { loadTexts, readLanguage } from "./language.js";

export const OPEN_TENSORBOARD = "neuronhub:open-tensorboard";
/** Also named in schema/tensorboard.json, which puts it into the file browser. */
const OPEN_SELECTED = "neuronhub:open-selected-folder";
const NAMESPACE = "neuronhub-tensorboard";
/** Below Open, Open With and Open in Terminal. */
const CONTEXT_RANK = 3;

type Open = (folder: string) => Promise<void>;

const tensorboard: JupyterFrontEndPlugin<void> = {
  id: "@neuronhub/lab:tensorboard",
  description: "Opens a TensorBoard on a folder.",
  autoStart: true,
  requires: [IBoards, ITranslator],
  optional: [ILabShell, ILayoutRestorer, IDefaultFileBrowser, ICommandPalette, ILauncher, IMainMenu],
  activate: (
    app: JupyterFrontEnd,
    boards: Boards,
    translator: ITranslator,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    browser: IDefaultFileBrowser | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    menu: IMainMenu | null,
  ): void => {
    const trans = loadTexts(translator);
    const open: Open =
      labShell === null
        ? (folder) => openBoardTab(boards, folder, trans, readLanguage(translator))
        : openInLab(app, boards, trans, restorer);
    app.commands.addCommand(OPEN_TENSORBOARD, {
      label: TENSORBOARD,
      caption: trans.__("Show what trainings have logged in the current folder"),
      icon: tensorBoardIcon,
      describedBy: { args: { type: "object", properties: { folder: { type: "string" }, cwd: { type: "string" } } } },
      execute: ({ folder, cwd }) => {
        const found = [folder, cwd].find((path) => typeof path === "string") ?? browser?.model.path ?? "";
        return open(trimFolder(found));
      },
    });
    if (browser !== null) {
      addSelected(app, browser, trans, open);
    }
    palette?.addItem({ command: OPEN_TENSORBOARD, category: "NeuronHub" });
    launcher?.add({ command: OPEN_TENSORBOARD, category: translator.load("jupyterlab").gettext("Other"), rank: 1 });
    menu?.fileMenu.newMenu.addItem({ command: OPEN_TENSORBOARD, rank: 25 });
  },
};

export default tensorboard;

/** A tab in the main area for each folder, there again after a reload. */
function openInLab(
  app: JupyterFrontEnd,
  boards: Boards,
  trans: TranslationBundle,
  restorer: ILayoutRestorer | null,
): Open {
  const tracker = new WidgetTracker<MainAreaWidget<BoardWidget>>({ namespace: NAMESPACE });
  void restorer?.restore(tracker, {
    command: OPEN_TENSORBOARD,
    args: ({ content }) => ({ folder: content.folder }),
    name: ({ content }) => `/${content.folder}`,
  });
  return async (folder) => {
    const known = tracker.find(({ content }) => content.folder === folder);
    const widget = known ?? new MainAreaWidget({ content: new BoardWidget(folder, boards, trans) });
    if (known === undefined) {
      widget.id = `${NAMESPACE}-/${folder}`;
      await tracker.add(widget);
      app.shell.add(widget, "main");
    }
    app.shell.activateById(widget.id);
    if (known !== undefined) {
      await known.content.start();
    }
  };
}

/** The file browser's button and its menu on folders. */
function addSelected(app: JupyterFrontEnd, browser: IDefaultFileBrowser, trans: TranslationBundle, open: Open): void {
  const pick = (): string | null => pickFolder(browser.selectedItems());
  app.commands.addCommand(OPEN_SELECTED, {
    label: ({ button }) => (button === true ? TENSORBOARD : trans.__("Open in TensorBoard")),
    caption: trans.__("Show what trainings have logged in the selected folder"),
    icon: ({ button }) => (button === true ? undefined : tensorBoardIcon),
    describedBy: { args: { type: "object", properties: { button: { type: "boolean" } } } },
    isVisible: () => pick() !== null,
    execute: async () => {
      const folder = pick();
      if (folder !== null) {
        await open(folder);
      }
    },
  });
  const follow = (): void => {
    app.commands.notifyCommandChanged(OPEN_SELECTED);
  };
  browser.selectionChanged.connect(follow);
  browser.model.pathChanged.connect(follow);
  const selector = '.jp-DirListing-item[data-isdir="true"]';
  app.contextMenu.addItem({ command: OPEN_SELECTED, selector, rank: CONTEXT_RANK });
}
