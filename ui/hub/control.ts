/** The Control Panel: stops the server and says when it has stopped; counts down the time that is left. */

import { call, Refused, serverPath } from "./api.js";
import { formatClock } from "./durations.js";
import { formatMoney } from "./money.js";
import { element, type PageData, readPageData, say, write } from "./page.js";
import { costUntil, type RunningCost } from "./running-cost.js";
import { localiseTimes } from "./times.js";

interface ControlPage extends PageData {
  user: string;
  stopping: boolean;
  cost: RunningCost | null;
}

interface UserModel {
  servers?: Record<string, unknown>;
}

const LOOK_AGAIN_MS = 700;
const COST_MS = 60_000;

const page = readPageData() as ControlPage;
const button = document.getElementById("stop");
const left = document.getElementById("left");
const cost = document.getElementById("cost");

/** Resolves once the hub knows no server of this name any more. */
async function untilStopped(): Promise<void> {
  for (;;) {
    const user = (await call(page, "GET", `users/${encodeURIComponent(page.user)}`)) as UserModel;
    if (user.servers?.[""] === undefined) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

async function stop(ask: boolean): Promise<void> {
  button?.setAttribute("aria-disabled", "true");
  write(element("stop-status"), say(page, "stopping"));
  try {
    if (ask) {
      await call(page, "DELETE", serverPath(page.user, ""));
    }
    await untilStopped();
    write(element("stop-status"), say(page, "stopped"));
    location.reload();
  } catch (error) {
    const cause = error instanceof Refused || error instanceof TypeError ? error.message : String(error);
    write(element("stop-status"), say(page, "stop_failed", { cause }));
    button?.removeAttribute("aria-disabled");
  }
}

function countDown(node: HTMLTimeElement): void {
  const seconds = (Date.parse(node.dateTime) - Date.now()) / 1000;
  write(node, seconds > 0 ? formatClock(seconds) : say(page, "over"));
}

/** The reader's clock may be wrong: what counts is how long the page has been there. */
function showCost(node: HTMLElement, known: RunningCost): void {
  const now = Date.parse(known.counted_at) + performance.now();
  const amount = formatMoney(costUntil(known, now), known.currency, page.language);
  write(node, say(page, "so_far", { amount }));
}

button?.addEventListener("click", () => {
  if (button.getAttribute("aria-disabled") !== "true") {
    void stop(true);
  }
});
if (page.stopping) {
  void stop(false);
}
localiseTimes();
if (left instanceof HTMLTimeElement) {
  countDown(left);
  setInterval(() => {
    countDown(left);
  }, 1000);
}
if (cost !== null && page.cost !== null) {
  const known = page.cost;
  setInterval(() => {
    showCost(cost, known);
  }, COST_MS);
}
