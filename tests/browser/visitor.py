"""A visitor's browser in a test: records every request, every page error and every event on the embedding page."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Frame, Locator, Page, Request, Worker

from tests.support.waiting import poll_until

WITHIN_MS = 15_000.0
WORKED_WITHIN_S = 90.0
"""On a machine with much else to do."""
LISTEN = """
window.hostEvents = [];
for (const name of ["ready", "started", "submitted", "registered", "proposed", "error"]) {
  document.addEventListener(`troika:${name}`, (event) => window.hostEvents.push([event.type, event.detail]));
}
window.messages = [];
window.addEventListener("message", (event) => window.messages.push([event.origin, event.data]));
"""
"""Runs in every page before its own scripts: what a partner's script could receive."""


@dataclass(slots=True)
class Visit:
    """One visitor's browser window and what happened in it. Grows while the test runs."""

    page: Page
    context: BrowserContext
    requests: list[Request] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)

    @property
    def origins(self) -> set[str]:
        """Every origin that was asked for anything; the browser's own pages are none."""
        parts = [urlsplit(request.url) for request in self.requests]
        return {f"{part.scheme}://{part.netloc}" for part in parts if part.scheme not in ("data", "blob", "about")}

    def frame(self) -> Frame:
        """The frame with the form in the partner's page, once the page shows it."""
        self.page.locator("troika-form iframe.ready").wait_for(timeout=WITHIN_MS)
        return self.page.frames[1]

    def events_named(self, name: str) -> list[dict[str, Any]]:
        """Details of the events called ``name`` that the host page has received."""
        return [detail for kind, detail in self.page.evaluate("window.hostEvents") if kind == name]

    def wait_for_event(self, name: str) -> dict[str, Any]:
        """The details of the first event called ``name``."""
        self.page.wait_for_function(
            "name => window.hostEvents.some((one) => one[0] === name)", arg=name, timeout=WITHIN_MS
        )
        return self.events_named(name)[0]

    def wait_until_worked(self) -> None:
        """Wait until a proof of work is solved that was begun."""
        poll_until(self._has_worked, WORKED_WITHIN_S, what="the work is done")

    def _has_worked(self) -> bool:
        self.page.evaluate("1")  # lets the events of workers in
        return bool(self.workers) and not self.page.workers

    def note(self, message: ConsoleMessage) -> None:
        """Record a fault. A refusal is not a fault of a page, and Chromium reports it by itself."""
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.faults.append(message.text)


@contextmanager
def visit(browser: Browser, **options: Any) -> Iterator[Visit]:
    """A new visitor with an empty profile, in Zurich, who reads English; ``options`` as of a browser context."""
    context = browser.new_context(**{"locale": "en-GB", "timezone_id": "Europe/Zurich", **options})
    context.set_default_timeout(WITHIN_MS)
    context.add_init_script(LISTEN)
    page = context.new_page()
    made = Visit(page, context)
    context.on("request", lambda request: made.requests.append(request))
    context.on("console", lambda message: made.note(message))
    page.on("worker", lambda worker: made.workers.append(worker))
    context.on("weberror", lambda error: made.faults.append(str(error.error)))
    try:
        yield made
    finally:
        context.close()


def leave(control: Locator) -> None:
    """Click what leads to another page, and wait until that page is there.

    A click returns when the browser has taken it. Without the wait the next step may still find its control in the page
    that is being left, where a click has no effect.
    """
    with control.page.expect_navigation():
        control.click()
