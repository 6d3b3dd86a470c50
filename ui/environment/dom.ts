/** Elements made from tags, attributes and text; data only ever becomes text. */

type Child = Node | string | null;

export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** Write only what changed: a screen reader hears a live region once. */
export function write(node: Element, text: string): void {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

/** A button that can be told to rest without losing the focus: pressed meanwhile, it does nothing. */
export function makeButton(label: string, className: string, press: () => void): HTMLButtonElement {
  const button = make("button", { type: "button", class: `nh-env-button ${className}`.trim() }, label);
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-disabled") !== "true") {
      press();
    }
  });
  return button;
}

/** Offer the text as a file to keep. */
export function download(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
  make("a", { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}
