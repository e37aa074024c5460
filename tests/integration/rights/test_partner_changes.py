"""Coordinators add and change partners; a partner requests an origin; no one else can do either."""

import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from services.registration.forms.service import MAX_ORIGINS
from services.registration.partners.service import MAX_REQUESTED
from shared.messaging.contracts.schemas import decode
from tests.integration.rights.conftest import OWN_SITE as HERE
from tests.integration.rights.conftest import Browser, ServicesUnderTest, as_holder, sign_in

PAGES = "/console/registrations/partners"
NEW = "/console/registrations/new-partner"
OWN = "example-partner"
FORM = "upr-webinar-10"
PARTNER = {"slug": "a-house", "name": "A House of Rights", "origins": ["https://house.example.org"], "language": "fr"}


class Desk:
    """A coordinator's program."""

    def __init__(self, services: ServicesUnderTest, key: str) -> None:
        self._app, self._headers = services.apps["registration"], as_holder(key)

    def ask(self, method: str, path: str, content: Any = None, seen: str = "") -> TestResponse:
        """One request; ``seen`` is the revision."""
        headers = {**self._headers, **({"If-Match": f'"{seen}"'} if seen else {})}
        return self._app.open(path, method=method, json=content, headers=headers)


@pytest.fixture
def desk(services: ServicesUnderTest) -> Desk:
    """Of a coordinator."""
    return Desk(services, services.give_key("a coordinator of partners", "coordinator"))


@pytest.fixture
def editor(services: ServicesUnderTest) -> Desk:
    """The partner's own program."""
    return Desk(services, services.give_key("a web editor", "partner", partner=OWN))


def actions(services: ServicesUnderTest, action: str) -> list[dict[str, Any]]:
    """The entry in the audit log."""
    return [
        row[0]
        for row in services.rows(
            "registration", "SELECT detail FROM audit_record WHERE action = %s ORDER BY id", action
        )
    ]


def published(services: ServicesUnderTest, slug: str) -> list[tuple[int, int, str]]:
    """Events' messages about a partner, in order: revision, number of origins that wait for a decision, name."""
    kept = "SELECT body FROM outbox WHERE type = 'org.troika.partner.changed.v1' AND subject = %s ORDER BY id"
    found = [decode(bytes(body)).data for (body,) in services.rows("registration", kept, slug)]
    assert all(set(one) == {"slug", "revision", "waiting_origins", "name", "occurred_at"} for one in found)
    return [(one["revision"], one["waiting_origins"], one["name"]) for one in found]


def test_partner_is_added_changed_and_may_show_a_form(services: ServicesUnderTest, desk: Desk) -> None:
    added = desk.ask("POST", "/v1/partners", PARTNER)
    assert (added.status_code, added.headers["Location"], added.headers["ETag"]) == (201, "/v1/partners/a-house", '"1"')
    again = desk.ask("POST", "/v1/partners", PARTNER)
    assert (again.status_code, again.get_json()["code"]) == (409, "already-exists")
    revision = desk.ask("GET", "/v1/forms").get_json()["items"]
    seen = next(str(form["revision"]) for form in revision if form["slug"] == FORM)
    shown = desk.ask("PATCH", f"/v1/forms/{FORM}", {"partners": [OWN, "a-house", "a-house"]}, seen)
    assert (shown.status_code, shown.get_json()["partners"]) == (200, [OWN, "a-house"])
    frame = services.apps["registration"].get(f"/embed/{FORM}?partner=a-house")
    assert "frame-ancestors https://house.example.org" in frame.headers["Content-Security-Policy"]
    assert desk.ask("PATCH", "/v1/partners/a-house", {"origins": []}).status_code == 428
    changed = desk.ask("PATCH", "/v1/partners/a-house", {"origins": [], "theme": {"accent": "#0b6bcb"}}, "1")
    assert (changed.status_code, changed.get_json()["origins"], changed.headers["ETag"]) == (200, [], '"2"')
    assert desk.ask("PATCH", "/v1/partners/a-house", {"name": "x"}, "1").status_code == 412
    assert desk.ask("PATCH", "/v1/partners/a-house", {"name": PARTNER["name"]}, "2").headers["ETag"] == '"2"'
    assert actions(services, "partner-added")[-1]["origins"] == ["https://house.example.org"]
    [noted] = actions(services, "partner-changed")[-1:]
    assert noted == {
        "before": {"origins": ["https://house.example.org"], "theme": {}},
        "after": {"origins": [], "theme": {"accent": "#0b6bcb"}},
    }
    assert published(services, "a-house") == [(1, 0, PARTNER["name"]), (2, 0, PARTNER["name"])]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"origins": ["https://house.example.org/path"]}, 422),
        ({"origins": ["house.example.org"]}, 422),
        ({"origins": ["https://*.example.org"]}, 422),
        ({"origins": ["https://a.example.org; script-src *"]}, 422),
        ({"origins": ["https://exаmple.org"]}, 422),
        ({"origins": ["https://a.example.org\u202e"]}, 422),
        ({"origins": [f"https://{number}.example.org" for number in range(MAX_ORIGINS + 1)]}, 422),
        ({"language": "xx"}, 422),
        ({"theme": {"accent": "red;}"}}, 422),
        ({"theme": {"colour": "#000000"}}, 422),
        ({"name": "a\nb"}, 422),
        ({"name": ""}, 422),
        ({"slug": "other"}, 422),
        ({"revision": 7}, 422),
    ],
)
def test_what_no_partner_can_be_is_refused(desk: Desk, wanted: dict[str, Any], code: int) -> None:
    assert desk.ask("PATCH", f"/v1/partners/{OWN}", wanted, "1").status_code == code
    unknown = desk.ask("PATCH", "/v1/partners/nobody", {"name": "x"}, "1")
    assert (unknown.status_code, unknown.get_json()["code"]) == (404, "not-found")


