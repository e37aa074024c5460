"""A form that asks browsers for a piece of work: it is done beside the page, and whoever cannot do it registers too."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from altcha import Challenge, Payload, solve_challenge
from playwright.sync_api import Page, Route, expect

from deploy.local.installation import PARTNER, WEBINAR
from shared.web.look.sheets import STATIC_FOLDER
from tests.browser.conftest import NewVisitor
from tests.browser.older import make_old
from tests.browser.running import Demo, new_address
from tests.browser.visiting import Visit
from tests.support.processes import PROJECT

FORM = f"/v1/forms/{WEBINAR}"
SOLVER = (STATIC_FOLDER / "solver.js").read_text()
SOLVED_WITHIN_MS = 90_000.0
"""On a machine with much else to do, by functions that are not the browser's own."""
WITHOUT_PBKDF2 = 'Object.defineProperty(self, "crypto", { value: {} });\n'
"""Before the worker's script: what it finds where the page around came without encryption."""
OWN_PBKDF2 = """([source, password, salt, iterations]) => {
  const ours = new Function("self", "postMessage", `${source}; return ownPbkdf2`)({}, () => {});
  return [...ours(Uint8Array.from(password), Uint8Array.from(salt), iterations)];
}"""


@pytest.fixture(autouse=True, scope="module")
def asking(demo: Demo) -> Iterator[None]:
    """The webinar's form asks for work while these tests run."""
    set_asking(demo, "asked")
    yield
    set_asking(demo, "off")


def set_asking(demo: Demo, asking: str) -> None:
    """As a coordinator does it."""
    forms = demo.places.ask("GET", "/v1/forms")["items"]
    revision = next(form["revision"] for form in forms if form["slug"] == WEBINAR)
    demo.places.ask("PATCH", FORM, json={"proof_of_work": asking}, headers={"If-Match": f'"{revision}"'})


def fill(page: Page, address: str) -> None:
    """What is required."""
    page.fill("#field-name", "A participant")
    page.fill("#field-email", address)
    page.check("#field-consent")


def send(page: Page, demo: Demo, says: str = "You are registered") -> str:
    """Fill in the form and send it, and see what it says; the address that was given."""
    page.goto(demo.form_url)
    address = new_address()
    fill(page, address)
    page.click("button[type=submit]")
    expect(page.locator("#done h2")).to_have_text(says, timeout=SOLVED_WITHIN_MS)
    return address


def asked_for(visitor: Visit, path: str) -> int:
    """How many requests went to ``path``."""
    return sum(path in request.url for request in visitor.requests)


def test_work_is_done_in_a_partners_page_and_said_to_whoever_waits(demo: Demo, visitor: Visit) -> None:
    """Under the partner's strict policy and ours, with no third party: the seat is there at once."""
    held: list[Route] = []
    visitor.context.route("**/v1/challenge?*", lambda route: held.append(route))
    visitor.page.goto(demo.ports.partner_url)
    frame, address = visitor.frame(), new_address()
    frame.fill("#field-name", "A participant")
    frame.fill("#field-email", address)
    frame.check("#field-consent")
    frame.click("button[type=submit]")
    progress = frame.get_by_role("status")
    expect(progress).to_have_text("Your device is solving a short task that keeps robots out: 0 % done.")
    assert asked_for(visitor, f"{FORM}/registrations") == 0
    held[0].continue_()

    expect(frame.locator("#done h2")).to_have_text("You are registered")
    assert [one["status"] for one in demo.registrations(address)] == ["confirmed"]
    assert (asked_for(visitor, "/v1/challenge"), asked_for(visitor, "solver.js") > 0) == (1, True)
    assert visitor.origins == {demo.ports.partner_url, demo.ports.public_url}
    assert (visitor.faults, visitor.context.cookies()) == ([], [])


def test_form_that_asks_for_none_loads_and_asks_for_nothing(demo: Demo, visitor: Visit) -> None:
    visitor.page.goto(f"{demo.ports.public_url}/embed/council-session-interest?partner={PARTNER}&lang=en")
    visitor.page.fill("#field-email", new_address())
    visitor.page.check("#field-consent")
    visitor.page.click("button[type=submit]")
    expect(visitor.page.locator("#done h2")).to_have_text("One more step: confirm your address")
    assert asked_for(visitor, "/v1/challenge") + asked_for(visitor, "solver.js") == 0


