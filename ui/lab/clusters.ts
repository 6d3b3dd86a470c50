/** IPython Clusters: in Notebook a tab of the tree beside Files and Running, in Lab a panel of the left side bar. */

import { INotebookTree } from "@jupyter-notebook/tree";
import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import { ITranslator } from "@jupyterlab/translation";

import { ClustersWidget } from "./clusters-widget.js";
import { clustersIcon } from "./icons.js";
import { loadTexts } from "./language.js";
import { openByFragment, openTreePage } from "./tree-tab.js";

export const OPEN_CLUSTERS = "neuronhub:open-clusters";

/** In the address of Notebook's tree: show the tab. */
const FRAGMENT = "#clusters";
const RANK = 700;
/** Behind Files and Running. */
const PLACE = 2;

const clusters: JupyterFrontEndPlugin<void> = {
  id: "@neuronhub/lab:clusters",
  description: "Starts and stops engines of IPython clusters on nodes of the site.",
  autoStart: true,
  requires: [ITranslator],
  optional: [ILabShell, INotebookTree, ILayoutRestorer, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    translator: ITranslator,
    labShell: ILabShell | null,
    tree: INotebookTree | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
  ): void => {
    const trans = loadTexts(translator);
    const make = (): ClustersWidget => new ClustersWidget(app.serviceManager.serverSettings, translator);
    const open =
      labShell !== null ? addToLab(labShell, make(), restorer) : tree !== null ? addToTree(tree, make()) : openTreePage(app, FRAGMENT);
    app.commands.addCommand(OPEN_CLUSTERS, {
      label: trans.__("IPython Clusters"),
      caption: trans.__("Start and stop engines that compute in parallel"),
      icon: clustersIcon,
      describedBy: { args: { type: "object", properties: {} } },
      execute: open,
    });
    palette?.addItem({ command: OPEN_CLUSTERS, category: "NeuronHub" });
  },
};

export default clusters;

function addToLab(labShell: ILabShell, widget: ClustersWidget, restorer: ILayoutRestorer | null): () => void {
  widget.title.label = "";
  labShell.add(widget, "left", { rank: RANK });
  restorer?.add(widget, widget.id);
  return () => {
    labShell.activateById(widget.id);
  };
}

function addToTree(tree: INotebookTree, widget: ClustersWidget): () => void {
  tree.insertWidget(PLACE, widget);
  return openByFragment(tree, widget, FRAGMENT);
}
