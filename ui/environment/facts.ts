/** The parts of the panel that show a status: facts, problems, the table of own packages. */

import { make, makeButton } from "./dom.js";
import { formatSize } from "./sizes.js";
import { type Action, type Package, type Problem, type Status, totalSize } from "./status.js";
import { fill, type Texts } from "./texts.js";

export function renderFacts(status: Status, texts: Texts): HTMLElement {
  const fact = (name: string, value: string | HTMLElement, className = ""): HTMLElement =>
    make("div", { class: className }, make("dt", {}, name), make("dd", {}, value));
  return make(
    "dl",
    { class: "nh-env-facts" },
    fact(texts.kind, describeKind(status.kind, texts)),
    fact(texts.base, describeBase(status, texts)),
    fact(texts.python, status.python || texts.none),
    fact(texts.place, make("code", {}, status.prefix), "nh-env-place"),
  );
}

function describeKind(kind: string, texts: Texts): string {
  return kind === "layered" ? texts.layered : kind === "full" ? texts.full : kind;
}

/** The version, and whether the site has a newer one. */
export function describeBase(status: Pick<Status, "base" | "newest_base">, texts: Texts): string {
  const { base, newest_base: newest } = status;
  if (newest === "" || base === "") {
    return base || newest || texts.none;
  }
  return base === newest ? fill(texts.base_newest, { base }) : fill(texts.base_older, { base, newest });
}

/** Each problem in a sentence, with the one button that helps. `id` is unique in the page. */
export function renderProblems(
  problems: readonly Problem[],
  texts: Texts,
  id: string,
  help: (remedy: Action) => void,
): HTMLElement[] {
  return problems.map((problem, index) => {
    const described = `${id}-${index}`;
    const button = makeButton(texts[problem.remedy], problem.serious ? "nh-env-primary" : "", () => {
      help(problem.remedy);
    });
    button.setAttribute("aria-describedby", described);
    return make(
      "li",
      { class: "nh-env-problem", "data-code": problem.code, "data-state": problem.serious ? "broken" : "note" },
      make("span", { class: "nh-env-sign", "aria-hidden": "true" }),
      make("p", { id: described }, make("b", {}, problem.serious ? texts.serious : texts.note), ` ${problem.text}`),
      button,
    );
  });
}

/** The user's own packages, or the sentence that there are none. */
export function renderPackages(packages: readonly Package[], texts: Texts, language: string): HTMLElement {
  if (packages.length === 0) {
    return make("p", { class: "nh-env-hint" }, texts.no_packages);
  }
  const column = (name: string, className = ""): HTMLElement => make("th", { scope: "col", class: className }, name);
  const count = new Intl.NumberFormat(language).format(packages.length);
  return make(
    "table",
    { class: "nh-env-packages" },
    make("caption", {}, texts.packages_hint),
    make("thead", {}, make("tr", {}, ...headings(texts).map(([name, className]) => column(name, className)))),
    make("tbody", {}, ...packages.map((each) => renderPackage(each, language))),
    make(
      "tfoot",
      {},
      make(
        "tr",
        {},
        make("th", { scope: "row", colspan: "2" }, fill(texts.total, { count })),
        make("td", { class: "nh-env-number" }, formatSize(totalSize(packages), language)),
        make("td"),
      ),
    ),
  );
}

function headings(texts: Texts): [string, string][] {
  return [
    [texts.name, ""],
    [texts.version, ""],
    [texts.size, "nh-env-number"],
    [texts.installer, ""],
  ];
}

function renderPackage(each: Package, language: string): HTMLElement {
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, each.name),
    make("td", {}, each.version),
    make("td", { class: "nh-env-number" }, formatSize(each.size_bytes, language)),
    make("td", {}, each.installer),
  );
}
