/** Queue, time left and cost so far, with the job's meters behind: in Lab's status bar and in Notebook's header. */

import { Widget } from "@lumino/widgets";

import { make, write } from "../environment/dom.js";
import { fill } from "../environment/texts.js";
import { type JobAnswer, secondsLeft } from "../job/job.js";
import { describeCharge, describeCost, describeLeft, describeTime, describeUsage, memoryShare, type Texts } from "../job/words.js";

const SOON_S = 15 * 60;
/** The cost is counted on that often: a figure that changes all the time draws the eye. */
const COST_MS = 60_000;
const FULL = 0.9;

export class JobWidget extends Widget {
  private readonly left = make("span", { class: "nh-job-left" });
  private readonly place = make("span", { class: "nh-job-place" });
  private readonly cost = make("span", { class: "nh-job-cost" });
  private costAt = -Infinity;
  private readonly use = make("span", { class: "nh-job-use" });
  private readonly details = make("span", { class: "nh-job-details", role: "tooltip", id: "nh-job-details" });

  constructor(
    private readonly texts: Texts,
    private readonly language: string,
  ) {
    super();
    this.id = "neuronhub-job";
    this.addClass("nh-job");
    this.node.tabIndex = 0;
    this.node.setAttribute("role", "group");
    this.node.setAttribute("aria-label", texts.name);
    this.node.setAttribute("aria-describedby", this.details.id);
    this.node.append(this.place, this.left, this.cost, this.use);
    const events = { mouseenter: true, focus: true, mouseleave: false, blur: false };
    for (const [event, open] of Object.entries(events)) {
      this.node.addEventListener(event, () => {
        this.toggleDetails(open);
      });
    }
    this.node.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        this.toggleDetails(false);
      }
    });
    this.hide();
  }

  override dispose(): void {
    this.details.remove();
    super.dispose();
  }

  /** In the page itself, since Jupyter's bars cut off what sticks out of them. */
  private toggleDetails(open: boolean): void {
    if (!open) {
      this.details.remove();
      return;
    }
    const bar = this.node.getBoundingClientRect();
    const below = bar.top < innerHeight / 2;
    this.details.style.top = below ? `${bar.bottom}px` : "auto";
    this.details.style.bottom = below ? "auto" : `${innerHeight - bar.top}px`;
    this.details.style.right = `${Math.max(0, innerWidth - bar.right)}px`;
    document.body.append(this.details);
  }

  /** Show `answer`; `now` is the present moment on the server's clock. */
  tell(answer: JobAnswer, now: number, silent: boolean): void {
    const { job, usage } = answer;
    if (job === null) {
      this.hide();
      return;
    }
    this.show();
    const left = secondsLeft(job, now);
    write(this.place, job.queue);
    write(this.left, left === null ? "" : describeLeft(left, this.texts, this.language));
    this.tellCost(answer, now);
    const lines = describeUsage(usage, this.texts, this.language);
    write(this.use, lines.slice(0, 2).join(" · "));
    this.toggleClass("nh-job-soon", left !== null && left <= SOON_S);
    this.toggleClass("nh-job-full", (memoryShare(usage) ?? 0) >= FULL);
    this.details.replaceChildren(
      ...this.describe(answer, silent).map((line) => make("span", { class: "nh-job-line" }, line)),
    );
  }

  private tellCost({ job }: JobAnswer, now: number): void {
    const words = describeCost(job?.cost ?? null, now, this.texts, this.language);
    const first = this.cost.textContent === "" || words === "";
    if (first || now - this.costAt >= COST_MS) {
      this.costAt = now;
      write(this.cost, words);
    }
  }

  private describe({ job, usage, problem }: JobAnswer, silent: boolean): string[] {
    const lines = [];
    if (job?.job_id != null) {
      lines.push(fill(this.texts.job, { id: job.job_id }));
    }
    if (job?.node) {
      lines.push(fill(this.texts.node, { node: job.node }));
    }
    if (job?.ends_at != null) {
      lines.push(fill(this.texts.ends, { time: describeTime(job.ends_at, this.language) }));
    }
    lines.push(...describeCharge(job?.cost ?? null, this.texts, this.language));
    lines.push(`${this.texts.of_this_job}:`, ...describeUsage(usage, this.texts, this.language));
    return silent ? [...lines, this.texts.silent] : problem === "" ? lines : [...lines, problem];
  }
}
