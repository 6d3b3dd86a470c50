/** What the server wrote into the page for its module, and the few things that every module does with the page. */

export interface PageData {
  base_url: string;
  xsrf: string;
  language: string;
  messages: Record<string, string>;
}

/** The page's data block. */
export function readPageData(): PageData {
  return JSON.parse(element("page-data").textContent) as PageData;
}

/** The element with this id, of the kind the module works with; a page without it is broken, and says so in the console. */
export function element(id: string): HTMLElement;
export function element<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind;
export function element(id: string, kind: new () => HTMLElement = HTMLElement): HTMLElement {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) {
    throw new Error(`the page has no ${kind.name} #${id}`);
  }
  return found;
}

/** Write only what changed: a screen reader hears a live region once, and a selection in the text survives. */
export function write(node: Element, text: string): void {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

/** A message of the page in the reader's language, its `{names}` filled in. */
export function say(page: PageData, key: string, values: Record<string, string | number> = {}): string {
  const text = page.messages[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/**
 * Show that a form is on its way, and let it be sent only once, and when `allows` says so.
 * A page that comes back from history is usable again.
 */
export function sendOnce(form: HTMLFormElement, button: HTMLButtonElement, allows: () => boolean = () => true): void {
  const label = button.textContent;
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent || !allows()) {
      event.preventDefault();
      return;
    }
    sent = true;
    button.setAttribute("aria-disabled", "true");
    write(button, button.dataset.busy ?? label);
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) {
      sent = false;
      button.removeAttribute("aria-disabled");
      write(button, label);
    }
  });
}
