"""A partner's key shows that partner's numbers and embed code, and nothing about anyone else."""

import html
import re
from html.parser import HTMLParser

import pytest

from deploy.specs import applications
from services.registration.embed.pages import pinned_script
from services.registration.embed.snippets import WAYS
from shared.http.access import policy_of
from tests.integration.rights.conftest import Browser, ServicesUnderTest, as_holder, sign_in
from tests.support.clients import answers
from tests.support.registration_service import open_registration

PAGES = "/console/registrations/partners"
OWN, OTHER = "example-partner", "example-partner-fr"
LEFT = 3
"""Who came through the other partner."""

OPEN_TO_PARTNERS = {
    "GET /console/registrations/partners",
    "GET /console/registrations/partners/<slug>",
    "GET /v1/partners/<slug>",
    "POST /console/registrations/partners/<slug>/ask",
    "POST /v1/partners/<slug>/origins",
    "GET /console/account",
    "GET /console/account/renewal",
    "POST /console/account/passkeys",
    "POST /console/account/passkeys/remove",
    "POST /console/account/sessions/end",
}
"""All that a partner's key opens, but what everyone may see."""


@pytest.fixture(scope="module")
def key(services: ServicesUnderTest) -> str:
    """Of the partner; five have come through its pages, one of whom has cancelled, and three through another's."""
    with open_registration(services.installation) as service:
        service.enrol_all([answers(number, partner=OWN) for number in range(5 + LEFT)])
    moved = "UPDATE registration SET partner = %s WHERE email = ANY(%s)"
    others = [f"participant-{number}@example.org" for number in range(5, 5 + LEFT)]
    services.rows("registration", moved, OTHER, others)
    coordinator = as_holder(services.give_key("a coordinator of people", "coordinator"))
    people = services.apps["registration"].get(f"/v1/registrations?partner={OWN}", headers=coordinator)
    first = people.get_json()["items"][0]
    tag = {**coordinator, "If-Match": f'"{first["revision"]}"'}
    assert services.apps["registration"].delete(f"/v1/registrations/{first['id']}", headers=tag).status_code == 200
    return services.give_key("the web editor", "partner", partner=OWN)


@pytest.fixture
def editor(services: ServicesUnderTest, key: str) -> Browser:
    """The partner's web editor, signed in."""
    browser = services.browser()
    for asked in ("/console/overview", "/console"):
        assert sign_in(browser, key, next=asked).headers["Location"] == f"{PAGES}/{OWN}"
    return browser


def test_partners_key_shows_the_partners_numbers_and_no_name(services: ServicesUnderTest, key: str) -> None:
    answer = services.apps["registration"].get(f"/v1/partners/{OWN}", headers=as_holder(key))
    assert answer.headers["Cache-Control"] == "no-store"
    [form] = answer.get_json()["forms"]
    assert (form["slug"], form["shown"], form["registrations"]) == (
        "upr-webinar-10",
        True,
        {"cancelled": 1, "confirmed": 4},
    )
    assert not re.findall("Participant|participant-", answer.text)


def test_coordinator_sees_the_numbers_of_each_partner(services: ServicesUnderTest, key: str) -> None:
    coordinator = as_holder(services.give_key("another coordinator", "coordinator"))
    forms = services.apps["registration"].get(f"/v1/partners/{OTHER}", headers=coordinator).get_json()["forms"]
    assert [form["registrations"] for form in forms] == [{"confirmed": LEFT}]
    assert services.apps["registration"].get("/v1/partners/nobody", headers=coordinator).status_code == 404
    limited = as_holder(services.give_key("a limited one", "coordinator", forms=["another-form"]))
    assert services.apps["registration"].get(f"/v1/partners/{OWN}", headers=limited).get_json()["forms"] == []


@pytest.mark.parametrize("path", [f"/v1/partners/{OTHER}", "/v1/partners/nobody", "/v1/partners", "/v1/registrations"])
def test_partners_key_opens_nothing_of_others(services: ServicesUnderTest, key: str, path: str) -> None:
    assert services.apps["registration"].get(path, headers=as_holder(key)).status_code == 403