def test_form_takes_known_partners_alone(desk: Desk) -> None:
    seen = next(
        str(form["revision"]) for form in desk.ask("GET", "/v1/forms").get_json()["items"] if form["slug"] == FORM
    )
    answer = desk.ask("PATCH", f"/v1/forms/{FORM}", {"partners": ["nobody-knows"]}, seen)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "unknown-partner")


def test_form_that_deletes_its_registrations_is_shown_by_no_partner(services: ServicesUnderTest, desk: Desk) -> None:
    path, kept = f"/v1/forms/{FORM}", "SELECT partners FROM form WHERE slug = %s"
    [(before,)] = services.rows("registration", kept, FORM)
    change = "UPDATE form SET partners = %s, keep_days = %s WHERE slug = %s"
    services.rows("registration", change, [], 3, FORM)
    seen = next(
        str(form["revision"]) for form in desk.ask("GET", "/v1/forms").get_json()["items"] if form["slug"] == FORM
    )
    refused = desk.ask("PATCH", path, {"partners": [OWN]}, seen)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "forgets-registrations")
    services.rows("registration", change, before, None, FORM)


def test_partner_asks_and_a_coordinator_decides(services: ServicesUnderTest, desk: Desk, editor: Desk) -> None:
    path, origin = f"/v1/partners/{OWN}", "https://news.example.org"
    first = editor.ask("POST", f"{path}/origins", {"origin": origin})
    assert (first.status_code, first.get_json()["requested_origins"]) == (202, [origin])
    assert editor.ask("POST", f"{path}/origins", {"origin": origin}).headers["ETag"] == first.headers["ETag"]
    assert (
        origin
        not in services.apps["registration"].get(f"/embed/{FORM}?partner={OWN}").headers["Content-Security-Policy"]
    )
    assert editor.ask("POST", f"{path}/origins", {"origin": "news"}).status_code == 422
    assert editor.ask("POST", "/v1/partners/example-partner-fr/origins", {"origin": origin}).status_code == 403
    assert editor.ask("PATCH", path, {"origins": [origin]}, "1").status_code == 403
    assert editor.ask("POST", "/v1/partners", PARTNER).status_code == 403
    now = desk.ask("GET", path)
    origins = [*now.get_json()["origins"], origin]
    allowed = desk.ask("PATCH", path, {"origins": origins}, str(now.get_json()["revision"])).get_json()
    assert (allowed["origins"], allowed["requested_origins"]) == (origins, [])
    for number in range(MAX_REQUESTED):
        answer = editor.ask("POST", f"{path}/origins", {"origin": f"https://n{number}.example.org"})
        assert answer.status_code == 202
    more = editor.ask("POST", f"{path}/origins", {"origin": "https://more.example.org"})
    assert (more.status_code, more.get_json()["code"]) == (422, "too-many-origins")
    seen = str(desk.ask("GET", path).get_json()["revision"])
    assert desk.ask("PATCH", path, {"requested_origins": []}, seen).get_json()["origins"] == origins
    assert actions(services, "origin-requested")[0]["after"] == {"requested_origins": [origin]}
    waited = [waiting for _, waiting, _ in published(services, OWN)]
    assert waited[-8:] == [1, 0, *range(1, MAX_REQUESTED + 1), 0]


