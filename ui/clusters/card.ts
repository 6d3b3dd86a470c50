/** One cluster that is there: its state, its engines, its jobs, how to use it, and Stop. */

import { make, makeButton, write } from "../environment/dom.js";
import { fill } from "../environment/texts.js";
import { type Cluster, howToUse, type Job } from "./clusters.js";
import type { Texts } from "./texts.js";
import { describeName, describeRegistered } from "./words.js";

export class ClusterCard {
  readonly element: HTMLElement;

  private readonly badge = make("p", { class: "nh-env-badge" });
  private readonly bar = make("progress", { max: "1", value: "0" });
  private readonly registered = make("span");
  private readonly place = make("span", { class: "nh-env-hint" });
  private readonly error = make("p", { class: "nh-env-message", "data-state": "broken" });
  private readonly rows = make("tbody", { role: "rowgroup" });
  private readonly jobs: HTMLElement;
  private readonly use: HTMLElement;
  private readonly log = make("pre", { class: "nh-cl-log", tabindex: "0" });
  private readonly logBox: HTMLDetailsElement;
  private readonly stop: HTMLButtonElement;
  /** The jobs that are drawn, to draw them anew only when they have changed. */
  private drawn = "";
  private cluster: Cluster;
  private resting = false;

  constructor(
    cluster: Cluster,
    private readonly texts: Texts,
    private readonly language: string,
    stop: (cluster: Cluster) => void,
    copy: (text: string) => void,
  ) {
    this.cluster = cluster;
    const name = describeName(cluster);
    const code = howToUse(cluster);
    this.stop = makeButton(texts.stop, "nh-env-danger", () => {
      stop(this.cluster);
    });
    this.bar.setAttribute("aria-label", name);
    const table = { class: "nh-env-packages nh-cl-jobs", role: "table", "aria-label": texts.jobs };
    this.jobs = make("table", table, this.headings(), this.rows);
    const copyButton = makeButton(texts.copy, "", () => {
      copy(code);
    });
    this.use = make(
      "div",
      { class: "nh-cl-use" },
      make("span", { class: "nh-env-hint" }, texts.use),
      make("pre", { tabindex: "0", "aria-label": texts.use, role: "region" }, make("code", {}, code)),
      copyButton,
    );
    this.log.setAttribute("aria-label", texts.log);
    this.log.setAttribute("role", "region");
    this.logBox = make("details", { open: "" }, make("summary", {}, texts.log), this.log);
    this.element = make(
      "article",
      { class: "nh-cl-cluster", "data-cluster": cluster.id, "data-name": cluster.name, "aria-label": name },
      make("div", { class: "nh-cl-top" }, this.badge, make("b", {}, cluster.name), this.place, this.stop),
      make("div", { class: "nh-cl-progress" }, this.bar, this.registered),
      this.error,
      this.jobs,
      this.use,
      this.logBox,
    );
    this.show(cluster);
  }

  /** Draw newer knowledge of the same cluster. */
  show(cluster: Cluster): void {
    this.cluster = cluster;
    const state = this.resting ? "stopping" : cluster.state;
    this.element.dataset.state = this.badge.dataset.state = state;
    write(this.badge, this.texts[state]);
    this.stop.setAttribute("aria-disabled", String(state === "stopping"));
    const [label, named] = state === "failed" ? (["remove", "remove_named"] as const) : (["stop", "stop_named"] as const);
    write(this.stop, this.texts[label]);
    this.stop.setAttribute("aria-label", fill(this.texts[named], { cluster: describeName(cluster) }));
    write(this.registered, describeRegistered(cluster, this.texts));
    write(this.place, cluster.queue);
    this.bar.value = cluster.registered / cluster.engines;
    write(this.error, cluster.error);
    this.use.hidden = cluster.registered === 0;
    this.drawJobs(cluster.jobs);
    const log = cluster.log_lines.join("\n");
    write(this.log, log);
    this.logBox.hidden = log === "";
  }

  /** While its end has been asked for here. */
  rest(resting: boolean): void {
    this.resting = resting;
    this.show(this.cluster);
  }

  private headings(): HTMLElement {
    const { job, slurm_state, host, until } = this.texts;
    const cells = [job, slurm_state, host, until].map((text) => make("th", { scope: "col", role: "columnheader" }, text));
    return make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...cells));
  }

  private drawJobs(jobs: readonly Job[]): void {
    const fresh = JSON.stringify(jobs);
    if (fresh === this.drawn) {
      return;
    }
    this.drawn = fresh;
    this.jobs.hidden = jobs.length === 0;
    this.rows.replaceChildren(...jobs.map((job) => this.drawJob(job)));
  }

  private drawJob(job: Job): HTMLElement {
    const state = job.ended && job.exit_code !== 0 ? `${job.state} (${job.exit_code})` : job.state;
    const reason = job.reason === "" ? null : make("span", { class: "nh-cl-reason" }, job.reason);
    const { host, until } = this.texts;
    const cell = (label: string, ...children: (string | Node | null)[]): HTMLElement =>
      make("td", { role: "cell", "data-label": label }, ...children);
    return make(
      "tr",
      { role: "row" },
      make("th", { scope: "row", role: "rowheader" }, job.job_id === null ? "–" : String(job.job_id)),
      cell("", state, reason),
      cell(host, job.host || "–"),
      cell(until, job.ends_at === null ? "–" : this.inWords(job.ends_at)),
    );
  }

  private inWords(time: string): string {
    return new Intl.DateTimeFormat(this.language, { dateStyle: "short", timeStyle: "short" }).format(new Date(time));
  }
}
