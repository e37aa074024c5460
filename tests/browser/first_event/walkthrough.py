"""The people of the tutorial, with their windows, pictures and a count of clicks."""

import base64
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page

from tests.browser.demo_process import Demo
from tests.browser.visitor import leave, visit
from tests.support.waiting import poll_until

WINDOW: dict[str, Any] = {"width": 1120, "height": 760}
COUNT = "addEventListener('pointerdown', (event) => event.isTrusted && window.countClick(), true)"
SHOW = """one => {
  const top = one.getBoundingClientRect().top + scrollY;
  window.scrollTo(0, top < 320 ? 0 : top - 60);
}"""
"""Scrolls to an element, unless the top of the page shows it."""


@dataclass(slots=True)
class Walkthrough:
    """The state of a run of the tutorial.

    Attributes:
        demo: that began empty.
        browser: in which each person has their own windows.
        windows: that are open until the end.
        page: the coordinator's window.
        colleague: a colleague's window.
        screenshots: folder for screenshots; None for none.
        clicks: so far.
        faults: of every window's pages.
        taken: names of the screenshots so far, whether or not they were stored.
    """

    demo: Demo
    browser: Browser
    windows: ExitStack
    screenshots: Path | None = None
    clicks: int = 0
    faults: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    page: Page = field(init=False)
    colleague: Page = field(init=False)

    def __post_init__(self) -> None:
        self.page = self.open_window()

    def open_window(self) -> Page:
        """A window of someone else, with its own profile, in which clicks are counted."""
        visitor = self.windows.enter_context(visit(self.browser, viewport=WINDOW))
        visitor.faults = self.faults
        visitor.context.expose_function("countClick", lambda: self._clicked())
        visitor.context.add_init_script(COUNT)
        return visitor.page

    def take_screenshot(self, name: str, page: Page | None = None, at: str = "h1") -> None:
        """Take a screenshot of the window as it is with ``at`` in view, or only remember its name."""
        self.taken.append(name)
        if self.screenshots is None:
            return
        shown = page or self.page
        shown.locator(at).first.evaluate(SHOW)
        session = shown.context.new_cdp_session(shown)
        shot = session.send("Page.captureScreenshot", {"format": "webp", "quality": 60})
        (self.screenshots / f"{name}.webp").write_bytes(base64.b64decode(shot["data"]))

    def _clicked(self) -> None:
        self.clicks += 1

    def first_steps(self) -> None:
        """Go back to the list of steps."""
        leave(self.page.get_by_role("navigation", name="Console").get_by_role("link", name="Set-up"))
        leave(self.page.get_by_role("navigation", name="Set-up").get_by_role("link", name="First steps"))

    def press(self, name: str) -> None:
        """Press a button of the coordinator's page, and wait for the page that it leads to."""
        leave(self.page.get_by_role("button", name=name, exact=True))

    def follow(self, name: str) -> None:
        """Follow a link of the coordinator's page, and wait for the page that it leads to."""
        leave(self.link(name))

    def link(self, name: str) -> Locator:
        """The first link of that name in the coordinator's page."""
        return self.page.get_by_role("main").get_by_role("link", name=name, exact=True).first

    def open_mailed(self, address: str, beginning: str) -> Page:
        """A new window at the inbox, and from there what the newest mail to ``address`` leads to."""
        poll_until(lambda: self.demo.mails(address), 30.0, what=f"mail to {address}")
        window = self.open_window()
        window.goto(self.demo.ports.inbox_url)
        window.get_by_role("link", name=f"to {address}").first.click()
        with window.expect_popup() as opened:
            window.locator(".links a").first.click()
        opened.value.wait_for_url(f"**{beginning}**")
        return opened.value
