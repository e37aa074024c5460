"""A coordinator's hand: what she presses at the console, by mouse or by keys alone, and how often.

A press is a link, a button, a box, a choice, a summary, or a field that gets the cursor. Typing is none, and neither is
Enter in a field, nor typing where the page itself has put the cursor.
"""

from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Locator, Page

MAX_TABS = 250
IS_FOCUSED = "control => control === document.activeElement"


@dataclass(slots=True)
class ConsoleDriver:
    """What was pressed since the hand began.

    Attributes:
        page: where she works.
        keys: whether she uses no mouse: each control is reached with the Tab key.
        pressed: names of what was pressed, in order.
    """

    page: Page
    keys: bool = False
    pressed: list[str] = field(default_factory=list)

    def link(self, name: str, called: str = "", within: Locator | None = None) -> None:
        """Follow the link ``name``; ``called``: what the table of jobs calls it, where that differs from run to run."""
        self._open((within or self.page).get_by_role("link", name=name, exact=True).first, called or name)

    def button(self, name: str, called: str = "", within: Locator | None = None) -> None:
        """Press the button ``name``, which leads to another page."""
        self._open((within or self.page).get_by_role("button", name=name, exact=True).first, called or name)

    def section(self, name: str, page: str = "") -> None:
        """Open a section of the navigation, and in it the page called ``page``."""
        self.link(name, within=self.page.get_by_role("navigation", name="Console"))
        if page:
            self.link(page, within=self.page.get_by_role("navigation", name=name))

    def found(self, control: Locator, called: str) -> None:
        """Press what no name alone finds, and what leads to another page."""
        self._open(control, called)

    def found_here(self, control: Locator, called: str) -> None:
        """Press what no name alone finds, and what changes nothing but itself: a box, a choice."""
        self._press(control, called, "Space")

    def fold(self, name: str) -> None:
        """Open what is folded away under ``name``."""
        self._press(self.page.locator("summary", has_text=name).first, name, "Enter")

    def tick(self, name: str) -> None:
        """Tick a box or a choice."""
        self._press(self.page.get_by_label(name, exact=True).first, name, "Space")

    def choose(self, label: str, option: str) -> None:
        """Choose an option by its words."""
        self.pressed.append(label)
        self.page.get_by_label(label, exact=True).first.select_option(label=option)

    def write(self, label: str, text: str) -> None:
        """Write into a field, replacing its content."""
        control = self.page.get_by_label(label, exact=True).first
        control.wait_for()
        if not control.evaluate(IS_FOCUSED):
            self.pressed.append(label)
            self._reach(control)
        if not self.keys:
            control.fill(text)
            return
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def enter(self) -> None:
        """Press Enter in the focused field: sends a form that has one field."""
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def download(self, name: str) -> Any:
        """Press what starts a download; returns it."""
        control = self.page.get_by_role("link", name=name, exact=True)
        with self.page.expect_download() as taken:
            self._press(control, name, "Enter")
        return taken.value

    def _open(self, control: Locator, called: str) -> None:
        control.wait_for()
        with self.page.expect_navigation():
            self._press(control, called, "Enter")

    def _press(self, control: Locator, called: str, key: str) -> None:
        self.pressed.append(called)
        if not self.keys:
            control.click()
            return
        self._reach(control)
        self.page.keyboard.press(key)

    def _reach(self, control: Locator) -> None:
        """Put the cursor there: at once, or with the Tab key.

        Raises:
            AssertionError: it cannot be reached with the Tab key.
        """
        if not self.keys:
            control.focus()
            return
        for _ in range(MAX_TABS):
            if control.evaluate(IS_FOCUSED):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{control} cannot be reached with the Tab key")
