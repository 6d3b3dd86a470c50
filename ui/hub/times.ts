/** Moments in the reader's language and time zone, in the page and from the API. */

const HALF_DAY_MS = 12 * 3600 * 1000;

/** A moment near now needs no date; any other gets one. */
export function formatMoment(iso: string, language: string, now: Date = new Date()): string {
  const moment = new Date(iso);
  const near = Math.abs(moment.getTime() - now.getTime()) < HALF_DAY_MS;
  const style: Intl.DateTimeFormatOptions = near
    ? { timeStyle: "medium" }
    : { dateStyle: "medium", timeStyle: "short" };
  return new Intl.DateTimeFormat(language, style).format(moment);
}

/** Write the page's `<time>` elements, which the hub rendered in its own time zone, in the reader's. */
export function localiseTimes(): void {
  for (const node of document.querySelectorAll("time")) {
    node.textContent = formatMoment(node.dateTime, document.documentElement.lang);
  }
}
