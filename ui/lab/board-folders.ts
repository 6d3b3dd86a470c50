/** Which folder is meant, and what it is called. */

/** An entry of the file browser, as far as it matters here. */
interface Entry {
  readonly type: string;
  readonly path: string;
}

/** The folder that is selected; null unless one folder, and nothing else, is. */
export function pickFolder(selected: Iterable<Entry>): string | null {
  const [first, ...others] = selected;
  return first?.type === "directory" && others.length === 0 ? trimFolder(first.path) : null;
}

/** One spelling of a folder below the workspace; the workspace itself is ''. */
export function trimFolder(path: string): string {
  return path.split("/").filter(Boolean).join("/");
}

/** Its last part; `workspace` is the word for the workspace itself. */
export function nameFolder(folder: string, workspace: string): string {
  return folder === "" ? workspace : folder.slice(folder.lastIndexOf("/") + 1);
}
