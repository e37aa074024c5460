"""The public pages offer open forms only; an event cannot name a form that does not exist."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from services.events.event.lifecycle import postpone
from shared.db.unit_of_work import UnitOfWork
from shared.http.page_cache import PAGE_CACHE
from shared.runtime.clock import rfc3339
from tests.integration.events.builders import NOON, WEBINAR, consume, form_message
from tests.integration.events.side_events import AsRole
from tests.integration.events.test_programme import PAGES, REVIEW, _take
from tests.support.clock import FrozenClock

PRESS, COUNCIL = "review-press-conference", "council-session-43"
SERIES = "series/upr-webinar-wednesday"
FORMS = (
    form_message(WEBINAR, "webinar", WEBINAR),
    form_message("geneva-delegation", "delegation", REVIEW),
    form_message(PRESS, "attendance", PRESS, closes_hours_before=48),
    form_message("council-session-interest", "interest", COUNCIL),
    form_message("join-working-group", "working_group"),
)
"""As the scenario has them."""


@pytest.fixture
def offered(loaded: UnitOfWork) -> UnitOfWork:
    """The scenario, with its forms."""
    assert consume(loaded, FORMS) == ["done"] * len(FORMS)
    return loaded


def buttons(client: FlaskClient, page: str) -> list[tuple[str, str]]:
    """(form, words on its button) on a page of the programme."""
    client.application.extensions[PAGE_CACHE].clear()
    html = client.get(f"/programme/{page}?lang=en").text
    found = re.findall(r'<a class="button" href="/embed/([^"?]+)\?lang=en"[^>]*>([^<]+)</a>', html)
    return [(str(form), str(words)) for form, words in found]


def test_pages_offer_the_forms_that_register_for_them(offered: UnitOfWork, client: FlaskClient) -> None:
    assert {page: buttons(client, page) for page in (WEBINAR, REVIEW, PRESS, COUNCIL, SERIES, "groups")} == {
        WEBINAR: [(WEBINAR, "Register")],
        REVIEW: [("geneva-delegation", "Register for the delegation")],
        PRESS: [(PRESS, "Register")],
        COUNCIL: [("council-session-interest", "Notify me if remote attendance becomes possible")],
        SERIES: [(WEBINAR, "Register")],
        "groups": [("join-working-group", "Join a working group")],
    }


def test_page_without_a_known_form_offers_none(loaded: UnitOfWork, client: FlaskClient) -> None:
    """Also where the event names one, of which nothing is known yet."""
    with loaded.transaction() as connection:
        assert connection.execute(text("SELECT form FROM event WHERE id = :id"), {"id": WEBINAR}).scalar() == WEBINAR
    assert "/embed/" not in "".join(client.get(path).text for path in PAGES)


def test_title_of_a_form_is_in_the_language_of_the_page(offered: UnitOfWork, client: FlaskClient) -> None:
    french, arabic = (client.get(f"/programme/{REVIEW}?lang={language}").text for language in ("fr", "ar"))
    assert "<bdi>Titre de geneva-delegation</bdi>" in french
    assert '<bdi lang="en" dir="ltr">Title of geneva-delegation</bdi>' in arabic
    assert "التسجيل في الوفد" in arabic


def test_closing_and_opening_a_form_changes_the_button(offered: UnitOfWork, client: FlaskClient) -> None:
    def is_offered() -> bool:
        return buttons(client, REVIEW) != []

    states = [is_offered()]
    for revision, is_open in ((2, False), (3, True), (5, False), (4, True)):
        changed = form_message("geneva-delegation", "delegation", REVIEW, revision=revision, open=is_open)
        consume(offered, [changed])
        states.append(is_offered())
    assert states == [True, False, True, False, False], "the state that came last is an older one"


def test_hours_and_guest_list_close_the_button_by_themselves(
    offered: UnitOfWork, client: FlaskClient, clock: FrozenClock
) -> None:
    opens = form_message("geneva-delegation", "delegation", REVIEW, revision=2, opens_at=rfc3339(NOON))
    consume(offered, [opens])
    shown = {}
    for at in (NOON - timedelta(seconds=1), NOON, datetime(2020, 5, 9, 10, 59, 59, tzinfo=UTC)):
        clock.set(at)
        shown[at] = [buttons(client, page) != [] for page in (REVIEW, PRESS, COUNCIL)]
    clock.set(datetime(2020, 5, 9, 11, 0, tzinfo=UTC))
    shown[clock()] = [buttons(client, page) != [] for page in (REVIEW, PRESS, COUNCIL)]
    assert list(shown.values()) == [
        [False, True, True],
        [True, True, True],
        [True, True, False],
        [True, False, False],
    ]


def test_event_that_does_not_take_place_offers_nothing(offered: UnitOfWork, client: FlaskClient) -> None:
    _take(offered, REVIEW, datetime(2020, 3, 13, tzinfo=UTC), postpone)
    assert buttons(client, REVIEW) == []


@pytest.mark.parametrize("form", ["no-such-form", WEBINAR])
def test_event_names_only_a_form_that_exists(
    offered: UnitOfWork, client: FlaskClient, as_role: AsRole, form: str
) -> None:
    headers = as_role("coordinator") | {"If-Match": "*"}
    made = {"id": "a-webinar", "kind": "webinar", "title": "A", "time_zone": "UTC", "mode": "online", "form": form}
    answers = (
        client.patch(f"/v1/events/{REVIEW}?dry_run=true", json={"form": form}, headers=headers),
        client.patch(f"/v1/events/{REVIEW}", json={"form": form}, headers=headers),
        client.post("/v1/events", json=made, headers=headers),
    )
    if form == WEBINAR:
        assert [answer.status_code for answer in answers] == [200, 200, 201]
        return
    for answer in answers:
        assert answer.status_code == 422
        assert [(fault["pointer"], fault["message"]) for fault in answer.get_json()["errors"]] == [
            ("/form", "must be a form that exists")
        ]


def test_named_form_comes_first_and_an_old_name_stops_no_other_change(
    loaded: UnitOfWork, client: FlaskClient, as_role: AsRole
) -> None:
    headers = as_role("coordinator") | {"If-Match": "*"}
    answer = client.patch(f"/v1/events/{WEBINAR}", json={"summary": "Another."}, headers=headers)
    assert answer.status_code == 200, "nothing is known of its form yet"
    consume(loaded, [form_message("a-second-form", "attendance", WEBINAR), *FORMS])
    assert [form for form, _ in buttons(client, WEBINAR)] == [WEBINAR, "a-second-form"]
