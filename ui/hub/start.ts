/** The start page: the table renews itself, and the form says what a start would cost. */

import { type Answer, isUnderWay } from "../environment/status.js";
import { call, Refused } from "./api.js";
import type { Cluster } from "./cluster.js";
import { describeAge } from "./durations.js";
import type { CostPage } from "./cost-box.js";
import { element, readPageData, say, sendOnce, write } from "./page.js";
import { Poll } from "./poll.js";
import { StartForm } from "./start-form.js";
import { markRow, showQueues } from "./table.js";
import { localiseTimes } from "./times.js";

interface StartPage extends CostPage {
  cluster: Cluster | null;
  /** False: somebody else's server is started, whose accounts are not the reader's. */
  own: boolean;
}

const REFRESH_MS = 5000;

const page = readPageData() as StartPage;
const form = new StartForm(page, page.choice.time_limit !== undefined && page.choice.time_limit !== "");
let cluster = page.cluster === null ? null : readable(page.cluster);
let receivedAt = performance.now();

function readable(table: Cluster): Cluster {
  return page.own ? table : { ...table, billing: null };
}

function show(): void {
  if (cluster === null) {
    return;
  }
  showQueues(page, cluster);
  form.offer(cluster);
  markRow(form.picked);
  write(element("problem"), cluster.problem ?? "");
  showAge();
}

function showAge(): void {
  const known = cluster?.age_s ?? null;
  if (known === null) {
    return;
  }
  const age = known + (performance.now() - receivedAt) / 1000;
  write(element("age"), say(page, "updated", { age: describeAge(age, page.language) }));
}

async function renew(): Promise<boolean> {
  try {
    cluster = readable((await call(page, "GET", "cluster")) as Cluster);
    receivedAt = performance.now();
    show();
    return true;
  } catch (error) {
    const signedOut = error instanceof Refused && (error.status === 401 || error.status === 403);
    const reason = error instanceof Refused && !signedOut ? error.message : "";
    write(element("problem"), reason || say(page, signedOut ? "signed_out" : "silent"));
    return false;
  }
}

/** In what state the notebook environment is; the link tells nothing of it when that cannot be had. */
async function showEnvironment(link: HTMLElement): Promise<void> {
  try {
    const { status, errand } = (await call(page, "GET", "neuronhub/environment")) as Answer;
    write(link, say(page, `environment_${isUnderWay(errand) ? "working" : status.condition}`));
    link.dataset.state = status.condition;
  } catch (error) {
    if (!(error instanceof Refused || error instanceof TypeError || error instanceof DOMException)) {
      throw error;
    }
  }
}

const poll = new Poll(renew, REFRESH_MS);

function refreshByHand(event: Event): void {
  event.preventDefault();
  const button = element("refresh");
  button.classList.add("nh-busy");
  write(element("refresh-status"), "");
  void poll.now().finally(() => {
    button.classList.remove("nh-busy");
    if (element("problem").textContent === "") {
      write(element("refresh-status"), say(page, "refreshed"));
    }
  });
}

function pickByRow(event: Event): void {
  const row = event.target instanceof Element ? event.target.closest<HTMLElement>("tbody tr") : null;
  const selecting = getSelection()?.isCollapsed === false;
  if (row?.dataset.queue !== undefined && !selecting) {
    form.pick(row.dataset.queue);
  }
}

form.onPick = markRow;
element("queues").addEventListener("click", pickByRow);
element("refresh").addEventListener("click", refreshByHand);
sendOnce(element("start-form", HTMLFormElement), element("submit", HTMLButtonElement), () => form.allows());
document.getElementById("start-error")?.focus();
localiseTimes();
show();
const environment = document.getElementById("environment");
if (environment !== null) {
  void showEnvironment(environment);
}
setInterval(showAge, 1000);
if ((cluster?.age_s ?? Infinity) * 1000 < REFRESH_MS) {
  poll.start();
} else {
  void poll.now();
}