def test_partners_role_opens_these_routes_alone() -> None:
    opened = {
        f"{method} {rule.rule}"
        for app in applications().values()
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if "partner" in getattr(policy_of(app.view_functions[rule.endpoint]), "roles", ())
    }
    assert opened == OPEN_TO_PARTNERS


def test_editor_has_one_page_and_is_led_to_it(editor: Browser) -> None:
    assert editor.get(PAGES).headers["Location"] == f"{PAGES}/{OWN}"
    page = editor.get(f"{PAGES}/{OWN}")
    assert page.status_code == 200
    navigation = page.text.partition('<nav aria-label="Console">')[2].partition("</nav>")[0]
    assert re.findall(r'href="([^"]+)"', navigation) == [PAGES]
    assert f'href="https://registration.example.org/embed/selftest?partner={OWN}"' in page.text
    assert "<code>http://localhost:8001</code>" in page.text
    assert not re.findall("Participant|participant-", page.text)
    statuses = [editor.get(path).status_code for path in (f"{PAGES}/{OTHER}", "/console/groups", "/console/mail")]
    assert statuses == [403, 403, 403]
    begun = [editor.get(path) for path in ("/console", "/console/overview")]
    assert [(one.status_code, one.headers["Location"]) for one in begun] == [(303, f"{PAGES}/{OWN}")] * 2


class Pasted(HTMLParser):
    """Tags with their attributes, and texts, of what was pasted."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep it. The content of `noscript` is text to a browser that runs scripts."""
        self.found.append((tag, dict(attrs)))
        if tag == "noscript":
            self.set_cdata_mode(tag)


def snippets_on(page: str) -> list[str]:
    """The text to paste, as the browser shows it."""
    return [html.unescape(text) for text in re.findall(r"<code>(.*?)</code></pre>", page, re.DOTALL)]


ROOM = [
    ("noscript", {}),
    ("div", {"slot": "room"}),
    ("svg", {"width": "1", "height": "estimated", "aria-hidden": "true"}),
    ("noscript", {}),
]
"""The space for the form, as a browser that runs scripts reads it."""


@pytest.mark.parametrize("way", WAYS)
def test_lines_to_paste_are_those_that_the_guide_describes(editor: Browser, way: str) -> None:
    page = editor.get(f"{PAGES}/{OWN}", query_string={"form": "upr-webinar-10", "lang": "es", "way": way}).text
    snippet, *policy = snippets_on(page)
    address = "https://registration.example.org/embed/upr-webinar-10?partner=example-partner&lang=es"
    link = ("a", {"href": address})
    path, mark = pinned_script()
    pinned = f"https://registration.example.org{path}"
    found = Pasted(snippet).found
    for given in (attributes for _, attributes in found if "height" in attributes):
        assert 1800 < int(given["height"] or 0) < 2800
        given["height"] = "estimated"
    assert (found, policy) == {
        "element": (
            [
                ("script", {"type": "module", "src": "https://registration.example.org/embed/troika.js"}),
                ("troika-form", {"form": "upr-webinar-10", "partner": OWN, "lang": "es", "theme": "auto"}),
                link,
                *ROOM,
            ],
            ["script-src https://registration.example.org;\nframe-src https://registration.example.org"],
        ),
        "pinned": (
            [
                ("script", {"type": "module", "src": pinned, "integrity": mark, "crossorigin": "anonymous"}),
                ("troika-form", {"form": "upr-webinar-10", "partner": OWN, "lang": "es", "theme": "auto"}),
                link,
                *ROOM,
            ],
            ["script-src https://registration.example.org;\nframe-src https://registration.example.org"],
        ),
        "frame": (
            [
                (
                    "iframe",
                    {
                        "title": "Inscripción: UPR Webinar Wednesday #10",
                        "width": "100%",
                        "height": "estimated",
                        "src": address,
                    },
                )
            ],
            ["frame-src https://registration.example.org"],
        ),
        "link": ([link], []),
    }[way]


@pytest.mark.parametrize("query", [{"form": "geneva-delegation"}, {"lang": "<b>"}, {"way": "x"}])
def test_choice_that_there_is_not_is_refused(editor: Browser, query: dict[str, str]) -> None:
    assert editor.get(f"{PAGES}/{OWN}", query_string=query).status_code == 400
