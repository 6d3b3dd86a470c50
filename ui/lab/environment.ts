/** Opens the notebook environment: in Lab from Launcher, Settings menu and command palette, in Notebook as a tab of the tree. */

import { INotebookTree } from "@jupyter-notebook/tree";
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin,
} from "@jupyterlab/application";
import { ICommandPalette, MainAreaWidget, WidgetTracker } from "@jupyterlab/apputils";
import { ILauncher } from "@jupyterlab/launcher";
import { IMainMenu } from "@jupyterlab/mainmenu";
import { ITranslator } from "@jupyterlab/translation";

import { EnvironmentWidget } from "./environment-widget.js";
import { environmentIcon } from "./icons.js";
import { loadTexts } from "./language.js";
import { openByFragment, openTreePage } from "./tree-tab.js";

export const OPEN_ENVIRONMENT = "neuronhub:open-environment";

/** In the address of Notebook's tree: show the tab. */
const FRAGMENT = "#environment";
const NAMESPACE = "neuronhub-environment";

const environment: JupyterFrontEndPlugin<void> = {
  id: "@neuronhub/lab:environment",
  description: "Shows the notebook environment, and creates, repairs, resets and exports it.",
  autoStart: true,
  requires: [ITranslator],
  optional: [ILabShell, INotebookTree, ILayoutRestorer, ICommandPalette, ILauncher, IMainMenu],
  activate: (
    app: JupyterFrontEnd,
    translator: ITranslator,
    labShell: ILabShell | null,
    tree: INotebookTree | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    menu: IMainMenu | null,
  ): void => {
    const trans = loadTexts(translator);
    const make = (): EnvironmentWidget => new EnvironmentWidget(app.serviceManager.serverSettings, translator);
    const open =
      labShell !== null ? openInLab(app, make, restorer) : tree !== null ? openInTree(tree, make) : openTreePage(app, FRAGMENT);
    app.commands.addCommand(OPEN_ENVIRONMENT, {
      label: trans.__("Environment"),
      caption: trans.__("Notebook environment: packages, problems, repair"),
      icon: environmentIcon,
      describedBy: { args: { type: "object", properties: {} } },
      execute: open,
    });
    palette?.addItem({ command: OPEN_ENVIRONMENT, category: "NeuronHub" });
    launcher?.add({ command: OPEN_ENVIRONMENT, category: "NeuronHub" });
    menu?.settingsMenu.addGroup([{ command: OPEN_ENVIRONMENT }], 100);
  },
};

export default environment;

/** One widget in the main area, there again after a reload. */
function openInLab(app: JupyterFrontEnd, make: () => EnvironmentWidget, restorer: ILayoutRestorer | null): () => void {
  const tracker = new WidgetTracker<MainAreaWidget<EnvironmentWidget>>({ namespace: NAMESPACE });
  void restorer?.restore(tracker, { command: OPEN_ENVIRONMENT, name: () => NAMESPACE });
  return () => {
    const open = tracker.currentWidget;
    const widget = open ?? new MainAreaWidget({ content: make() });
    if (open === null) {
      widget.id = NAMESPACE;
      void tracker.add(widget);
      app.shell.add(widget, "main");
    }
    app.shell.activateById(widget.id);
  };
}

/** A tab beside Files and Running. */
function openInTree(tree: INotebookTree, make: () => EnvironmentWidget): () => void {
  const widget = make();
  tree.addWidget(widget);
  tree.tabBar.addTab(widget.title);
  return openByFragment(tree, widget, FRAGMENT);
}