def test_concurrent_change_is_not_reported_as_too_many_origins(
    services: ServicesUnderTest, coordinator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.registration.partners.service.change_partner", lambda *_: False)
    asked = coordinator.post(f"{PAGES}/{OWN}/ask", headers=HERE, data={"origin": "https://one-more.example.org"})
    assert asked.status_code == 412


def test_limited_coordinator_sets_up_no_partner(services: ServicesUnderTest) -> None:
    limited = Desk(services, services.give_key("a coordinator of one form", "coordinator", forms=[FORM]))
    answers = [limited.ask("POST", "/v1/partners", PARTNER), limited.ask("PATCH", f"/v1/partners/{OWN}", {}, "1")]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert limited.ask("GET", NEW).status_code == 403


FIELDS = {"name": "A Network", "slug": "a-network", "origins": "https://a.example.org/ https://b.example.org"}


@pytest.fixture
def coordinator(services: ServicesUnderTest) -> Browser:
    """A coordinator, signed in."""
    browser = services.browser()
    sign_in(browser, services.give_key("a coordinator at the console", "coordinator"))
    return browser


def test_console_adds_and_changes_a_partner(coordinator: Browser) -> None:
    assert f'href="{NEW}"' in coordinator.get(PAGES).text
    wrong = coordinator.post(
        NEW, headers=HERE, data={**FIELDS, "origins": "a.example.org", "slug": "A", "accent": "red"}
    )
    assert (wrong.status_code, wrong.text.count('class="fault"')) == (422, 4)
    added = coordinator.post(NEW, headers=HERE, data={**FIELDS, "language": "es"})
    assert added.headers["Location"] == f"{PAGES}/a-network?done=added"
    assert "The partner is added." in coordinator.get(added.headers["Location"]).text
    taken = coordinator.post(NEW, headers=HERE, data={**FIELDS, "language": "es"})
    assert (taken.status_code, "There is already a partner with this short name" in taken.text) == (409, True)
    edit = f"{PAGES}/a-network/edit"
    assert "https://a.example.org\nhttps://b.example.org" in coordinator.get(edit).text
    fewer = {**FIELDS, "language": "es", "origins": "https://b.example.org", "seen": "1"}
    effect = coordinator.post(edit, headers=HERE, data=fewer)
    assert "Pages on https://a.example.org can no longer show forms of this partner." in effect.text
    back = coordinator.post(edit, headers=HERE, data={**fewer, "go": "back"}).text
    assert ("https://b.example.org</textarea>" in back, "can no longer show forms" in back) == (True, False)
    done = coordinator.post(edit, headers=HERE, data={**fewer, "go": "do"})
    assert done.headers["Location"] == f"{PAGES}/a-network?done=changed"
    late = coordinator.post(edit, headers=HERE, data={**fewer, "name": "Another", "go": "do"})
    assert (late.status_code, "was changed after you opened the page" in late.text) == (412, True)
    assert 'value="Another"' in late.text
    assert "What you typed is still here. It differs from the current version in: Name." in late.text
    assert 'name="seen" value="2"' in late.text


def test_console_asks_for_an_origin_and_allows_it(services: ServicesUnderTest, coordinator: Browser) -> None:
    editor, origin = services.browser(), "https://blog.example.org"
    own = "example-partner-fr"
    sign_in(editor, services.give_key("another web editor", "partner", partner=own))
    asked = editor.post(f"{PAGES}/{own}/ask", headers=HERE, data={"origin": f"{origin}/"})
    assert asked.headers["Location"] == f"{PAGES}/{own}?done=asked#where"
    assert f'<code class="origins">{origin}</code>' in editor.get(f"{PAGES}/{own}").text
    refused = editor.post(f"{PAGES}/{own}/ask", headers=HERE, data={"origin": 'my "blog"'})
    assert (refused.status_code, refused.text.count("That is not the address of a site.")) == (422, 2)
    assert 'value="my &#34;blog&#34;"' in refused.text
    assert editor.post(f"{PAGES}/{own}/decide", headers=HERE, data={"origin": origin, "go": "allow"}).status_code == 403
    assert "1 requested" in coordinator.get(PAGES).text
    page = coordinator.get(f"{PAGES}/{own}").text
    assert re.search(rf'name="origin" value="{origin}"', page)
    allowed = coordinator.post(f"{PAGES}/{own}/decide", headers=HERE, data={"origin": origin, "go": "allow"})
    assert allowed.headers["Location"] == f"{PAGES}/{own}?done=allowed#where"
    [(origins, left)] = services.rows(
        "registration", "SELECT origins, requested_origins FROM partner WHERE slug = %s", own
    )
    assert (origin in origins, left) == (True, [])
    assert (
        coordinator.post(f"{PAGES}/{own}/decide", headers=HERE, data={"origin": origin, "go": "x"}).status_code == 400
    )


def test_site_of_a_page_is_taken_from_its_address_and_confirmed(services: ServicesUnderTest) -> None:
    own, page = "example-partner-fr", "https://User-Pages.Example.ORG:443/events/page?x=1&y=2#form"
    editor, site = services.browser(), "https://user-pages.example.org"
    sign_in(editor, services.give_key("an editor with the address of a page", "partner", partner=own))
    kept = "SELECT requested_origins FROM partner WHERE slug = %s"
    before = services.rows("registration", kept, own)
    shown = editor.post(f"{PAGES}/{own}/ask", headers=HERE, data={"origin": f" {page} "})
    assert (shown.status_code, f'<input type="hidden" name="origin" value="{site}">' in shown.text) == (200, True)
    assert f'value="{page.replace("&", "&amp;")}"' in shown.text
    assert services.rows("registration", kept, own) == before
    asked = editor.post(f"{PAGES}/{own}/ask", headers=HERE, data={"origin": site})
    assert asked.headers["Location"] == f"{PAGES}/{own}?done=asked#where"
    [(requested,)] = services.rows("registration", kept, own)
    assert requested[-1] == site
    [(origins,)] = services.rows("registration", "SELECT origins FROM partner WHERE slug = %s", own)
    allowed = editor.post(f"{PAGES}/{own}/ask", headers=HERE, data={"origin": f"{origins[0]}/a-page"})
    assert allowed.headers["Location"] == f"{PAGES}/{own}?done=allowed-before#where"
    services.rows("registration", "UPDATE partner SET requested_origins = %s WHERE slug = %s", before[0][0], own)


def test_site_that_is_one_too_many_is_not_lost(services: ServicesUnderTest) -> None:
    own, kept = "example-partner-fr", "UPDATE partner SET requested_origins = %s WHERE slug = %s"
    editor, site = services.browser(), "https://one-more.example.org"
    sign_in(editor, services.give_key("an editor with many sites", "partner", partner=own))
    [(before,)] = services.rows("registration", "SELECT requested_origins FROM partner WHERE slug = %s", own)
    services.rows("registration", kept, [f"https://n{number}.example.org" for number in range(MAX_REQUESTED)], own)
    refused = editor.post(f"{PAGES}/{own}/ask", headers=HERE, data={"origin": site})
    assert (refused.status_code, refused.text.count("Too many addresses are already waiting")) == (422, 2)
    assert f'value="{site}"' in refused.text
    services.rows("registration", kept, before, own)


def test_console_ticks_the_partners_of_a_form(coordinator: Browser) -> None:
    path = f"/console/registrations/forms/{FORM}"
    page = coordinator.get(path).text
    seen = re.findall(r'name="seen" value="(\d+)"', page)[0]
    hidden = dict(re.findall(r'name="(capacity|opens|closes|changes|alarm|join|switch)"[^>]*value="([^"]*)"', page))
    effect = coordinator.post(path, headers=HERE, data={**hidden, "seen": seen, "partners": ["example-partner-fr"]})
    assert re.search("Pages of Example Partner(, A House of Rights)? can no longer show it.", effect.text)
    done = coordinator.post(
        path, headers=HERE, data={**hidden, "seen": seen, "partners": "example-partner-fr", "go": "do"}
    )
    assert done.status_code == 303
    assert "Shown by: Example Partner" in coordinator.get(path).text
