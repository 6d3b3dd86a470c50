/** Makes a notebook that knows its kernel from the beginning, and opens it in a page of its own.
 *
 * Notebook's own command starts the kernel from the page of files while the notebook's page opens: a slow kernel is not
 * found there, and a failed one says nothing.
 */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { showErrorMessage } from "@jupyterlab/apputils";
import type { FileBrowserModel } from "@jupyterlab/filebrowser";
import type { KernelSpec } from "@jupyterlab/services";
import type { ITranslator } from "@jupyterlab/translation";
import { notebookIcon } from "@jupyterlab/ui-components";

import { PYTHON } from "./new-entries.js";

export const NEW_NOTEBOOK = "neuronhub:new-notebook";

/** Add the command; `folder` is where somebody looks. */
export function addNewNotebook(
  app: JupyterFrontEnd,
  translator: ITranslator,
  folder: Pick<FileBrowserModel, "path"> | null,
): void {
  const { contents, kernelspecs, serverSettings } = app.serviceManager;
  const describe = (kernel: string): KernelSpec.ISpecModel | undefined => kernelspecs.specs?.kernelspecs[kernel];
  const create = async (kernel: string): Promise<string> => {
    const { path } = await contents.newUntitled({ path: folder?.path ?? "", type: "notebook" });
    const spec = describe(kernel);
    const kernelspec = { name: kernel, display_name: spec?.display_name ?? kernel, language: spec?.language ?? "" };
    const content = { cells: [], metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 };
    await contents.save(path, { type: "notebook", format: "json", content });
    return path;
  };
  app.commands.addCommand(NEW_NOTEBOOK, {
    label: ({ kernel }) => describe(read(kernel))?.display_name ?? read(kernel),
    icon: notebookIcon,
    describedBy: { args: { type: "object", properties: { kernel: { type: "string" } }, required: ["kernel"] } },
    execute: async ({ kernel }) => {
      try {
        const path = await create(read(kernel));
        const encoded = path.split("/").map(encodeURIComponent).join("/");
        window.open(`${serverSettings.baseUrl}notebooks/${encoded}`, "_blank", "noopener");
      } catch (error) {
        await showErrorMessage(translator.load("jupyterlab").__("Error"), error as Error);
      }
    },
  });
}

function read(kernel: unknown): string {
  return typeof kernel === "string" ? kernel : PYTHON;
}
