/** The notebook environment in a page: its state, its problems, what can be done to it. For the hub's page and for Jupyter. */

import type { EnvironmentApi } from "./api.js";
import { download, make, makeButton, write } from "./dom.js";
import { renderFacts, renderPackages, renderProblems } from "./facts.js";
import { Follower } from "./follow.js";
import { describeEnd, describeWork, explain } from "./messages.js";
import { confirmReset } from "./reset-dialog.js";
import { type Action, type Answer, type Condition, type Errand, isUnderWay, type Status } from "./status.js";
import type { Texts } from "./texts.js";

export interface EnvironmentPanel {
  /** Read the state again. */
  refresh(): Promise<void>;
  /** Empty the element and ask nothing more. */
  dispose(): void;
}

/** Show the environment in `element`, which is empty. `language` is a BCP 47 tag, for numbers. */
export function mountEnvironmentPanel(
  element: HTMLElement,
  api: EnvironmentApi,
  texts: Texts,
  language: string,
): EnvironmentPanel {
  return new Panel(element, api, texts, language);
}

let mounted = 0;

class Panel implements EnvironmentPanel {
  private readonly id = `nh-env-${++mounted}`;
  private readonly follower: Follower;
  private status: Status | null = null;
  /** The status that is drawn, to draw it anew only when it has changed. */
  private drawn = "";
  /** The errand that this page has seen under way; its end is news. */
  private followed: Errand | null = null;
  private asking = false;

  private readonly badge = make("p", { class: "nh-env-badge" });
  private readonly hint = make("p", { class: "nh-env-hint" });
  private readonly facts = make("div");
  private readonly bar = make("progress", { max: "1" });
  private readonly step = make("p", { class: "nh-env-step", role: "status", "aria-live": "polite" });
  private readonly work = make("div", { class: "nh-env-work", hidden: "" }, this.bar, this.step);
  private readonly alert = make("p", { class: "nh-env-message", "data-state": "broken", role: "alert", tabindex: "-1" });
  private readonly news = make("p", { class: "nh-env-message", "data-state": "ready", role: "status", tabindex: "-1" });
  private readonly problems = make("ul", { class: "nh-env-problems" });
  private readonly problemsSection: HTMLElement;
  private readonly packages = make("div");
  private readonly packagesSection: HTMLElement;
  private readonly root: HTMLElement;
  private readonly buttons: Record<"create" | "repair" | "reset" | "export" | "refresh", HTMLButtonElement>;

  constructor(
    private readonly host: HTMLElement,
    private readonly api: EnvironmentApi,
    private readonly texts: Texts,
    private readonly language: string,
  ) {
    const button = (label: string, className: string, work: () => Promise<void>): HTMLButtonElement =>
      makeButton(label, className, () => void this.once(work));
    this.buttons = {
      create: button(texts.create, "nh-env-primary", () => this.start("create")),
      repair: button(texts.repair, "", () => this.start("repair")),
      reset: button(texts.reset, "nh-env-danger", () => this.start("reset")),
      export: button(texts.export, "", () => this.export()),
      refresh: button(texts.refresh, "", () => this.refreshByHand()),
    };
    this.problemsSection = this.section(texts.problems, this.problems);
    this.packagesSection = this.section(texts.packages, this.packages);
    this.root = make(
      "section",
      { class: "nh-env", "aria-label": texts.title },
      make("div", { class: "nh-env-state" }, this.badge, this.hint),
      this.work,
      this.alert,
      this.news,
      this.problemsSection,
      this.facts,
      make("div", { class: "nh-env-actions" }, ...Object.values(this.buttons)),
      this.packagesSection,
    );
    this.follower = new Follower(() => this.api.read(), {
      told: (answer) => {
        this.told(answer);
      },
      failed: (error, again) => {
        this.badge.hidden = this.status === null;
        this.say(this.alert, again ? texts.silent_working : explain(error, texts));
      },
    });
    this.host.append(this.root);
    this.draw(null);
    void this.refresh();
  }

  async refresh(): Promise<void> {
    await this.follower.look();
  }

  dispose(): void {
    this.follower.stop();
    this.root.remove();
  }

  private section(title: string, content: HTMLElement): HTMLElement {
    return make("section", { class: "nh-env-section", "aria-label": title }, make("h2", {}, title), content);
  }

