/** IPython Clusters in a page (rows N1, N3, X4): a form for each profile, the clusters that are there, the resource table. */

import { make, write } from "../environment/dom.js";
import { explain } from "../environment/messages.js";
import type { Cluster as Resources } from "../hub/cluster.js";
import { Poll } from "../hub/poll.js";
import type { ClustersApi } from "./api.js";
import { ClusterCard } from "./card.js";
import { type Cluster, isMoving, type Listing, type Order } from "./clusters.js";
import { ProfileForm } from "./form.js";
import { Gaze } from "./gaze.js";
import { ResourceTable } from "./resources.js";
import type { Texts } from "./texts.js";
import { describeNews } from "./words.js";

const MOVING_MS = 1000;
const CALM_MS = 5000;
const RESOURCES_MS = 10_000;

let mounted = 0;

export class ClustersPanel {
  private readonly id = `nh-cl-${++mounted}`;
  private readonly gaze = new Gaze();
  private readonly forms = new Map<string, ProfileForm>();
  private readonly cards = new Map<string, ClusterCard>();
  private clusters: readonly Cluster[] = [];
  private resources: Resources | null = null;
  /** Counts what was asked for: an answer from before it is out of date. */
  private deeds = 0;
  private busy = false;

  private readonly alert = make("p", { class: "nh-env-message", "data-state": "broken", role: "alert" });
  private readonly problem = make("p", { class: "nh-env-message", "data-state": "note", role: "status" });
  private readonly news = make("p", { class: "nh-env-message", "data-state": "ready", role: "status", tabindex: "-1" });
  private readonly spoken = make("p", { class: "nh-cl-hidden", role: "status" });
  private readonly loading: HTMLElement;
  private readonly profiles = make("div", { class: "nh-cl-profiles" });
  private readonly table: ResourceTable;
  private readonly root: HTMLElement;
  private readonly poll: Poll;
  private readonly resourcesPoll: Poll;
  private readonly ageTimer = setInterval(() => {
    this.table.showAge();
  }, 1000);

  /** Fills `host`, which is empty. `language` is a BCP 47 tag. Nothing is asked before `turn(true)`. */
  constructor(
    host: HTMLElement,
    private readonly api: ClustersApi,
    private readonly texts: Texts,
    private readonly language: string,
  ) {
    this.loading = make("p", { class: "nh-env-hint", role: "status" }, texts.loading);
    this.table = new ResourceTable(this.id, texts, language, async () => {
      await Promise.all([this.poll.now(), this.resourcesPoll.now()]);
    });
    this.root = make(
      "section",
      { class: "nh-env nh-cl", "aria-label": texts.title },
      make("p", { class: "nh-env-hint" }, texts.lead),
      this.alert,
      this.news,
      this.problem,
      this.spoken,
      this.loading,
      this.profiles,
      this.table.element,
    );
    host.append(this.root);
    const pace = (): number => (this.clusters.some(isMoving) ? MOVING_MS : CALM_MS);
    this.poll = new Poll(() => this.renew(), pace, this.gaze);
    this.resourcesPoll = new Poll(() => this.renewResources(), RESOURCES_MS, this.gaze);
  }

  /** Somebody begins or ceases to look. */
  turn(shown: boolean): void {
    this.gaze.turn(shown);
  }

  dispose(): void {
    this.gaze.dispose();
    clearInterval(this.ageTimer);
    this.root.remove();
  }

  private async renew(): Promise<boolean> {
    const deeds = this.deeds;
    try {
      const listing = await this.api.read();
      if (deeds === this.deeds && !this.busy) {
        this.show(listing);
      }
      return true;
    } catch (error) {
      write(this.problem, explain(error, this.texts));
      return false;
    }
  }

  private async renewResources(): Promise<boolean> {
    try {
      const resources = await this.api.readResources();
      this.table.show(resources);
      for (const form of this.forms.values()) {
        form.offer(resources);
      }
      this.resources = resources;
      return true;
    } catch (error) {
      this.table.fail(explain(error, this.texts));
      return false;
    }
  }

