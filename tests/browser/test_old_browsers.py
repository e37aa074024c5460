"""The oldest supported browsers (Safari 15.4, Chrome 100, Firefox 100) can register, by the link if need be."""

import re

import pytest
from playwright.sync_api import Route, expect

from deploy.local.installation import PARTNER, WEBINAR
from services.registration.embed.pages import STATIC_FOLDER as EMBED
from shared.http.stylesheets import STATIC_FOLDER as SHARED
from tests.browser.conftest import NewVisitor
from tests.browser.demo_process import Demo, new_address
from tests.browser.host_pages import host_page, snippet
from tests.browser.keyboard import fill_in
from tests.browser.old_browsers import REMOVED, make_old
from tests.browser.visitor import Visit
from tests.support.processes import PROJECT

BREAKS = {
    "customElements": "delete window.customElements",
    "attachShadow": "Element.prototype.attachShadow = () => { throw new Error('broken') }",
    "append": "ShadowRoot.prototype.append = () => { throw new Error('broken') }",
    "iframe": "const make = document.createElement; document.createElement = (name) => {"
    " if (name === 'iframe') throw new Error('broken'); return make.call(document, name) }",
    "URL": "URLSearchParams.prototype.set = () => { throw new Error('broken') }",
    "Promise": "Promise.resolve = () => { throw new Error('broken') }",
    "styles": "window.getComputedStyle = () => { throw new Error('broken') }",
}
"""What a browser, or a script of the partner's page, may have broken before ours runs."""


GUARDED = {"adoptedStyleSheets", "ancestorOrigins", "randomUUID"}
"""Used where there is one, and not needed."""


def test_scripts_use_nothing_newer_than_the_floor() -> None:
    """What runs in a branch that no test takes is found by its name."""
    folders = (EMBED, SHARED, *(PROJECT / "services" / "events").glob("**/static"))
    scripts = {script.name: script.read_text() for folder in folders for script in folder.glob("*.js")}
    newer = [name.split(".prototype")[-1] for name in REMOVED if name.split(".")[-1] not in GUARDED]
    code = {name: re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL) for name, text in scripts.items()}
    found = {
        (script, name) for script, text in code.items() for name in newer if re.search(rf"{re.escape(name)}\b", text)
    }
    assert (len(scripts) >= 13, found) == (True, set())


@pytest.fixture
def old(new_visitor: NewVisitor) -> Visit:
    """A visitor whose browser lacks what came after the floor."""
    visitor = new_visitor(viewport={"width": 1280, "height": 800})
    make_old(visitor.context)
    return visitor


def test_removed_functions_are_gone(old: Visit) -> None:
    """The control: without it the tests below could pass in today's Chromium."""
    old.page.goto("about:blank")
    left = [name for name in REMOVED if old.page.evaluate(f"globalThis?.{name.replace('.', '?.')} !== undefined")]
    assert left == []
    assert "Illegal constructor" in old.page.evaluate(
        "(() => { try { new CSSStyleSheet() } catch (e) { return `${e}` } })()"
    )


def test_form_in_a_partners_page_registers(demo: Demo, old: Visit) -> None:
    address = new_address()
    old.page.goto(demo.ports.partner_url)
    frame = old.frame()
    fill_in(old.page, frame, address)
    frame.click("button[type=submit]")

    expect(frame.locator("#done h2")).to_have_text("You are registered")
    assert [one["partner"] for one in demo.registrations(address)] == [PARTNER]
    box = old.page.locator("troika-form").bounding_box()
    assert box is not None
    assert (old.page.locator("troika-form").evaluate("e => getComputedStyle(e).display"), box["width"] > 500) == (
        "block",
        True,
    )
    assert old.faults == []


def test_button_has_an_outline_without_color_mix(demo: Demo, visitor: Visit) -> None:
    """`color-mix()` (Safari 16.2, Chrome 111, Firefox 113): a declaration with a variable in it that cannot be computed
    takes the border away, in place of leaving an earlier one."""

    def without(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("color-mix(", "unknown-mix("))

    visitor.context.route("**/form.css*", without)
    visitor.page.goto(demo.form_url)
    border = visitor.page.locator("form button[type=submit]").last.evaluate("b => getComputedStyle(b).borderTopWidth")
    assert border == "1px"


@pytest.mark.parametrize("broken", BREAKS)
def test_link_remains_after_any_script_error(demo: Demo, visitor: Visit, broken: str) -> None:
    visitor.context.add_init_script(f"if (window === top) {{ {BREAKS[broken]} }}")
    host_page(demo, visitor, snippet(demo, WEBINAR))
    visitor.page.wait_for_load_state("networkidle")
    expect(visitor.page.get_by_role("link", name="The form")).to_be_visible()
    expect(visitor.page.locator("troika-form iframe.ready")).to_have_count(0)


@pytest.mark.parametrize("broken", ["AbortController", "FormData.prototype.getAll", "crypto.getRandomValues"])
def test_script_that_breaks_while_sending_leaves_it_to_the_plain_form(demo: Demo, visitor: Visit, broken: str) -> None:
    address = new_address()
    visitor.page.goto(demo.form_url)
    visitor.page.fill("#field-name", "A participant")
    visitor.page.fill("#field-email", address)
    visitor.page.check("#field-consent")
    visitor.page.evaluate("delete Crypto.prototype.randomUUID")
    visitor.page.evaluate(f"{broken} = undefined")
    visitor.page.locator("form button[type=submit]").last.click()
    expect(visitor.page.get_by_role("status")).to_contain_text("We have received your answers")
    demo.confirm(address)
    assert len(demo.registrations(address)) == 1