def test_work_is_done_without_the_browsers_own_functions(demo: Demo, visitor: Visit) -> None:
    """A partner's page without encryption takes them away; ours find the same number."""
    script = {"content_type": "text/javascript", "body": WITHOUT_PBKDF2 + SOLVER}
    visitor.context.route("**/solver.js?*", lambda route: route.fulfill(**script))
    address = send(visitor.page, demo)
    assert [one["status"] for one in demo.registrations(address)] == ["confirmed"]


def test_work_is_done_by_a_browser_at_the_floor(demo: Demo, visitor: Visit) -> None:
    make_old(visitor.context)
    address = send(visitor.page, demo)
    assert [one["status"] for one in demo.registrations(address)] == ["confirmed"]


@pytest.mark.parametrize("iterations", [1, 2, 300])
def test_own_functions_derive_what_the_standard_says(visitor: Visit, iterations: int) -> None:
    password, salt = bytes(range(200, 220)), bytes(range(16))
    found = visitor.page.evaluate(OWN_PBKDF2, [SOLVER, list(password), list(salt), iterations])
    assert bytes(found) == hashlib.pbkdf2_hmac("sha256", password, salt, iterations)


@pytest.mark.parametrize("away", ["**/solver.js?*", "**/v1/challenge?*"])
def test_browser_that_cannot_work_has_the_address_confirmed(demo: Demo, visitor: Visit, away: str) -> None:
    visitor.context.route(away, lambda route: route.abort())
    address = send(visitor.page, demo, "One more step: confirm your address")
    assert [one["status"] for one in demo.registrations(address)] == ["unverified"]


def test_browser_without_scripts_has_the_address_confirmed(demo: Demo, new_visitor: NewVisitor) -> None:
    page, address = new_visitor(java_script_enabled=False, locale="ar").page, new_address()
    page.goto(demo.form_url)
    expect(page.locator("noscript .note")).to_be_visible()
    fill(page, address)
    page.click("button[type=submit]")
    expect(page.get_by_role("status")).to_be_visible()
    assert [one["status"] for one in demo.registrations(address)] == ["unverified"]


def test_proof_that_is_refused_is_made_anew_by_itself(demo: Demo, visitor: Visit) -> None:
    """Somebody has filled in the form for longer than a challenge lasts, or it was used: nobody notices."""
    stale = used_challenge(demo)
    given = [stale]

    def answer(route: Route) -> None:
        route.fulfill(json=given.pop()) if given else route.continue_()

    visitor.context.route("**/v1/challenge?*", answer)
    address = send(visitor.page, demo)
    assert [one["status"] for one in demo.registrations(address)] == ["confirmed"]
    sent = [request for request in visitor.requests if request.url.endswith("/registrations")]
    assert (len(sent), len({request.headers["idempotency-key"] for request in sent})) == (2, 1)


def used_challenge(demo: Demo) -> Any:
    """A challenge with which somebody has registered."""
    challenge = requests.get(f"{demo.ports.public_url}/v1/challenge?form={WEBINAR}", timeout=10).json()
    read = Challenge.from_dict(challenge)
    solution = solve_challenge(read)
    assert solution is not None
    demo.register(new_address(), altcha=Payload(read, solution).to_base64())
    return challenge


def test_lines_of_the_guide_solve_it_in_a_partners_own_form(demo: Demo, new_visitor: NewVisitor) -> None:
    """Run as they stand there, on the partner's origin (whose sample page has a policy for frames alone)."""
    guide = (PROJECT / "docs" / "how-to" / "embed-a-form.md").read_text()
    found = re.search(r"```js\n(async function proofOf.*?)```", guide, re.DOTALL)
    assert found is not None
    lines = found[1].replace("https://register.example.org", demo.ports.public_url)
    page, address = new_visitor(bypass_csp=True).page, new_address()
    page.goto(demo.ports.partner_url)
    content = {"name": "A participant", "email": address, "consent": True, "partner": PARTNER}
    answer = page.evaluate(
        f"""async ([home, form, content]) => {{
          {lines}
          const {{ proof_of_work }} = await (await fetch(home + form)).json();
          const body = JSON.stringify({{ ...content, altcha: await proofOf(proof_of_work.challenge) }});
          const headers = {{ "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() }};
          return (await fetch(`${{home}}${{form}}/registrations`, {{ method: "POST", headers, body }})).json();
        }}""",
        [demo.ports.public_url, FORM, content],
    )
    assert answer["status"] == "confirmed"
    assert [one["status"] for one in demo.registrations(address)] == ["confirmed"]
