"""Filling in the form with the keyboard only."""

from playwright.sync_api import Frame, Page

MAX_TABS = 60


def tab_to(page: Page, frame: Frame, control: str) -> None:
    """Press Tab until the control with this id has the focus.

    Raises:
        AssertionError: it cannot be reached.
    """
    for _ in range(MAX_TABS):
        if frame.evaluate("document.hasFocus() && document.activeElement.id") == control:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{control} cannot be reached with the Tab key")


def tab_to_button(page: Page, frame: Frame) -> None:
    """Press Tab until the button that sends the form has the focus.

    Raises:
        AssertionError: it cannot be reached.
    """
    for _ in range(MAX_TABS):
        if frame.evaluate("document.hasFocus() && document.activeElement.getAttribute('type') === 'submit'"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("the button cannot be reached with the Tab key")


def fill_in(page: Page, frame: Frame, address: str) -> None:
    """Name, address, working group with the question that follows it, and consent: with Tab, letters and arrows."""
    tab_to(page, frame, "field-name")
    page.keyboard.type("A participant")
    tab_to(page, frame, "field-email")
    page.keyboard.type(address)
    tab_to(page, frame, "field-working_group")
    page.keyboard.type("Hou")
    tab_to(page, frame, "field-representative")
    page.keyboard.press("Space")
    tab_to(page, frame, "field-consent")
    page.keyboard.press("Space")


def focused(frame: Frame) -> str:
    """Id of what has the focus in ``frame``."""
    return str(frame.evaluate("document.activeElement.id"))