  private told({ status, errand }: Answer): void {
    this.status = status;
    const focused = this.root.contains(document.activeElement);
    write(this.alert, "");
    this.draw(errand);
    if (isUnderWay(errand)) {
      this.followed = errand;
    } else {
      this.ended(errand);
    }
    if (focused && !this.root.contains(document.activeElement)) {
      (this.alert.textContent === "" ? this.news : this.alert).focus();
    }
  }

  /** An end that nobody here has waited for is old news, unless it explains why the environment is not ready. */
  private ended(errand: Errand | null): void {
    if (errand !== null && this.followed !== null) {
      this.say(errand.error === null ? this.news : this.alert, describeEnd(errand, this.texts));
    } else if (this.status?.condition !== "ready") {
      write(this.alert, errand?.error ?? "");
    }
    this.followed = null;
  }

  private async start(action: Action): Promise<void> {
    if (action === "reset" && this.status !== null) {
      if (!(await confirmReset(this.root, this.status, this.texts, this.language))) {
        return;
      }
    }
    try {
      this.followed = await this.api.start(action);
    } catch (error) {
      await this.refresh(); // somebody may have started something in another page
      throw error;
    }
    this.draw(this.followed);
    this.follower.follow();
  }

  private async export(): Promise<void> {
    download(await this.api.export(), "environment.yml");
    this.say(this.news, this.texts.exported);
  }

  private async refreshByHand(): Promise<void> {
    if ((await this.follower.look()) && this.alert.textContent === "" && this.work.hidden) {
      this.say(this.news, this.texts.refreshed);
    }
  }

  /** One thing at a time; what goes wrong is told. */
  private async once(work: () => Promise<void>): Promise<void> {
    if (this.asking) {
      return;
    }
    this.asking = true;
    this.say(this.news, "");
    this.rest();
    try {
      await work();
    } catch (error) {
      this.say(this.alert, explain(error, this.texts));
    } finally {
      this.asking = false;
      this.rest();
    }
  }

  /** Show one message, and only one: news and an alert never contradict each other. */
  private say(region: HTMLElement, text: string): void {
    write(this.alert, region === this.alert ? text : "");
    write(this.news, region === this.news ? text : "");
  }

  private draw(errand: Errand | null): void {
    const working = isUnderWay(errand);
    this.work.hidden = !working;
    if (working) {
      this.bar.value = errand.done;
      this.bar.setAttribute("aria-label", describeWork(errand.action, this.texts));
      write(this.step, errand.step || describeWork(errand.action, this.texts));
    }
    this.root.setAttribute("aria-busy", String(working));
    const condition = this.status?.condition ?? null;
    this.drawState(working ? "working" : (condition ?? "loading"));
    this.drawStatus();
    const there = condition === "ready" || condition === "broken";
    // While work goes on, the problems are those from before it; that nothing is there yet, the state says already.
    this.problemsSection.hidden = working || !there || this.status?.problems.length === 0;
    this.packagesSection.hidden = !there;
    this.buttons.create.hidden = condition !== "missing";
    this.buttons.repair.hidden = this.buttons.reset.hidden = this.buttons.export.hidden = !there;
    this.rest();
  }

  private drawState(state: Condition | "working" | "loading"): void {
    this.badge.hidden = false;
    this.badge.dataset.state = state;
    write(this.badge, this.texts[state]);
    write(this.hint, state === "loading" ? "" : this.texts[`${state}_hint`]);
  }

  private drawStatus(): void {
    const status = this.status;
    const fresh = JSON.stringify(status);
    if (fresh === this.drawn || status === null) {
      return;
    }
    this.drawn = fresh;
    const help = (remedy: Action): void => void this.once(() => this.start(remedy));
    this.facts.replaceChildren(renderFacts(status, this.texts));
    this.problems.replaceChildren(...renderProblems(status.problems, this.texts, this.id, help));
    this.packages.replaceChildren(renderPackages(status.packages, this.texts, this.language));
  }

  /** Let the buttons rest while something is under way. */
  private rest(): void {
    const resting = this.asking || !this.work.hidden;
    for (const button of this.root.querySelectorAll(".nh-env-button")) {
      if (button.closest("dialog") === null) {
        button.setAttribute("aria-disabled", String(resting));
      }
    }
  }
}
