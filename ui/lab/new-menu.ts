/** Notebook's New, in place of its own: our words and order, TensorBoard, and kernels as they come and go. */

import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { IToolbarWidgetRegistry } from "@jupyterlab/apputils";
import { IDefaultFileBrowser } from "@jupyterlab/filebrowser";
import { ITranslator } from "@jupyterlab/translation";
import { caretDownIcon, newFolderIcon } from "@jupyterlab/ui-components";
import { Menu, MenuBar } from "@lumino/widgets";

import { loadTexts } from "./language.js";
import { listEntries } from "./new-entries.js";
import { addNewNotebook, NEW_NOTEBOOK } from "./new-notebook.js";
import { OPEN_TENSORBOARD } from "./tensorboard.js";

const NEW_FOLDER = "neuronhub:new-folder";

const newMenu: JupyterFrontEndPlugin<void> = {
  id: "@neuronhub/lab:new-menu",
  description: "Notebook's New menu.",
  autoStart: true,
  requires: [ITranslator, IToolbarWidgetRegistry],
  optional: [ILabShell, IDefaultFileBrowser],
  activate: (
    app: JupyterFrontEnd,
    translator: ITranslator,
    toolbars: IToolbarWidgetRegistry,
    labShell: ILabShell | null,
    browser: IDefaultFileBrowser | null,
  ): void => {
    if (labShell !== null) {
      return; // Lab has its Launcher
    }
    const { commands, serviceManager } = app;
    commands.addCommand(NEW_FOLDER, {
      label: loadTexts(translator).__("Folder"),
      icon: newFolderIcon,
      describedBy: { args: { type: "object", properties: {} } },
      execute: () => commands.execute("filebrowser:create-new-directory"),
    });
    addNewNotebook(app, translator, browser?.model ?? null);
    const menu = new Menu({ commands });
    menu.title.label = translator.load("notebook").gettext("New");
    menu.title.icon = caretDownIcon;
    const fill = (): void => {
      menu.clearItems();
      const kernels = serviceManager.kernelspecs.specs?.kernelspecs ?? {};
      for (const entry of listEntries(kernels, NEW_NOTEBOOK, NEW_FOLDER, OPEN_TENSORBOARD)) {
        menu.addItem(entry);
      }
    };
    let changed = true;
    const renew = (): void => {
      if (changed && !menu.isAttached) {
        fill();
        changed = false;
      }
    };
    serviceManager.kernelspecs.specsChanged.connect(() => {
      changed = true;
      renew(); // an open menu would close
    });
    renew();
    toolbars.addFactory("FileBrowser", "new-dropdown", () => {
      const bar = new MenuBar({ overflowMenuOptions: { isVisible: false } });
      bar.addMenu(menu);
      bar.addClass("jp-DropdownMenu");
      // Jupyter itself looks for kernels once a minute; one may have been installed a moment ago.
      for (const approach of ["pointerenter", "focusin"]) {
        bar.node.addEventListener(approach, () => {
          renew();
          void serviceManager.kernelspecs.refreshSpecs();
        });
      }
      return bar;
    });
  },
};

export default newMenu;
