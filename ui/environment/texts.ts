/** The panel's texts in English, and how a catalogue (English text -> its translations) turns them into another language. */

/** Marks a text for the message catalogues. */
function mark(text: string): string {
  return text;
}

export const ENGLISH = {
  title: mark("Notebook environment"),
  loading: mark("Looking at your environment …"),
  ready: mark("Ready"),
  missing: mark("Not made yet"),
  broken: mark("Broken"),
  working: mark("In progress"),
  ready_hint: mark("Kernels and terminals use it. Packages that you install with pip or conda go here."),
  missing_hint: mark("You have no notebook environment yet. Create makes one in a few seconds."),
  broken_hint: mark("Something is wrong with it; Jupyter itself keeps working. What helps is said below."),
  working_hint: mark("You can leave this page: the work goes on, and you see it when you come back."),
  kind: mark("Kind"),
  layered: mark("layered on the site's base"),
  full: mark("full copy of the site's base"),
  base: mark("Base"),
  base_newest: mark("{base} (newest)"),
  base_older: mark("{base} (newest: {newest})"),
  python: mark("Python"),
  place: mark("Place"),
  none: mark("none"),
  problems: mark("Problems"),
  serious: mark("Problem"),
  note: mark("Note"),
  packages: mark("Own packages"),
  packages_hint: mark("What you have installed on top of the base."),
  no_packages: mark("You have installed no packages of your own; what the base has is there all the same."),
  name: mark("Name"),
  version: mark("Version"),
  size: mark("Size"),
  installer: mark("Installed with"),
  total: mark("Total ({count})"),
  create: mark("Create"),
  repair: mark("Repair"),
  reset: mark("Reset …"),
  export: mark("Export"),
  refresh: mark("Refresh"),
  creating: mark("Creating the environment"),
  repairing: mark("Repairing the environment"),
  resetting: mark("Resetting the environment"),
  created: mark("The environment is there. Notebooks can use it now."),
  repaired: mark("The environment is repaired. Restart the kernels of open notebooks so that they use it."),
  was_reset: mark("The environment is as new. Restart the kernels of open notebooks so that they use it."),
  exported: mark("Exported as environment.yml. Keep the file: the environment can be made again from it."),
  refreshed: mark("Up to date."),
  silent: mark("The server does not answer. Check your connection and press Refresh."),
  silent_working: mark("The server does not answer just now; asking again. The work itself goes on."),
  odd: mark("The server's answer cannot be read. Reload the page; if it happens again, tell the operators."),
  signed_out: mark("You are signed out. Reload the page and sign in again."),
  reset_title: mark("Reset the notebook environment?"),
  reset_lead: mark("The environment goes back to its first state. This cannot be undone."),
  goes: mark("This goes"),
  goes_packages: mark("Your own packages: {count}, {size}"),
  goes_rest: mark("Everything else in {prefix}"),
  stays: mark("This stays"),
  stays_files: mark("Your workspace: notebooks and data"),
  stays_others: mark("Your other environments and the package cache"),
  reset_advice: mark("Press Export first if you want to know later which packages you had."),
  reset_confirm: mark("Reset the environment"),
  cancel: mark("Cancel"),
} as const;

export type Key = keyof typeof ENGLISH;
export type Texts = Readonly<Record<Key, string>>;

/** English text -> its forms in another language, as JupyterLab's catalogues hold them. */
export type Catalogue = Readonly<Record<string, unknown>>;

/** The texts, each as `translate` says it. */
export function translateTexts(translate: (english: string) => string): Texts {
  return translateEach(ENGLISH, translate);
}

/** Any such set of texts, each as `translate` says it. */
export function translateEach<Name extends string>(
  english: Readonly<Record<Name, string>>,
  translate: (english: string) => string,
): Readonly<Record<Name, string>> {
  const pairs = Object.entries<string>(english).map(([key, text]) => [key, translate(text)]);
  return Object.fromEntries(pairs) as Record<Name, string>;
}

/** What `catalogue` says for a text; the text itself where it says nothing. */
export function lookUp(catalogue: Catalogue, english: string): string {
  const forms = catalogue[english];
  const first: unknown = Array.isArray(forms) ? forms[0] : undefined;
  return typeof first === "string" && first !== "" ? first : english;
}

/** The text with its `{names}` filled in. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
