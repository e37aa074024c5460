"""What axe-core finds against WCAG 2.2 AA in a page that Chromium shows."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Frame, Page

OPTIONS: dict[str, Any] = {
    "resultTypes": ["violations"],
    "iframes": False,  # each frame is checked by itself: axe cannot reach into one of another origin
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
_RUN = """
options => axe.run(options).then(({ violations }) =>
  violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 150))]))
"""


def violations(frame: Page | Frame) -> list[tuple[str, list[str]]]:
    """Rules of axe-core that the document breaks, each with the elements that do.

    The script is put into a document once: that takes as much processor time as a check.
    """
    if frame.evaluate("typeof axe === 'undefined'"):
        frame.evaluate(AXE_SCRIPT)
    found: list[list[Any]] = frame.evaluate(_RUN, OPTIONS)
    return [(rule, elements) for rule, elements in found]
