/** The form of one profile: how many engines, where, for how long, and what that costs. */

import { make, makeButton, write } from "../environment/dom.js";
import { fill } from "../environment/texts.js";
import { type Cluster as Resources, knownQueues, type Queue, timeProblem } from "../hub/cluster.js";
import { describeDuration, parseTimeLimit } from "../hub/durations.js";
import type { Cluster, Order } from "./clusters.js";
import { CostBox, type Verdict } from "./cost.js";
import type { Texts } from "./texts.js";
import { countUnits, type Field, isProblem, readCount, readOrder } from "./wish.js";

const SLURM = "slurm";
/** How long typing must rest before those who listen are told what it costs. */
const REST_MS = 300;

export class ProfileForm {
  readonly element: HTMLElement;
  /** Where the profile's clusters are shown. */
  readonly clusters = make("div", { class: "nh-cl-list" });
  readonly start: HTMLButtonElement;

  private readonly fields: Record<Field, HTMLInputElement | HTMLSelectElement>;
  private readonly hint = make("p", { class: "nh-cl-problem", role: "status" });
  private readonly cost: CostBox;
  private readonly timeHint: HTMLElement;
  private resources: Resources | null = null;
  private taken: ReadonlySet<string> = new Set();
  private busy = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `id` is unique in the page; `start` is called with what can be asked for. */
  constructor(
    readonly profile: string,
    id: string,
    private readonly texts: Texts,
    private readonly language: string,
    order: (order: Order) => void,
  ) {
    const number = (value: string): HTMLInputElement =>
      make("input", { type: "number", min: "1", step: "1", inputmode: "numeric", value, required: "" });
    const text = (): HTMLInputElement =>
      make("input", { type: "text", autocomplete: "off", spellcheck: "false", size: "10" });
    this.fields = {
      engines: number("1"),
      nodes: number("1"),
      queue: make("select", {}, new Option(texts.choose, "")),
      time_limit: text(),
      name: text(),
    };
    this.cost = new CostBox(id, texts, language, () => {
      this.describe();
    });
    this.timeHint = make("span", { class: "nh-env-hint", id: `${id}-time` }, texts.time_hint);
    this.hint.id = `${id}-problem`;
    this.start = makeButton(texts.start, "nh-env-primary", () => {
      const wish = this.read();
      const { account } = this.describe();
      if (isProblem(wish)) {
        this.fields[wish.field].focus();
      } else {
        order(account === null ? wish : { ...wish, account });
      }
    });
    this.start.setAttribute("aria-describedby", this.hint.id);
    this.element = this.build(id);
    this.describe();
  }

  /** Take in a renewed table; what has been picked and typed stays. */
  offer(resources: Resources): void {
    this.resources = resources;
    const select = this.fields.queue as HTMLSelectElement;
    const known = new Map(Array.from(select.options, (option) => [option.value, option] as const));
    const options = knownQueues(resources).map((queue) => this.optionOf(queue, known.get(queue.name)));
    if (options.length + 1 !== known.size || options.some((option) => !option.isConnected)) {
      const picked = select.value;
      select.replaceChildren(...Array.from(select.options).slice(0, 1), ...options);
      select.value = options.some(({ value }) => value === picked) ? picked : "";
    }
    this.describe();
  }

  /** Names of this profile's clusters cannot be had again; one that has failed makes way. */
  take(clusters: readonly Cluster[]): void {
    const there = clusters.filter(({ profile, state }) => profile === this.profile && state !== "failed");
    this.taken = new Set(there.map(({ name }) => name));
    this.describe();
  }

  /** While an order is on its way, or nothing can be ordered. */
  rest(busy: boolean, starting: boolean): void {
    this.busy = busy;
    write(this.start, starting ? this.texts.starting_label : this.texts.start);
    this.describe();
  }

