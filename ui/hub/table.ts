/** The resource table of the start page, renewed in place: rows stay the same elements, so nothing jumps or loses focus. */

import { type Cluster, knownQueues, type Queue } from "./cluster.js";
import type { CostPage } from "./cost-box.js";
import { describePrice } from "./cost-words.js";
import { formatMoney } from "./money.js";
import { element, type PageData, say, write } from "./page.js";

/** Show the queues, in their order; rows are kept by the queue's name. */
export function showQueues(page: CostPage, cluster: Cluster): void {
  const queues = knownQueues(cluster);
  const body = element("queues").querySelector("tbody");
  if (body === null) {
    return;
  }
  const rows = new Map(
    Array.from(body.querySelectorAll<HTMLElement>("tr"), (row) => [row.dataset.queue ?? "", row] as const),
  );
  const wanted = queues.map((queue) => rows.get(queue.name) ?? newRow());
  queues.forEach((queue, index) => {
    fillRow(page, wanted[index] ?? newRow(), queue, cluster.currency);
  });
  if (wanted.length !== rows.size || wanted.some((row) => !row.isConnected)) {
    body.replaceChildren(...wanted);
  }
  element("no-queues").hidden = queues.length > 0;
}

/** Mark the row of the picked queue. */
export function markRow(name: string): void {
  for (const row of element("queues").querySelectorAll<HTMLElement>("tbody tr")) {
    row.classList.toggle("nh-picked", row.dataset.queue === name);
  }
}

function newRow(): HTMLElement {
  const copy = element("queue-row", HTMLTemplateElement).content.cloneNode(true) as DocumentFragment;
  return copy.firstElementChild as HTMLElement;
}

function fillRow(page: CostPage, row: HTMLElement, queue: Queue, currency: string): void {
  const number = new Intl.NumberFormat(page.language);
  const cell = (field: string): HTMLElement => row.querySelector<HTMLElement>(`[data-field="${field}"]`) ?? row;
  row.dataset.queue = queue.name;
  row.classList.toggle("nh-off", !queue.usable);
  row.classList.toggle("nh-full", queue.idle === 0);
  for (const field of ["name", "description", "why_not"] as const) {
    write(cell(field), queue[field]);
  }
  for (const field of ["alloc", "idle", "down", "total", "waiting"] as const) {
    write(cell(field), number.format(queue[field]));
  }
  drawBar(row, queue);
  fill(cell("free"), freeLines(page, queue, number));
  fill(cell("price"), priceParts(page, queue, currency));
}

function drawBar(row: HTMLElement, queue: Queue): void {
  const share = queue.total > 0 ? 100 / queue.total : 0;
  const counts = [queue.alloc, queue.idle, queue.down];
  let x = 0;
  row.querySelectorAll(".nh-bar rect").forEach((rect, index) => {
    const width = (counts[index] ?? 0) * share;
    rect.setAttribute("x", String(x));
    rect.setAttribute("width", String(width));
    x += width;
  });
}

function freeLines(page: PageData, queue: Queue, number: Intl.NumberFormat): HTMLElement[] {
  const lines = queue.gpus.map((gpu) => {
    const line = make("span", "nh-line", `${gpu.type.toUpperCase()} `);
    line.append(make("b", "", number.format(gpu.free)), ` / ${number.format(gpu.total)}`);
    return line;
  });
  if (queue.places !== null) {
    const places = { free: number.format(queue.places.free), total: number.format(queue.places.total) };
    lines.push(make("span", "nh-line", say(page, "places", places)));
  }
  return lines;
}

function priceParts(page: CostPage, queue: Queue, currency: string): HTMLElement[] {
  if (!queue.charged) {
    return [make("span", "nh-tag nh-tag-free", say(page, "free"))];
  }
  const tag = make("span", "nh-tag", say(page, "charged"));
  if (queue.price === null) {
    return [tag, make("span", "nh-price-detail", say(page, "no_price"))];
  }
  const detail = describePrice(queue.price, queue.price.units, "0", currency, page.cost_words, page.language);
  const amount = formatMoney(queue.price_per_hour ?? "0", currency, page.language);
  return [make("b", "", amount), make("span", "nh-price-detail", detail), tag];
}

function fill(node: HTMLElement, children: HTMLElement[]): void {
  const fresh = children.map((child) => child.outerHTML).join("");
  if (node.innerHTML !== fresh) {
    node.replaceChildren(...children);
  }
}

function make(tag: "span" | "b", className: string, text: string): HTMLElement {
  const node = document.createElement(tag);
  if (className !== "") {
    node.className = className;
  }
  node.textContent = text;
  return node;
}
