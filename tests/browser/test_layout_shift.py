"""The page around the form does not jump when the form loads, even on a slow network."""

import re
import time

import pytest
from playwright.sync_api import Route

from deploy.local.installation import PARTNER
from services.registration.embed.snippets import (
    ELEMENT,
    FRAME,
    NARROW_PX,
    WIDE_PX,
    SnippetChoice,
    estimate_height,
    snippet_of,
)
from services.registration.forms.standard_forms import standard_form
from shared.i18n.languages import LANGUAGES
from shared.public_forms.definition import FormDefinition
from shared.runtime.yaml_source import read_yaml
from tests.browser.conftest import NewVisitor
from tests.browser.demo_process import Demo
from tests.browser.host_pages import host_page
from tests.browser.test_embedding import CONTENT_HEIGHT
from tests.browser.visitor import Visit
from tests.support.processes import PROJECT
from tests.support.waiting import poll_until

MAX_SHIFT = 0.1
DELAY_S = 0.6
"""Of the form, on a slow line. The script comes when the page has been painted without it."""
PAINTED = "performance.getEntriesByName('first-contentful-paint').length > 0"
OBSERVE = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const shift of list.getEntries()) if (!shift.hadRecentInput) window.shifted += shift.value;
}).observe({ type: "layout-shift", buffered: true });
"""
BELOW = "<h2>What else there is</h2>" + "<p>More of the partner's page, which people may read meanwhile.</p>" * 20
SIZES = {"wide": (1280, 800), "narrow": (360, 740)}
LONG, SHORT, WEBINAR = "geneva-delegation", "council-session-interest", "upr-webinar-10"


def definition(slug: str) -> FormDefinition:
    """The sample's form, as it is embedded: without what is asked after the confirmation."""
    rows = read_yaml(PROJECT / "deploy" / "samples" / "upr2020" / "forms.yaml", list).data
    form = next(row for row in rows if row["slug"] == slug)
    return standard_form(form["kind"], slug, form["title"]).first_step


def pasted(demo: Demo, slug: str, way: str = ELEMENT) -> str:
    """The lines that the console gives a web editor."""
    return snippet_of(SnippetChoice(definition(slug), PARTNER, "en", "en", way), demo.ports.public_url).html


def open_slowly(demo: Demo, visitor: Visit, body: str) -> float:
    """Open a page with ``body`` and more below it; returns the sum of its layout shifts once the form fits."""

    held: list[Route] = []

    def delay(route: Route) -> None:
        time.sleep(DELAY_S)
        route.continue_()

    visitor.context.add_init_script(OBSERVE)
    visitor.context.route("**/embed/troika*.js", lambda route: held.append(route))
    visitor.context.route("**/embed/*?*", delay)
    host_page(demo, visitor, f"<p>What it is about.</p>{body}{BELOW}", until="commit")
    poll_until(lambda: visitor.page.evaluate(PAINTED) and held, what="the page is painted, and asks for the script")
    held[0].continue_()
    frame = visitor.frame()
    poll_until(lambda: height_of(visitor) == frame.evaluate(CONTENT_HEIGHT), what="the frame fits its content")
    return float(visitor.page.evaluate("new Promise((done) => setTimeout(() => done(window.shifted), 300))"))


def height_of(visitor: Visit) -> int:
    """Of the frame, in the partner's page."""
    return int(visitor.page.locator("troika-form iframe").evaluate("frame => frame.clientHeight"))


@pytest.fixture(params=SIZES)
def reader(new_visitor: NewVisitor, request: pytest.FixtureRequest) -> Visit:
    """Someone at a desk, and someone with a phone."""
    width, height = SIZES[request.param]
    return new_visitor(viewport={"width": width, "height": height})


@pytest.mark.parametrize("form", [LONG, SHORT, WEBINAR])
def test_page_around_stays_where_it_is(demo: Demo, reader: Visit, form: str) -> None:
    assert open_slowly(demo, reader, pasted(demo, form)) <= MAX_SHIFT


def test_page_moves_where_no_space_is_kept(demo: Demo, visitor: Visit) -> None:
    """The control: the lines without the space, on the same slow line."""
    without = re.sub(r"<noscript>.*</noscript>", "", pasted(demo, LONG))
    assert open_slowly(demo, visitor, without) > MAX_SHIFT


def test_page_without_script_has_no_empty_space(demo: Demo, new_visitor: NewVisitor) -> None:
    visitor = new_visitor(java_script_enabled=False)
    host_page(demo, visitor, f"{pasted(demo, LONG)}<p id='below'>Below</p>")
    box = visitor.page.locator("#below").bounding_box()
    assert box is not None
    assert box["y"] < 200
    visitor.page.get_by_role("link", name="Travelling to Geneva for the review").click()


@pytest.mark.parametrize("form", [LONG, SHORT, WEBINAR])
def test_plain_frame_is_as_high_as_the_form_on_a_phone(demo: Demo, new_visitor: NewVisitor, form: str) -> None:
    """Nothing to scroll within the frame, and not much empty space below the form."""
    visitor = new_visitor(viewport={"width": 360, "height": 740})
    host_page(demo, visitor, pasted(demo, form, FRAME))
    frame = visitor.page.frames[1]
    frame.wait_for_load_state()
    needed, given = frame.evaluate(CONTENT_HEIGHT), frame.evaluate("window.innerHeight")
    assert needed <= given <= needed * 1.25


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", [LONG, SHORT, WEBINAR])
def test_estimate_is_near_what_the_browser_lays_out(demo: Demo, visitor: Visit, form: str, language: str) -> None:
    page = visitor.page
    found = {}
    for width in (NARROW_PX, WIDE_PX):
        page.set_viewport_size({"width": width, "height": 700})
        query = f"partner={PARTNER}&parent={demo.ports.partner_url}&lang={language}"
        page.goto(f"{demo.ports.public_url}/embed/{form}?{query}")
        found[width] = estimate_height(definition(form), language, width) / page.evaluate(CONTENT_HEIGHT)
    assert found == {width: pytest.approx(1, abs=0.1) for width in found}
