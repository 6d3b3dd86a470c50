/** What the engines of a form cost, which account pays, and what that leaves it. */

import { make, write } from "../environment/dom.js";
import { fill } from "../environment/texts.js";
import { AccountChoice } from "../hub/account-choice.js";
import type { Queue } from "../hub/cluster.js";
import { describeCost, type Purse, speakCost } from "../hub/cost-words.js";
import { describeDuration } from "../hub/durations.js";
import type { Texts } from "./texts.js";

const DASH = "–";
const FIELDS = ["hourly", "detail", "most", "time", "available", "held", "after"] as const;

type Field = (typeof FIELDS)[number];

/** What the form has to know. */
export interface Verdict {
  /** Who pays; null: nobody has to, or nobody can. */
  account: string | null;
  /** What is wrong with it, and what to do; '' when nothing is. */
  problem: string;
  /** True when the hub would refuse it. */
  refused: boolean;
}

export class CostBox {
  readonly element: HTMLElement;

  private readonly accounts: AccountChoice;
  private readonly account: HTMLElement;
  private readonly accountName = make("b");
  private readonly label = make("dt");
  private readonly cells = Object.fromEntries(
    FIELDS.map((field) => [field, make("dd", { "data-cost": field })]),
  ) as Record<Field, HTMLElement>;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly spoken = make("p", { class: "nh-cl-hidden", role: "status" });

  /** `id` is unique in the page; `pick` is called when another account is picked. */
  constructor(
    id: string,
    private readonly texts: Texts,
    private readonly language: string,
    pick: () => void,
  ) {
    const select = make("select", { id: `${id}-account` });
    this.accounts = new AccountChoice(select, "");
    select.addEventListener("change", pick);
    const label = make("label", { for: select.id }, texts.account);
    this.account = make("div", { class: "nh-cl-row nh-cl-account" }, label, select, this.accountName);
    const { hourly, detail, most, time, available, held, after } = this.cells;
    const row = (name: string, ...cells: HTMLElement[]): HTMLElement => make("div", { class: `nh-cl-row nh-cl-${name}` }, ...cells);
    const rows = make(
      "dl",
      {},
      row("charged", make("dt", {}, texts.price), hourly, detail),
      row("most", this.label, most, time),
      row("budget", make("dt", {}, texts.left_now), available, held),
      row("budget", make("dt", {}, texts.left_after), after),
    );
    this.element = make("div", { class: "nh-cl-cost" }, this.account, rows, this.spoken);
  }

  /**
   * Show what jobs of so many units cost in `queue`, each for `seconds`; no jobs: their number is not known yet.
   * Those who listen hear it after `restMs`.
   */
  show(queue: Queue | undefined, jobs: readonly number[], seconds: number | null, purse: Purse, restMs: number): Verdict {
    const { texts, language } = this;
    const account = queue === undefined ? null : this.accounts.offer(queue, purse);
    const known = queue?.charged === true && jobs.length > 0;
    const lines = known ? describeCost(queue, jobs, seconds, account, purse, texts, language) : null;
    const free = queue?.charged === false;
    this.account.hidden = account === null;
    write(this.accountName, account?.name ?? "");
    this.element.classList.toggle("nh-cl-known", lines !== null);
    this.element.classList.toggle("nh-cl-budgeted", lines !== null && lines.available !== "");
    write(this.label, lines === null ? texts.cost : texts.at_most);
    for (const field of ["hourly", "detail", "available", "held", "after"] as const) {
      write(this.cells[field], lines?.[field] ?? "");
    }
    const most = lines === null || lines.most === "" ? DASH : lines.most;
    write(this.cells.most, free ? texts.cost_free : most);
    const time = seconds === null ? "" : describeDuration(seconds, language);
    write(this.cells.time, lines === null || time === "" ? "" : fill(texts.at_most_for, { time }));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const spoken = lines === null ? "" : speakCost(lines, seconds, account, texts, language);
      write(this.spoken, free ? texts.cost_free : spoken);
    }, restMs);
    return { account: account?.name ?? null, problem: lines?.problem ?? "", refused: lines?.refused ?? false };
  }
}
