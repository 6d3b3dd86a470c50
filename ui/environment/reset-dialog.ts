/** Asks before a reset: says what goes and what stays. */

import { make, makeButton } from "./dom.js";
import { formatSize } from "./sizes.js";
import { type Status, totalSize } from "./status.js";
import { fill, type Texts } from "./texts.js";

/** Resolves to whether the reader wants it. The dialog is a child of `host` while it is open. */
export function confirmReset(host: HTMLElement, status: Status, texts: Texts, language: string): Promise<boolean> {
  const dialog = make("dialog", { class: "nh-env-dialog", "aria-label": texts.reset_title });
  const close = (answer: string): (() => void) => {
    return () => {
      dialog.close(answer);
    };
  };
  const cancel = makeButton(texts.cancel, "", close("no"));
  cancel.autofocus = true;
  dialog.append(
    make("h2", {}, texts.reset_title),
    make("p", {}, texts.reset_lead),
    list(texts.goes, [...describePackages(status, texts, language), fill(texts.goes_rest, { prefix: status.prefix })]),
    list(texts.stays, [texts.stays_files, texts.stays_others]),
    make("p", { class: "nh-env-hint" }, texts.reset_advice),
    make("div", { class: "nh-env-actions" }, cancel, makeButton(texts.reset_confirm, "nh-env-danger", close("yes"))),
  );
  host.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    dialog.showModal();
  });
}

function describePackages(status: Status, texts: Texts, language: string): string[] {
  if (status.packages.length === 0) {
    return [];
  }
  const count = new Intl.NumberFormat(language).format(status.packages.length);
  return [fill(texts.goes_packages, { count, size: formatSize(totalSize(status.packages), language) })];
}

function list(title: string, lines: string[]): HTMLElement {
  return make("div", {}, make("h3", {}, title), make("ul", {}, ...lines.map((line) => make("li", {}, line))));
}
