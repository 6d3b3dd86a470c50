/** The resource table (row Q1) inside Jupyter, in the words of the start page; cells are renewed in place. */

import { make, makeButton, write } from "../environment/dom.js";
import { fill } from "../environment/texts.js";
import { type Cluster as Resources, knownQueues, type Queue } from "../hub/cluster.js";
import { describeAge } from "../hub/durations.js";
import { describePrice } from "../hub/cost-words.js";
import { formatMoney } from "../hub/money.js";
import type { Texts } from "./texts.js";

const NUMBERS = ["alloc", "idle", "down", "total", "waiting"] as const;

export class ResourceTable {
  readonly element: HTMLElement;

  private readonly age = make("span", { class: "nh-env-hint nh-cl-age" });
  private readonly news = make("p", { class: "nh-cl-hidden", role: "status" });
  private readonly problem = make("p", { class: "nh-env-message", "data-state": "note", role: "status" });
  private readonly empty: HTMLElement;
  private readonly rows = make("tbody", { role: "rowgroup" });
  private readonly table: HTMLElement;
  private shown: Resources | null = null;
  private receivedAt = 0;

  /** `id` is unique in the page; `refresh` resolves once what there is to know is shown. */
  constructor(
    id: string,
    private readonly texts: Texts,
    private readonly language: string,
    refresh: () => Promise<void>,
  ) {
    const title = make("h2", { id: `${id}-resources` }, texts.resources);
    const button = makeButton(texts.refresh, "", () => {
      button.setAttribute("aria-disabled", "true");
      write(this.news, "");
      void refresh().then(() => {
        button.setAttribute("aria-disabled", "false");
        write(this.news, this.problem.textContent === "" ? texts.refreshed : "");
      });
    });
    this.empty = make("p", { class: "nh-env-hint" }, texts.no_queues);
    this.table = make("table", { class: "nh-cl-queues", role: "table", "aria-labelledby": title.id }, this.headings(), this.rows);
    this.table.hidden = true;
    this.element = make(
      "section",
      { class: "nh-env-section", "aria-labelledby": title.id },
      make("div", { class: "nh-cl-head" }, title, this.age, button),
      this.news,
      make("p", { class: "nh-env-hint" }, texts.legend),
      this.problem,
      this.table,
      this.empty,
    );
  }

  show(resources: Resources): void {
    this.shown = resources;
    this.receivedAt = performance.now();
    write(this.problem, resources.problem ?? "");
    const queues = knownQueues(resources);
    const known = new Map(Array.from(this.rows.rows, (row) => [row.dataset.queue ?? "", row] as const));
    const wanted = queues.map((queue) => known.get(queue.name) ?? this.makeRow(queue.name));
    queues.forEach((queue, index) => {
      this.fillRow(wanted[index] ?? this.makeRow(queue.name), queue, resources.currency);
    });
    if (wanted.length !== known.size || wanted.some((row) => !row.isConnected)) {
      this.rows.replaceChildren(...wanted);
    }
    this.table.hidden = queues.length === 0;
    this.empty.hidden = queues.length > 0;
    this.showAge();
  }

  /** Why there is no newer table. */
  fail(text: string): void {
    write(this.problem, text);
  }

  showAge(): void {
    const known = this.shown?.age_s ?? null;
    if (known !== null) {
      const age = known + (performance.now() - this.receivedAt) / 1000;
      write(this.age, fill(this.texts.updated, { age: describeAge(age, this.language) }));
    }
  }

  private headings(): HTMLElement {
    const { texts } = this;
    const cell = (name: string, text: string): HTMLElement =>
      make("th", { scope: "col", role: "columnheader", "data-field": name }, text);
    const numbers = NUMBERS.map((name) => cell(name, texts[`column_${name}`]));
    const cells = [cell("name", texts.column_queue), ...numbers, cell("free", texts.column_free), cell("price", texts.column_price)];
    return make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...cells));
  }

  private makeRow(name: string): HTMLTableRowElement {
    const { texts } = this;
    const cell = (field: string, label: string): HTMLElement =>
      make("td", { role: "cell", "data-field": field, "data-label": label });
    const head = make(
      "th",
      { scope: "row", role: "rowheader", "data-field": "name" },
      make("b", {}, name),
      make("span", { class: "nh-env-hint" }),
      make("span", { class: "nh-cl-why" }),
    );
    return make(
      "tr",
      { role: "row", "data-queue": name },
      head,
      ...NUMBERS.map((field) => cell(field, texts[`column_${field}`])),
      cell("free", texts.column_free),
      cell("price", texts.column_price),
    );
  }

  private fillRow(row: HTMLTableRowElement, queue: Queue, currency: string): void {
    const number = new Intl.NumberFormat(this.language);
    const texts: Record<string, string> = {
      free: this.describeFree(queue, number),
      price: this.describePrice(queue, currency),
    };
    for (const field of NUMBERS) {
      texts[field] = number.format(queue[field]);
    }
    row.classList.toggle("nh-cl-off", !queue.usable);
    for (const cell of row.querySelectorAll<HTMLElement>("td")) {
      write(cell, texts[cell.dataset.field ?? ""] ?? "");
    }
    const [words, why] = row.querySelectorAll("span");
    if (words !== undefined && why !== undefined) {
      write(words, queue.description);
      write(why, queue.why_not);
    }
  }

  private describePrice({ charged, price, price_per_hour: hourly }: Queue, currency: string): string {
    if (!charged) {
      return this.texts.free;
    }
    if (price === null || hourly === null) {
      return `${this.texts.charged}\n${this.texts.no_price}`;
    }
    const amount = formatMoney(hourly, currency, this.language);
    return `${amount} · ${this.texts.charged}\n${describePrice(price, price.units, "0", currency, this.texts, this.language)}`;
  }

  private describeFree(queue: Queue, number: Intl.NumberFormat): string {
    const gpus = queue.gpus.map((gpu) => `${gpu.type.toUpperCase()} ${number.format(gpu.free)} / ${number.format(gpu.total)}`);
    const places = queue.places;
    const counts = places === null ? [] : [fill(this.texts.places, { free: places.free, total: places.total })];
    return [...gpus, ...counts].join("\n");
  }
}
