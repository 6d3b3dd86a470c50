/** The bars of a chart: one Tab stop for all of them, arrow keys from bar to bar, and the one at hand in words. */

import { write } from "./page.js";

/** Where a key leads from bar `from` of `count`; null: the key is not the chart's. */
export function nextBar(key: string, from: number, count: number): number | null {
  switch (key) {
    case "ArrowRight":
      return Math.min(from + 1, count - 1);
    case "ArrowLeft":
      return Math.max(from - 1, 0);
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

/** Let keys walk along the bars of `chart`, and `readout` say what the one at hand stands for. */
export function mountChart(chart: Element, readout: Element): void {
  const bars = [...chart.querySelectorAll<SVGAElement>("a")];
  const hint = readout.textContent;
  let stop = Math.max(
    bars.findIndex((bar) => bar.hasAttribute("aria-current")),
    0,
  );
  const show = (bar: Element | null): void => { write(readout, bar?.getAttribute("aria-label") ?? hint); };
  for (const [index, bar] of bars.entries()) {
    bar.setAttribute("tabindex", index === stop ? "0" : "-1");
    bar.addEventListener("pointerenter", () => { show(bar); });
    bar.addEventListener("pointerleave", () => { show(bars.find((one) => one === document.activeElement) ?? null); });
    bar.addEventListener("blur", () => { show(null); });
    bar.addEventListener("focus", () => {
      bars[stop]?.setAttribute("tabindex", "-1");
      stop = index;
      bar.setAttribute("tabindex", "0");
      show(bar);
    });
    bar.addEventListener("keydown", (event) => {
      const next = event.altKey || event.ctrlKey || event.metaKey ? null : nextBar(event.key, index, bars.length);
      if (next !== null) {
        event.preventDefault();
        bars[next]?.focus();
      }
    });
  }
}
