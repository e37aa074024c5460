"""Arabic is laid out right to left, and people who prefer reduced motion get none."""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import NewVisitor
from tests.browser.demo_process import Demo
from tests.browser.visitor import Visit

TRANSITION = "getComputedStyle(document.querySelector('form button[type=submit]')).transitionDuration"

MADE = """
async ([attribute, around]) => {
  const place = document.createElement("div");
  if (around) place.lang = around;
  const made = document.createElement("troika-form");
  made.setAttribute("form", "upr-webinar-10");
  if (attribute) made.setAttribute("lang", attribute);
  place.append(made);
  document.body.append(place);
  await new Promise((done) => setTimeout(done));
  return made.shadowRoot.querySelector("iframe").title;
}
"""
"""Puts a form into the page around it, without a name, and returns the frame's accessible name."""


def edges(locator: Locator) -> tuple[float, float]:
    """Left and right edge of an element, in pixels."""
    box = locator.bounding_box()
    assert box is not None
    return box["x"], box["x"] + box["width"]


@pytest.mark.parametrize(("language", "first_is_right"), [("en", False), ("ar", True)])
def test_line_begins_on_the_side_of_its_language(
    demo: Demo, visitor: Visit, language: str, first_is_right: bool
) -> None:
    visitor.page.goto(f"{demo.form_url}&lang={language}")
    links = visitor.page.locator(".languages button")
    _, end_of_first = edges(links.first)
    start_of_last, _ = edges(links.last)
    box, text = edges(visitor.page.locator(".consent input")), edges(visitor.page.locator(".consent label"))

    assert (end_of_first > start_of_last) is first_is_right
    assert (box[0] > text[0]) is first_is_right


def test_language_can_be_chosen_inside_the_partner_page(demo: Demo, visitor: Visit) -> None:
    visitor.page.goto(demo.ports.partner_url)
    frame = visitor.frame()
    frame.get_by_role("button", name="العربية").click()

    expect(frame.locator("html")).to_have_attribute("dir", "rtl")
    expect(frame.locator("h1")).to_contain_text("التسجيل")
    assert visitor.page.url == f"{demo.ports.partner_url}/"
    assert visitor.faults == []


def test_time_of_the_event_is_shown_in_the_readers_zone_too(demo: Demo, new_visitor: NewVisitor) -> None:
    page = new_visitor(timezone_id="Asia/Kathmandu").page
    page.goto(demo.form_url)

    expect(page.locator(".when time")).to_contain_text(
        "2:00 – 3:00 PM · New York time (EST, UTC−5) · 7:00 – 8:00 PM UTC"
    )
    expect(page.locator(".when .local")).to_contain_text("12:45 AM")
    assert page.input_value("#field-time_zone") == "Asia/Kathmandu"
    assert page.input_value("#field-country") == "NP"


def test_less_motion_means_no_motion(demo: Demo, visitor: Visit) -> None:
    visitor.page.goto(demo.form_url)
    assert visitor.page.evaluate(TRANSITION) != "0s"
    visitor.page.emulate_media(reduced_motion="reduce")

    assert visitor.page.evaluate(TRANSITION) == "0s"


@pytest.mark.parametrize(
    ("attribute", "around", "reads", "title"),
    [
        ("fr-CH", "ar", "zh-CN", "Inscription"),
        ("", "ar", "zh-CN", "التسجيل"),
        ("xx", "ru", "zh-CN", "报名"),
        ("xx", "", "pt-BR", "Registration"),
    ],
)
def test_frame_that_the_page_gives_no_name_has_one_in_the_language_of_the_form(
    demo: Demo, new_visitor: NewVisitor, attribute: str, around: str, reads: str, title: str
) -> None:
    """The attribute's, else that of the page around it, else the browser's: a screen reader reads it first."""
    page = new_visitor(locale=reads).page
    page.goto(demo.ports.partner_url)
    page.locator("troika-form iframe").first.wait_for(state="attached")
    made = page.evaluate(MADE, [attribute, around])
    assert made == title