  private show(listing: Listing): void {
    this.loading.hidden = true;
    write(this.problem, listing.problem);
    this.drawForms(listing.profiles);
    this.take(listing.clusters);
  }

  /** From now on these are the clusters; what has changed is spoken. */
  private take(clusters: readonly Cluster[]): void {
    const news = describeNews(this.clusters, clusters, this.texts);
    if (news.length > 0) {
      write(this.spoken, news.join(" "));
    }
    this.clusters = clusters;
    this.drawCards();
  }

  private drawForms(profiles: readonly string[]): void {
    for (const [profile, form] of this.forms) {
      if (!profiles.includes(profile)) {
        form.element.remove();
        this.forms.delete(profile);
      }
    }
    profiles.forEach((profile, index) => {
      const known = this.forms.get(profile);
      const form = known ?? this.makeForm(profile, `${this.id}-${index}-${profile}`);
      if (this.profiles.children[index] !== form.element) {
        this.profiles.insertBefore(form.element, this.profiles.children[index] ?? null);
      }
    });
  }

  private makeForm(profile: string, id: string): ProfileForm {
    const form = new ProfileForm(profile, id, this.texts, this.language, (order) => void this.start(form, order));
    this.forms.set(profile, form);
    if (this.resources !== null) {
      form.offer(this.resources);
    }
    return form;
  }

  private drawCards(): void {
    const there = new Set(this.clusters.map(({ id }) => id));
    for (const [id, card] of this.cards) {
      if (!there.has(id)) {
        this.drop(id, card);
      }
    }
    for (const cluster of this.clusters) {
      const known = this.cards.get(cluster.id);
      if (known !== undefined) {
        known.show(cluster);
        continue;
      }
      const card = new ClusterCard(
        cluster,
        this.texts,
        this.language,
        (asked) => void this.stop(asked),
        (text) => void this.copy(text),
      );
      this.cards.set(cluster.id, card);
      this.forms.get(cluster.profile)?.clusters.append(card.element);
    }
    for (const form of this.forms.values()) {
      form.take(this.clusters);
    }
  }

  /** Take a card away; who was in it goes on at the form it came from. */
  private drop(id: string, card: ClusterCard): void {
    const focused = card.element.contains(document.activeElement);
    const form = Array.from(this.forms.values()).find((each) => each.clusters.contains(card.element));
    card.element.remove();
    this.cards.delete(id);
    if (focused) {
      form?.start.focus();
    }
  }

  private async start(form: ProfileForm, order: Order): Promise<void> {
    await this.once(form, async () => {
      const cluster = await this.api.start(order);
      this.take([...this.clusters, cluster]);
    });
  }

  private async stop(cluster: Cluster): Promise<void> {
    const card = this.cards.get(cluster.id);
    this.deeds += 1;
    this.say("", "");
    card?.rest(true);
    try {
      await this.api.stop(cluster.id);
      this.take(this.clusters.filter(({ id }) => id !== cluster.id));
    } catch (error) {
      this.say(explain(error, this.texts), "");
    } finally {
      this.deeds += 1;
      card?.rest(false);
      void this.poll.now();
    }
  }

  private async copy(text: string): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      this.say("", this.texts.copied);
    } catch (error) {
      if (!(error instanceof DOMException || error instanceof TypeError)) {
        throw error;
      }
      this.say("", this.texts.not_copied); // no permission, or a page without TLS
    }
  }

  /** One order at a time; what goes wrong is told. */
  private async once(form: ProfileForm, work: () => Promise<void>): Promise<void> {
    if (this.busy) {
      return;
    }
    this.busy = true;
    this.deeds += 1;
    this.say("", "");
    this.rest(form);
    try {
      await work();
    } catch (error) {
      this.say(explain(error, this.texts), "");
    } finally {
      this.busy = false;
      this.deeds += 1;
      this.rest(null);
      void this.poll.now();
    }
  }

  private rest(starting: ProfileForm | null): void {
    for (const form of this.forms.values()) {
      form.rest(this.busy, form === starting);
    }
  }

  private say(alert: string, news: string): void {
    write(this.alert, alert);
    write(this.news, news);
  }
}
