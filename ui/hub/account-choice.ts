/** The accounts that can pay, in a select that keeps what was picked. */

import { type Account, payingAccounts } from "./budgets.js";
import type { Cluster, Queue } from "./cluster.js";

export class AccountChoice {
  /** What was picked last, also while a queue is looked at in which nobody has to pay. */
  private picked: string;

  /** `picked` last time, or ''. */
  constructor(
    private readonly select: HTMLSelectElement,
    picked: string,
  ) {
    this.picked = picked;
    select.addEventListener("change", () => {
      this.picked = select.value;
    });
  }

  /** Offer those that can pay in `queue`, and return the one that will. Where nothing is charged, none is asked for. */
  offer(queue: Queue, { billing }: Pick<Cluster, "billing">): Account | null {
    const accounts = billing === null || !queue.charged ? [] : payingAccounts(billing, queue.name);
    const names = accounts.map(({ name }) => name);
    if (names.join("\n") !== Array.from(this.select.options, ({ value }) => value).join("\n")) {
      this.select.replaceChildren(...names.map((name) => new Option(name, name)));
    }
    this.select.value = names.find((name) => name === this.picked) ?? names[0] ?? "";
    this.select.hidden = names.length < 2;
    this.select.disabled = names.length === 0;
    return accounts.find(({ name }) => name === this.select.value) ?? null;
  }
}
