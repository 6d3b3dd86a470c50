/** Notebook's tree as the place of a panel: a tab that an address can open, and the way there from other pages. */

import type { INotebookTree } from "@jupyter-notebook/tree";
import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { Widget } from "@lumino/widgets";

/** What shows `widget`, a tab of the tree; an address that ends in `fragment` does so too. */
export function openByFragment(tree: INotebookTree, widget: Widget, fragment: string): () => void {
  const open = (): void => {
    tree.currentWidget = widget;
  };
  const follow = (): void => {
    if (location.hash === fragment) {
      open();
    }
  };
  addEventListener("hashchange", follow);
  follow();
  return open;
}

/** From a page with one document: the tree in a page of its own, at the tab of `fragment`. */
export function openTreePage(app: JupyterFrontEnd, fragment: string): () => void {
  return () => {
    window.open(`${app.serviceManager.serverSettings.baseUrl}tree${fragment}`, "_blank", "noopener");
  };
}
