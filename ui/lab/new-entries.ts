/** What Notebook's New offers, and in which order. */

/** A command with its arguments, or a line between two groups. */
export type Entry =
  | { readonly type: "separator" }
  | { readonly command: string; readonly args?: Readonly<Record<string, string | boolean>> };

/** Names of kernels and what they call themselves. */
export type Kernels = Readonly<Record<string, { readonly display_name: string } | undefined>>;

export const PYTHON = "python3";

/** Kernels, Python 3 first, then files and sessions, then what else Notebook offers. */
export function listEntries(
  kernels: Kernels,
  newNotebook: string,
  newFolder: string,
  openTensorBoard: string,
): Entry[] {
  return [
    ...sortKernels(kernels).map((kernel) => ({ command: newNotebook, args: { kernel } })),
    { type: "separator" },
    { command: "filebrowser:create-new-file", args: { label: "Text File" } },
    { command: newFolder },
    { command: "terminal:create-new" },
    { command: openTensorBoard },
    { type: "separator" },
    {
      command: "filebrowser:create-new-file",
      args: { ext: "md", label: "Markdown File", iconName: "ui-components:markdown" },
    },
    { command: "console:create" },
  ];
}

function sortKernels(kernels: Kernels): string[] {
  const shown = (name: string): string => kernels[name]?.display_name ?? name;
  return Object.keys(kernels).sort((one, other) => {
    const first = Number(other === PYTHON) - Number(one === PYTHON);
    return first || shown(one).localeCompare(shown(other)) || one.localeCompare(other);
  });
}
