/** The wait page: follows a start by JupyterHub's event stream, through breaks, until Jupyter opens or the start failed. */

import { call, Refused, serverPath } from "./api.js";
import { formatClock } from "./durations.js";
import { element, type PageData, readPageData, say, write } from "./page.js";
import { advance, BEGINNING, type Progress, type ProgressEvent } from "./progress.js";
import { formatMoment } from "./times.js";

interface WaitPage extends PageData {
  user: string;
  server: string;
  progress_url: string;
  facts: ProgressEvent;
}

const FIRST_RETRY_MS = 3000;

const page = readPageData() as WaitPage;
let progress = advance(BEGINNING, page.facts);
let stream: EventSource | null = null;
let leaving = false;
/** What stands between this page and the hub, in words; '' while nothing does. */
let trouble = "";

function show(now: Progress): void {
  for (const step of document.querySelectorAll<HTMLElement>("#steps li")) {
    const number = Number(step.dataset.step);
    step.classList.toggle("nh-done", number < now.step || now.stage === "ready");
    if (number === now.step) {
      step.setAttribute("aria-current", "step");
    } else {
      step.removeAttribute("aria-current");
    }
  }
  document.body.dataset.stage = now.stage;
  const preparing = now.stage === "starting" ? now.preparing : null;
  write(element("headline"), say(page, preparing === null ? now.stage : "preparing"));
  element("share").hidden = preparing === null;
  element("share", HTMLProgressElement).value = preparing ?? 0;
  write(element("reason"), trouble || reasonOf(now));
  element("say").classList.toggle("nh-trouble", trouble !== "" || now.silent);
  write(element("job"), now.jobId === null ? "–" : String(now.jobId));
  write(element("queue"), now.queue || "–");
  write(element("state"), now.state || "–");
  write(element("submitted"), moment(now.submittedAt));
  write(element("log-lines"), now.logLines.join("\n"));
  element("log").hidden = now.logLines.length === 0;
  tick();
}

function reasonOf(now: Progress): string {
  if (now.stage === "failed" || now.stage === "ready") {
    return "";
  }
  return now.reason || (now.silent ? say(page, "unknown") : "");
}

function tick(): void {
  const since = progress.submittedAt === null ? Number.NaN : Date.parse(progress.submittedAt);
  write(element("elapsed"), Number.isNaN(since) ? "–" : formatClock((Date.now() - since) / 1000));
  const estimate = progress.estimatedStart;
  const due = estimate !== null && Date.parse(estimate) <= Date.now();
  write(element("estimate"), due ? say(page, "any_moment") : moment(estimate));
}

function moment(iso: string | null): string {
  return iso === null ? "–" : formatMoment(iso, page.language);
}

function note(text: string): void {
  trouble = text;
  show(progress);
}

function take(event: ProgressEvent): void {
  progress = advance(progress, event);
  show(progress);
  if (progress.stage === "ready" || progress.stage === "failed") {
    stream?.close();
    leave(progress.url);
  }
}

/** On success go to the server; after a failure the same address tells what happened. */
function leave(url: string | null): void {
  if (leaving) {
    return;
  }
  leaving = true;
  const next = new URLSearchParams(location.search).get("next");
  if (progress.stage === "failed") {
    setTimeout(() => {
      location.reload();
    }, 800);
  } else if (url !== null && next === null) {
    location.replace(url);
  } else {
    location.reload(); // the hub itself redirects to the ready server, and honours ?next=
  }
}

function follow(delay = FIRST_RETRY_MS): void {
  stream = new EventSource(page.progress_url);
  stream.onopen = () => {
    delay = FIRST_RETRY_MS;
    note("");
  };
  stream.onmessage = (message: MessageEvent<string>) => {
    take(JSON.parse(message.data) as ProgressEvent);
  };
  stream.onerror = () => {
    if (leaving) {
      return;
    }
    note(say(page, "reconnecting"));
    if (stream?.readyState === EventSource.CLOSED) {
      setTimeout(() => void reloadWhenHubAnswers(Math.min(delay * 2, 15_000)), delay);
    }
  };
}

/** The stream was refused: this start may be over, or the hub away. Only a hub that answers knows which page is right. */
async function reloadWhenHubAnswers(nextDelay: number): Promise<void> {
  try {
    await call(page, "GET", `users/${encodeURIComponent(page.user)}`);
    location.reload();
  } catch (error) {
    if (error instanceof Refused && error.status < 500) {
      location.reload(); // signed out, most likely: the hub asks to sign in and comes back here
    } else {
      follow(nextDelay);
    }
  }
}

async function cancel(button: HTMLButtonElement): Promise<void> {
  const label = button.textContent;
  leaving = true;
  button.setAttribute("aria-disabled", "true");
  write(button, button.dataset.busy ?? label);
  try {
    await call(page, "DELETE", serverPath(page.user, page.server));
    location.replace(`${page.base_url}home`);
  } catch (error) {
    leaving = false;
    const cause = error instanceof Error ? error.message : String(error);
    note(say(page, "cancel_failed", { cause }));
    button.removeAttribute("aria-disabled");
    write(button, label);
  }
}

const button = element("cancel", HTMLButtonElement);
button.addEventListener("click", () => {
  if (button.getAttribute("aria-disabled") !== "true") {
    void cancel(button);
  }
});
show(progress);
setInterval(tick, 1000);
follow();
