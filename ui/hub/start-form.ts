/** The form of the start page: Job queue and time limit, and the cost of both together. */

import { type Cluster, hasRoom, knownQueues, type Queue, timeProblem } from "./cluster.js";
import { describeDuration, formatTimeLimit, parseTimeLimit } from "./durations.js";
import { CostBox, type CostPage } from "./cost-box.js";
import { element, say, write } from "./page.js";

/** How long typing must rest before the cost is told to those who listen. */
const REST_MS = 300;

export class StartForm {
  /** Called with the queue's name whenever another queue is picked. */
  onPick: (name: string) => void = () => undefined;

  private readonly select = element("queue", HTMLSelectElement);
  private readonly time = element("time_limit", HTMLInputElement);
  private readonly presets = Array.from(document.querySelectorAll<HTMLButtonElement>(".nh-presets button"));
  private readonly cost: CostBox;
  private cluster: Cluster | null = null;

  /** `timeIsChosen`: the time limit in the page is the person's own; another queue's default does not replace it. */
  constructor(
    private readonly page: CostPage,
    private timeIsChosen: boolean,
  ) {
    this.timeIsChosen ||= this.time.value !== this.time.defaultValue; // typed while this module was on its way
    this.cost = new CostBox(page);
    this.cost.onPick = () => {
      this.describe();
    };
    this.select.addEventListener("change", () => {
      this.picking();
    });
    this.time.addEventListener("input", () => {
      this.timeIsChosen = true;
      this.describe(REST_MS);
    });
    for (const preset of this.presets) {
      preset.addEventListener("click", () => {
        this.timeIsChosen = true;
        this.time.value = formatTimeLimit(this.secondsOf(preset));
        this.describe();
      });
    }
  }

  /** The name of the picked queue, or ''. */
  get picked(): string {
    return this.select.value;
  }

  /** False when the hub would refuse what is asked for; the reason is shown. */
  allows(): boolean {
    return this.cost.allows();
  }

  /** Take in a renewed table; what the person has picked and typed stays. */
  offer(cluster: Cluster): void {
    this.cluster = cluster;
    this.cost.reserve(this.queues, cluster);
    const known = new Map(Array.from(this.select.options, (option) => [option.value, option] as const));
    const before = this.select.value;
    const options = this.queues.map((queue) => this.optionOf(queue, known.get(queue.name)));
    if (options.length !== known.size || options.some((option) => !option.isConnected)) {
      this.select.replaceChildren(...options);
      this.select.value = known.has(before) ? before : (this.queues.find((queue) => queue.usable)?.name ?? "");
    }
    this.suggestTime();
    this.describe();
  }

  /** Pick a queue by name, if it is usable. */
  pick(name: string): void {
    if (this.queues.some((queue) => queue.name === name && queue.usable)) {
      this.select.value = name;
      this.picking();
    }
  }

  private get queues(): readonly Queue[] {
    return this.cluster === null ? [] : knownQueues(this.cluster);
  }

  private get queue(): Queue | undefined {
    return this.queues.find((queue) => queue.name === this.select.value);
  }

  private picking(): void {
    this.suggestTime();
    this.describe();
    this.onPick(this.select.value);
  }

  private optionOf(queue: Queue, known: HTMLOptionElement | undefined): HTMLOptionElement {
    const option = known ?? new Option("", queue.name);
    const kind = queue.usable ? (queue.charged ? "queue_charged" : "queue_free") : "queue_closed";
    write(option, say(this.page, kind, { name: queue.name }));
    option.disabled = !queue.usable;
    return option;
  }

  private suggestTime(): void {
    const typing = document.activeElement === this.time; // perhaps since before this module came
    if (this.queue !== undefined && !typing && (!this.timeIsChosen || this.time.value === "")) {
      this.time.value = formatTimeLimit(this.queue.default_time_s);
    }
  }

  private secondsOf(preset: HTMLButtonElement): number {
    return "maximum" in preset.dataset ? (this.queue?.max_time_s ?? 0) : Number(preset.dataset.seconds);
  }

  private describe(restMs = 0): void {
    const { queue, cluster } = this;
    if (queue === undefined || cluster === null) {
      return;
    }
    const seconds = parseTimeLimit(this.time.value);
    const problem = timeProblem(seconds, queue);
    this.describeQueue(queue);
    this.describeTime(queue, seconds, problem);
    for (const preset of this.presets) {
      const offered = this.secondsOf(preset);
      preset.disabled = offered === 0 || timeProblem(offered, queue) !== null;
      preset.setAttribute("aria-pressed", String(!preset.disabled && offered === seconds));
    }
    this.cost.show(queue, problem === null ? seconds : null, cluster, restMs);
  }

  private describeQueue(queue: Queue): void {
    const room = queue.places === null ? "now_nodes" : "now_places";
    const counts = queue.places ?? { free: queue.idle, total: queue.total };
    const facts = hasRoom(queue) ? say(this.page, room, counts) : say(this.page, "now_wait");
    write(element("queue-facts"), queue.usable ? facts : queue.why_not);
    this.select.setCustomValidity(queue.usable ? "" : queue.why_not);
  }

  private describeTime(queue: Queue, seconds: number | null, problem: "not_a_time" | "too_long" | null): void {
    const longest = queue.max_time_s === null ? "" : this.inWords(queue.max_time_s);
    const words = problem === null ? this.inWords(seconds ?? 0) : say(this.page, problem, { time: longest });
    const limit = problem === null && longest !== "" ? ` · ${say(this.page, "longest", { time: longest })}` : "";
    write(element("time-words"), words + limit);
    element("time-words").classList.toggle("nh-wrong", problem !== null);
    this.time.setCustomValidity(problem === null ? "" : words);
    this.time.setAttribute("aria-invalid", String(problem !== null));
  }

  private inWords(seconds: number): string {
    return describeDuration(seconds, this.page.language);
  }
}
