"""The console: signing in and out, and the content of its pages."""

from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from shared.db.unit_of_work import UnitOfWork
from tests.integration.events.builders import WEBINAR, consume, registered, registration_message
from tests.support.signed_in import enter

OWN_SITE = {"Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize("page", ["/console?show=all", f"/console/events/{WEBINAR}?status=confirmed"])
def test_without_a_session_the_page_asks_to_sign_in_and_comes_back(
    loaded: UnitOfWork, client: FlaskClient, keys: Mapping[str, str], page: str
) -> None:
    asked = client.get(page)
    place = urlsplit(asked.headers["Location"])
    assert (asked.status_code, place.path, parse_qs(place.query)["next"]) == (303, "/console/sign-in", [page])
    enter(client, keys["viewer"])
    assert client.get(page).status_code == 200


def test_another_site_cannot_sign_anyone_out(client: FlaskClient, keys: Mapping[str, str]) -> None:
    enter(client, keys["viewer"])
    assert client.post("/console/sign-out", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.get("/console").status_code == 200


def test_signing_out_ends_it(client: FlaskClient, keys: Mapping[str, str]) -> None:
    enter(client, keys["viewer"])
    left = client.post("/console/sign-out", headers=OWN_SITE, follow_redirects=True)
    assert [answer.status_code for answer in left.history] == [307, 307, 303]
    assert client.get("/console").status_code == 303


def test_a_key_without_the_role_gets_an_error_page(client: FlaskClient, keys: Mapping[str, str]) -> None:
    enter(client, keys["partner"])
    answer = client.get("/console/groups")
    assert (answer.status_code, answer.mimetype) == (403, "text/html")
    assert "Your access does not include this page" in answer.text
    assert 'href="/console/registrations/partners">Back to the start page' in answer.text


@pytest.mark.parametrize(
    ("role", "page"),
    [("partner", "/console/registrations/partners/a-partner"), ("operator", "/console/registrations/sealed-lists")],
)
def test_a_key_that_does_not_open_the_first_page_is_led_to_its_own(
    client: FlaskClient, keys: Mapping[str, str], role: str, page: str
) -> None:
    by_key = client.get("/console", headers={"Authorization": f"Bearer {keys[role]}"})
    assert by_key.status_code == 403
    enter(client, keys[role])
    led = [client.get(path) for path in ("/console", "/console/overview")]
    assert [(one.status_code, one.headers["Location"]) for one in led] == [(303, page)] * 2
    assert led[0].headers["Cache-Control"] == "no-store"


def test_the_list_shows_times_with_zones_and_counts(
    loaded: UnitOfWork, client: FlaskClient, keys: Mapping[str, str]
) -> None:
    consume(loaded, [registration_message(registered(number)) for number in (1, 2, 3)])
    enter(client, keys["viewer"])
    page = client.get("/console").text.replace("\N{NO-BREAK SPACE}", " ")
    assert "Wed 4 Mar 2020, 14:00 to 15:00" in page
    assert "New York time (EST, UTC−5)" in page
    assert "Wed 4 Mar 2020, 19:00 to 20:00 UTC" in page
    assert '<td role="cell" data-label="Confirmed" class="number"><span>3</span></td>' in page


def test_an_event_shows_who_is_missing_and_leads_to_those_who_come(
    loaded: UnitOfWork, client: FlaskClient, keys: Mapping[str, str]
) -> None:
    consume(
        loaded,
        [
            registration_message(registered(1, working_group="health", representative=True)),
            *(registration_message(registered(number)) for number in range(2, 40)),
        ],
    )
    enter(client, keys["coordinator"])
    page = client.get(f"/console/events/{WEBINAR}").text
    assert "No representative yet (11)" in page
    assert "Represented (1)" in page
    assert f'<a href="/console/registrations?event={WEBINAR}&amp;status=confirmed">39</a>' in page
    assert registered(1).person_ref[:10] not in page


@pytest.mark.parametrize("role", ["viewer", "coordinator"])
def test_only_those_who_may_open_registrations_get_links_to_them(
    loaded: UnitOfWork, client: FlaskClient, keys: Mapping[str, str], role: str
) -> None:
    """A viewer sees the same numbers."""
    consume(loaded, [registration_message(registered(1, working_group="health", representative=True, country="KE"))])
    enter(client, keys[role])
    pages = [client.get(path).text for path in ("/console/overview", "/console/groups", f"/console/events/{WEBINAR}")]
    assert ["/console/registrations?" in page for page in pages] == [role == "coordinator"] * 3
    assert ("1 confirmed" in pages[0], "1 coming" in pages[2]) == (True, True)


@pytest.mark.parametrize("path", ["/console/events/no-such-event", "/console/events/%00"])
def test_an_unknown_event_is_an_error_page(client: FlaskClient, keys: Mapping[str, str], path: str) -> None:
    enter(client, keys["viewer"])
    answer = client.get(path)
    assert (answer.status_code, "There is no such page" in answer.text) == (404, True)


def test_pages_hold_nothing_inline_and_are_kept_by_no_cache(
    loaded: UnitOfWork, client: FlaskClient, keys: Mapping[str, str]
) -> None:
    enter(client, keys["viewer"])
    for path in ("/console", f"/console/events/{WEBINAR}", "/console/events/none"):
        answer = client.get(path)
        assert not [part for part in ("<style", "style=", "<script", "onclick") if part in answer.text]
        assert "style-src 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"


def test_the_style_is_served_and_its_address_follows_its_content(client: FlaskClient, keys: Mapping[str, str]) -> None:
    enter(client, keys["viewer"])
    address = client.get("/console").text.partition('rel="stylesheet" href="')[2].partition('"')[0]
    answer = client.get(address)
    assert (answer.status_code, answer.mimetype) == (200, "text/css")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000"
