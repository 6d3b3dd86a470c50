/** The start page's box of money: the account, what a start costs, and what that leaves. */

import { AccountChoice } from "./account-choice.js";
import type { Queue } from "./cluster.js";
import { type CostWords, describeCost, type Purse, speakCost } from "./cost-words.js";
import { element, type PageData, say, write } from "./page.js";

export interface CostPage extends PageData {
  cost_words: CostWords;
  choice: { queue?: string; time_limit?: string; account?: string };
}

const DASH = "–";

export class CostBox {
  /** Called when another account is picked. */
  onPick: () => void = () => undefined;

  private readonly accounts: AccountChoice;
  private readonly submit = element("submit", HTMLButtonElement);
  private readonly box = element("cost-box");
  private refused = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly page: CostPage) {
    const select = element("account", HTMLSelectElement);
    this.accounts = new AccountChoice(select, page.choice.account ?? "");
    select.addEventListener("change", () => {
      this.onPick();
    });
  }

  /** False when the hub would refuse the start; then the reason has the focus. */
  allows(): boolean {
    if (this.refused) {
      element("cost-problem").focus();
    }
    return !this.refused;
  }

  /** Keep room for everything, so that Submit stays where it is, if any of `queues` needs it. */
  reserve(queues: readonly Queue[], { billing }: Purse): void {
    this.box.classList.toggle("nh-cost-paid", billing !== null && queues.some(({ charged }) => charged));
  }

  /** Show what `seconds` in `queue` cost (null: no time is chosen); those who listen hear it after `restMs`. */
  show(queue: Queue, seconds: number | null, purse: Purse, restMs: number): void {
    const { cost_words: words, language } = this.page;
    const account = this.accounts.offer(queue, purse);
    const jobs = [queue.price?.units ?? 0];
    const lines = queue.charged ? describeCost(queue, jobs, seconds, account, purse, words, language) : null;
    element("account-field").hidden = account === null;
    write(element("account-name"), account?.name ?? "");
    this.refuse(lines?.refused ?? false);
    this.box.classList.toggle("nh-cost-free", lines === null);
    this.box.classList.toggle("nh-cost-unknown", lines === null || lines.available === "");
    write(element("cost-label"), say(this.page, lines === null ? "cost" : "at_most"));
    write(element("cost"), lines === null ? words.cost_free : lines.most || DASH);
    write(element("cost-hourly"), lines?.hourly ?? "");
    write(element("cost-detail"), lines?.detail ?? "");
    write(element("cost-available"), lines?.available ?? "");
    write(element("cost-held"), lines?.held ?? "");
    write(element("cost-after"), lines?.after === "" ? DASH : (lines?.after ?? ""));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      write(element("cost-problem"), lines?.problem ?? "");
      write(element("cost-spoken"), lines === null ? words.cost_free : speakCost(lines, seconds, account, words, language));
    }, restMs);
  }

  private refuse(refused: boolean): void {
    if (refused !== this.refused) {
      this.refused = refused;
      this.submit.classList.toggle("nh-refused", refused);
      this.submit.setAttribute("aria-disabled", String(refused));
    }
  }
}
