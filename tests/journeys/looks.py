"""What a machine can say of a page's looks: rules of accessibility (axe-core), width, and what moves by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"

#: Put into every page before its own scripts: sums up what moved without anybody having asked for it.
WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (!entry.hadRecentInput) {
      window.shifts.push({
        value: entry.value,
        moved: entry.sources.map((source) => source.node?.id || source.node?.className || source.node?.nodeName),
      });
    }
  }
}).observe({ type: "layout-shift", buffered: true });
"""


def settle(page: Page) -> None:
    """Wait until what has changed is drawn: two frames, and, a second at most, whatever moves or fades."""
    page.evaluate(
        """async () => {
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          const moving = document.getAnimations().filter((animation) => animation.playState === "running");
          const still = Promise.allSettled(moving.map((animation) => animation.finished));
          await Promise.race([still, new Promise((done) => setTimeout(done, 1000))]);
        }"""
    )


def find_violations(page: Page, within: str | None = None) -> list[str]:
    """Every rule of WCAG 2.2 AA and of good practice that axe-core finds broken, with the elements that break it.

    ``within``: a selector, for pages that are not all ours.
    """
    answer: dict[str, Any] = page.evaluate(
        """async (within) => {
          const found = await axe.run(within ?? document, {
            runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
            resultTypes: ["violations"],
          });
          return { rules: found.passes.length, violations: found.violations.map((v) => ({
            id: v.id, help: v.help, nodes: v.nodes.map((n) => `${n.target} ${n.failureSummary}`) })) };
        }""",
        within,
    )
    assert answer["rules"] > 10, "the check has found nothing to check"
    return [f"{v['id']}: {v['help']}: {'; '.join(v['nodes'])}" for v in answer["violations"]]


def find_wide(page: Page) -> list[str]:
    """What makes the page scroll sideways, if anything does."""
    wide: list[str] = page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return [];
          return [...document.querySelectorAll("body *")]
            .filter((node) => node.getBoundingClientRect().right > width + 1)
            .map((node) => `${node.nodeName}#${node.id}.${node.className}`);
        }"""
    )
    return wide


def measure_shift(page: Page) -> tuple[float, list[Any]]:
    """How much has moved by itself since the page was loaded (0 is nothing, 0.1 is bad), and what."""
    settle(page)
    shifts: list[dict[str, Any]] = page.evaluate("window.shifts")
    return sum(shift["value"] for shift in shifts), [shift["moved"] for shift in shifts]