  private build(id: string): HTMLElement {
    const { texts, fields } = this;
    const slurm = this.profile === SLURM;
    const field = (name: Field, label: string, hint: HTMLElement | null = null): HTMLElement => {
      fields[name].id = `${id}-${name}`;
      fields[name].setAttribute("aria-describedby", [hint?.id, this.hint.id].filter(Boolean).join(" "));
      fields[name].addEventListener("input", () => {
        this.describe(REST_MS);
      });
      return make("div", { class: `nh-cl-field nh-cl-${name}` }, make("label", { for: fields[name].id }, label), fields[name], hint);
    };
    const nameHint = make("span", { class: "nh-env-hint", id: `${id}-name-hint` }, texts.name_hint);
    const title = make("h3", { id: `${id}-title` }, make("code", {}, this.profile));
    const hint = slurm ? texts.slurm_hint : this.profile === "local" ? texts.local_hint : texts.own_hint;
    const form = make(
      "form",
      { class: "nh-cl-form", novalidate: "", "aria-labelledby": title.id },
      field("engines", texts.engine),
      ...(slurm ? [field("nodes", texts.node), field("queue", texts.queue)] : []),
      ...(slurm ? [field("time_limit", texts.time_limit, this.timeHint)] : []),
      field("name", texts.name, nameHint),
      slurm ? this.cost.element : null,
      make("div", { class: "nh-cl-submit" }, this.start, this.hint),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.start.click();
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target instanceof HTMLInputElement) {
        event.preventDefault(); // the button is none that submits: pressed while it rests, it does nothing
        this.start.click();
      }
    });
    const head = make("div", { class: "nh-cl-head" }, title, make("p", { class: "nh-env-hint" }, hint));
    return make(
      "section",
      { class: "nh-cl-profile", "data-profile": this.profile, "aria-labelledby": title.id },
      head,
      form,
      this.clusters,
    );
  }

  private get queue(): Queue | undefined {
    const picked = this.fields.queue.value;
    return this.resources === null ? undefined : knownQueues(this.resources).find(({ name }) => name === picked);
  }

  private read(): ReturnType<typeof readOrder> {
    const slurm = this.profile === SLURM;
    const value = (field: Field): string | null => (slurm ? this.fields[field].value : null);
    const typed = {
      profile: this.profile,
      engines: this.fields.engines.value,
      nodes: value("nodes"),
      queue: value("queue"),
      time_limit: value("time_limit"),
      name: this.fields.name.value,
    };
    const wish = readOrder(typed, this.queue, this.texts, this.language);
    return !isProblem(wish) && this.taken.has(wish.name ?? "") ? { field: "name", text: this.texts.taken } : wish;
  }

  private optionOf(queue: Queue, known: HTMLOptionElement | undefined): HTMLOptionElement {
    const option = known ?? new Option("", queue.name);
    const kind = queue.usable ? (queue.charged ? "queue_charged" : "queue_free") : "queue_closed";
    write(option, fill(this.texts[kind], { name: queue.name }));
    option.disabled = !queue.usable;
    return option;
  }

  /** Say what is wrong with what is typed, and what it costs; those who listen hear it after `restMs`. */
  private describe(restMs = 0): Verdict {
    const wish = this.read();
    const problem = isProblem(wish) ? wish : null;
    for (const [name, field] of Object.entries(this.fields)) {
      field.setAttribute("aria-invalid", String(problem?.field === name && field.value !== ""));
    }
    const verdict = this.describeCost(restMs);
    const impossible = problem?.text === this.texts.taken || (problem === null && verdict.refused);
    this.start.setAttribute("aria-disabled", String(this.busy || impossible));
    const queue = this.queue;
    const hint = queue === undefined ? "" : fill(this.texts.time_default, { time: this.inWords(queue.default_time_s) });
    write(this.timeHint, [this.texts.time_hint, hint].filter((text) => text !== "").join(". "));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      write(this.hint, problem?.text ?? verdict.problem);
    }, restMs);
    return verdict;
  }

  private describeCost(restMs: number): Verdict {
    const { queue, resources } = this;
    const nodes = readCount(this.fields.nodes.value);
    const engines = readCount(this.fields.engines.value);
    if (resources === null || this.profile !== SLURM) {
      return { account: null, problem: "", refused: false };
    }
    const counted = queue !== undefined && nodes !== null && engines !== null && nodes <= engines;
    const jobs = counted ? countUnits(queue, nodes, engines) : [];
    const typed = this.fields.time_limit.value.trim();
    const seconds = typed === "" ? (queue?.default_time_s ?? null) : parseTimeLimit(typed);
    const possible = queue !== undefined && timeProblem(seconds, queue) === null;
    return this.cost.show(queue, jobs, possible ? seconds : null, resources, restMs);
  }

  private inWords(seconds: number): string {
    return describeDuration(seconds, this.language);
  }
}
