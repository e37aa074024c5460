"""Creating and editing an event in the console: input is kept, errors are at their fields, no change is overwritten."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from shared.db.unit_of_work import UnitOfWork
from shared.runtime.ids import new_token, token_hash
from tests.integration.events.builders import WEBINAR, consume, registered, registration_message, rows
from tests.support.signed_in import enter

OWN_SITE = {"Sec-Fetch-Site": "same-origin"}
NEW = "/console/new-event"
EDIT = f"/console/events/{WEBINAR}/edit"
HOUSING: dict[str, Any] = {
    "title.en": "Housing as a right: a side event",
    "kind": "side_event",
    "time_zone": "Europe/Zurich",
    "starts": "2020-05-12T15:00",
    "ends": "2020-05-12T16:00",
    "mode": "in_person",
    "city": "Geneva",
    "asked_groups": ["housing", "health"],
}
MADE = "housing-as-a-right-a-side-event"
STATE = "SELECT status, title ->> 'en', starts_at, asked_groups, internal FROM event WHERE id = '{}'"
PUBLISHED_COUNT = "SELECT count(*)::int FROM outbox WHERE type NOT LIKE '%-audit.recorded.v1'"


@pytest.fixture
def signed_in(loaded: UnitOfWork, client: FlaskClient, keys: Mapping[str, str]) -> FlaskClient:
    """A coordinator in front of the console."""
    enter(client, keys["coordinator"])
    return client


def _send(client: FlaskClient, path: str, content: Mapping[str, Any], **more: Any) -> TestResponse:
    return client.post(path, data=dict(content) | more, headers=OWN_SITE)


def _typed(page: TestResponse) -> dict[str, Any]:
    """What a browser would send back of the unchanged form on the page, for texts, areas, selects and ticks."""
    values: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", page.text):
        name, value = re.search(r' name="([^"]+)"', tag), re.search(r' value="([^"]*)"', tag)
        if name and value and ('type="checkbox"' not in tag or " checked" in tag):
            values.setdefault(name[1], []).append(unescape(value[1]))
    for name_of, body in re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>\n?(.*?)</textarea>', page.text, re.S):
        values[name_of] = [unescape(body)]
    for name_of, body in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', page.text, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected>', body) or re.search(r'<option value="([^"]*)"', body)
        values[name_of] = [chosen[1]] if chosen else []
    return values


def _faults(page: TestResponse) -> dict[str, str]:
    """The summary: sentence by field, each linked to a field that is on the page with the same error."""
    found = dict(re.findall(r'<li><a href="#([\w.]+)">([^<]+)</a></li>', page.text))
    for name, sentence in found.items():
        assert f'id="{name}"' in page.text
        assert f'<p class="fault" id="{name}-fault">{sentence}</p>' in page.text
    return found


def test_copy_is_the_next_of_its_series_a_week_later(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    assert f'href="{NEW}?copy={WEBINAR}"' in signed_in.get(f"/console/events/{WEBINAR}").text
    [(starts_at, title)] = rows(loaded, f"SELECT starts_at, title ->> 'en' FROM event WHERE id = '{WEBINAR}'")
    values = _typed(signed_in.get(f"{NEW}?copy={WEBINAR}"))
    assert values["title.en"] == [title.replace("#10", "#11")]
    assert (values["id"], values["series_number"], values["form"]) == (["upr-webinar-11"], ["11"], [""])
    made = _send(signed_in, NEW, values)
    assert made.headers["Location"] == "/console/events/upr-webinar-11?done=made"
    [(status, copied, asked)] = rows(
        loaded, "SELECT status, starts_at, asked_groups FROM event WHERE id = 'upr-webinar-11'"
    )
    local = [instant.astimezone(ZoneInfo("America/New_York")).replace(tzinfo=None) for instant in (starts_at, copied)]
    assert (status, local[1] - local[0]) == ("draft", timedelta(days=7))  # clocks may change between the two
    assert [asked] == [row[0] for row in rows(loaded, f"SELECT asked_groups FROM event WHERE id = '{WEBINAR}'")]
    assert signed_in.get(f"{NEW}?copy=no-such-event").status_code == 404


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_date_that_some_time_zone_does_not_have_is_a_fault_of_its_field(signed_in: FlaskClient, day: str) -> None:
    dates = {"starts": f"{day}T08:00", "ends": f"{day}T20:00"}
    page = _send(signed_in, NEW, HOUSING | dates)
    assert (page.status_code, "starts" in _faults(page)) == (422, True)
    change = f"/console/events/{WEBINAR}/change/reschedule"
    seen = _typed(signed_in.get(change))["seen"]
    assert _send(signed_in, change, dates | {"status": "confirmed", "seen": seen, "go": "do"}).status_code == 422


def test_new_event_begins_with_the_zone_of_its_series_or_of_the_newest_event(
    signed_in: FlaskClient, loaded: UnitOfWork
) -> None:
    def begins(query: str = "") -> tuple[list[str], list[str]]:
        values = _typed(signed_in.get(f"{NEW}{query}"))
        return values["time_zone"], values["series"]

    of_series = (["America/New_York"], ["upr-webinar-wednesday"])
    assert (
        f'href="{NEW}?series=upr-webinar-wednesday"'
        in signed_in.get("/console/set-up/series/upr-webinar-wednesday").text
    )
    _send(signed_in, NEW, HOUSING | {"time_zone": "Asia/Kathmandu"})
    assert (begins(), begins("?series=upr-webinar-wednesday")) == ((["Asia/Kathmandu"], [""]), of_series)
    _send(signed_in, NEW, HOUSING | {"id": "of-the-system", "time_zone": "Asia/Tokyo", "internal": "yes"})
    assert begins("?series=no-such-series") == (["Asia/Kathmandu"], [""])
    with loaded.transaction() as connection:
        connection.execute(text("TRUNCATE event CASCADE"))
    assert begins() == ([""], [""])


def test_a_draft_is_made_and_leads_to_its_page(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    assert NEW in signed_in.get("/console").text
    before = rows(loaded, PUBLISHED_COUNT)
    made = _send(signed_in, NEW, HOUSING)
    assert (made.status_code, made.headers["Location"]) == (303, f"/console/events/{MADE}?done=made")
    ((status, title, starts_at, asked, internal),) = rows(loaded, STATE.format(MADE))
    assert (status, title, asked, internal) == ("draft", HOUSING["title.en"], ["housing", "health"], False)
    assert starts_at.isoformat() == "2020-05-12T13:00:00+00:00"
    history = f"SELECT action, fields, changed_by FROM event_change WHERE event_id = '{MADE}'"
    assert rows(loaded, history) == [("made", [], "a coordinator")]
    page = signed_in.get(made.headers["Location"]).text
    assert "The event is created as a draft." in page
    assert "Geneva time (CEST, UTC+2)" in page
    assert (rows(loaded, PUBLISHED_COUNT), signed_in.get(f"/programme/{MADE}").status_code) == (before, 404)


def test_faults_are_at_their_fields_and_input_is_kept(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    wrong = HOUSING | {
        "title.en": "",
        "series_number": "ten",
        "starts": "2020-03-29T02:30",
        "ends": "",
        "kind": "party",
        "summary.en": "Two\r\nlines <b>",
    }
    answer = _send(signed_in, NEW, wrong)
    assert (answer.status_code, rows(loaded, STATE.format(MADE))) == (422, [])
    faults = _faults(answer)
    assert list(faults) == ["title.en", "kind", "series_number", "starts", "ends"]
    assert faults["starts"].startswith("02:30 on 2020-03-29 in Europe/Zurich does not exist")
    kept = _typed(answer)
    assert kept["series_number"] + kept["starts"] + kept["city"] == ["ten", "2020-03-29T02:30", "Geneva"]
    assert (kept["summary.en"], kept["asked_groups"]) == (["Two\nlines <b>"], ["health", "housing"])
    assert kept["time_zone"] == ["Europe/Zurich"]


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"join_url": "http://plain.example.org"}, "join_url", "Meeting link must begin with https://"),
        ({"ends": "2020-05-12T14:00"}, "ends", "End must be later than the start."),
        ({"series_number": "3"}, "series_number", "Number in the series needs a series to be a number of."),
        ({"series": "no-such-series"}, "series", "Series must be a series that exists."),
        ({"asked_groups": ["no-such-group"]}, "asked_groups", "Invited working groups there is no group"),
        ({"id": WEBINAR}, "id", f"This cannot be done: there is an event {WEBINAR} already."),
        ({"id": "Not A Name"}, "id", "Short name must be lower-case letters"),
        ({"title.en": "住房"}, "id", "Enter a short name in Latin letters"),
        ({"time_zone": "Europe/Geneva"}, "time_zone", "Choose the time zone."),
        ({"title.en": "x" * 201}, "title.en", "Title (English) must have 1 to 200 characters"),
        ({"form": "No Form"}, "form", "Form must be lower-case letters"),
        ({"series_number": "9" * 12}, "series_number", "Enter a number from 1 to 9999"),
    ],
)
def test_a_rule_that_is_broken_is_named(
    signed_in: FlaskClient, loaded: UnitOfWork, changes: dict[str, Any], field: str, sentence: str
) -> None:
    answer = _send(signed_in, NEW, HOUSING | changes)
    assert answer.status_code == 422
    assert sentence in _faults(answer)[field].replace("&#39;", "'")
    assert rows(loaded, "SELECT count(*)::int FROM event") == [(5,)]


def test_all_groups_are_asked_and_an_internal_draft_is_one(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    _send(signed_in, NEW, HOUSING | {"asked_groups": ["*", "housing"], "internal": "yes", "starts": "", "ends": ""})
    assert rows(loaded, STATE.format(MADE)) == [("draft", HOUSING["title.en"], None, ["*"], True)]


def test_what_participants_see_is_changed_in_two_steps(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    consume(loaded, [registration_message(registered(n, language="fr")) for n in (1, 2, 3)])
    before = rows(loaded, PUBLISHED_COUNT)
    typed = _typed(signed_in.get(EDIT)) | {"title.en": "Another title", "internal_note": "Ask again."}
    second = _send(signed_in, EDIT, typed)
    assert (second.status_code, rows(loaded, PUBLISHED_COUNT)) == (200, before)
    assert "3 people will be notified: 3 confirmed." in second.text
    assert "before: UPR Webinar Wednesday #10" in second.text
    back = _send(signed_in, EDIT, _typed(second), go="back")
    assert _typed(back)["title.en"] == ["Another title"]
    third = _send(signed_in, EDIT, _typed(second), go="do")
    assert (third.status_code, third.headers["Location"]) == (303, f"/console/events/{WEBINAR}?done=edited")
    assert rows(loaded, f"SELECT title ->> 'en', internal_note, revision FROM event WHERE id = '{WEBINAR}'") == [
        ("Another title", "Ask again.", 2)
    ]
    assert rows(loaded, PUBLISHED_COUNT) == [(before[0][0] + 1,)]
    assert "The changes are saved. 3 people will be notified at " in signed_in.get(third.headers["Location"]).text


def test_a_change_that_only_pages_show_notifies_no_one(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    consume(loaded, [registration_message(registered(1))])
    second = _send(signed_in, EDIT, _typed(signed_in.get(EDIT)) | {"summary.en": "Another summary"})
    assert "No one has to be notified." in second.text
    third = _send(signed_in, EDIT, _typed(second), go="do")
    assert "The changes are saved. No one has to be notified." in signed_in.get(third.headers["Location"]).text


def test_the_unchanged_form_changes_nothing(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    before = rows(loaded, "SELECT event::text FROM event ORDER BY id")
    for event in (WEBINAR, "upr-review", "council-session-43", "upr-cities-training"):
        path = f"/console/events/{event}/edit"
        assert _send(signed_in, path, _typed(signed_in.get(path))).status_code == 303
    assert rows(loaded, "SELECT event::text FROM event ORDER BY id") == before


def test_what_only_coordinators_see_is_saved_at_once(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    before = rows(loaded, PUBLISHED_COUNT)
    saved = _send(signed_in, EDIT, _typed(signed_in.get(EDIT)) | {"internal_note": "Ask\r\nagain.\0"})
    assert saved.headers["Location"] == f"/console/events/{WEBINAR}?done=noted"
    assert rows(loaded, f"SELECT internal_note, revision FROM event WHERE id = '{WEBINAR}'") == [("Ask\nagain.", 1)]
    assert rows(loaded, PUBLISHED_COUNT) == before
    assert "so no one is notified" in signed_in.get(saved.headers["Location"]).text


def test_a_broken_rule_of_an_edit_is_named_and_a_published_event_keeps_its_city(
    signed_in: FlaskClient, loaded: UnitOfWork
) -> None:
    typed = _typed(signed_in.get(EDIT)) | {"mode": "in_person", "title.en": ""}
    assert list(_faults(_send(signed_in, EDIT, typed))) == ["title.en"]
    answer = _send(signed_in, EDIT, typed | {"title.en": "X"})
    assert (answer.status_code, _faults(answer)) == (422, {"city": "City is required: people come in person."})
    assert _typed(answer)["mode"] == ["in_person"]


def test_who_was_slower_sees_what_is_stored_now(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    typed = _typed(signed_in.get(EDIT))
    _send(signed_in, EDIT, typed | {"internal_note": "First."})
    late = _send(signed_in, EDIT, typed | {"place": "Room XX"})
    assert (late.status_code, "Another person changed this after you opened it." in late.text) == (412, True)
    assert 'id="internal_note-stored">Stored now: First.</p>' in late.text
    assert 'id="place-stored">Stored now: nothing</p>' in late.text
    assert 'id="title.en-stored"' not in late.text
    assert (_typed(late)["place"], _typed(late)["internal_note"]) == (["Room XX"], [""])
    assert rows(loaded, f"SELECT internal_note, place FROM event WHERE id = '{WEBINAR}'") == [("First.", None)]
    again = _send(signed_in, EDIT, _typed(late) | {"internal_note": "First."})
    assert _send(signed_in, EDIT, _typed(again), go="do").status_code == 303
    assert rows(loaded, f"SELECT internal_note, place FROM event WHERE id = '{WEBINAR}'") == [("First.", "Room XX")]


def test_only_a_draft_can_become_internal(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    assert 'name="internal"' not in signed_in.get(EDIT).text
    _send(signed_in, EDIT, _typed(signed_in.get(EDIT)), internal="yes")
    draft = "/console/events/upr-cities-training/edit"
    _send(signed_in, draft, _typed(signed_in.get(draft)), internal="yes")
    assert rows(loaded, "SELECT id FROM event WHERE internal") == [("upr-cities-training",)]


def test_a_viewer_and_another_site_write_nothing(
    loaded: UnitOfWork, signed_in: FlaskClient, keys: Mapping[str, str]
) -> None:
    typed = _typed(signed_in.get(EDIT)) | {"internal_note": "X"}
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert signed_in.post(EDIT, data=typed, headers=foreign).status_code == 403
    assert signed_in.post(NEW, data=HOUSING, headers=foreign).status_code == 403
    enter(signed_in, keys["viewer"])
    assert [signed_in.get(path).status_code for path in (NEW, EDIT)] == [403, 403]
    assert [_send(signed_in, path, typed).status_code for path in (NEW, EDIT)] == [403, 403]
    assert "/edit" not in signed_in.get(f"/console/events/{WEBINAR}").text
    assert NEW not in signed_in.get("/console").text
    assert rows(loaded, f"SELECT internal_note FROM event WHERE id = '{WEBINAR}'") == [("",)]
    assert rows(loaded, STATE.format(MADE)) == []


def test_a_key_limited_to_forms_writes_only_events_of_their_names(
    loaded: UnitOfWork, client: FlaskClient, environment: dict[str, str]
) -> None:
    key = new_token()
    holder = {"name": "one", "roles": ["coordinator"], "key_sha256": token_hash(key).hex(), "forms": [WEBINAR, "own"]}
    with open(environment["TROIKA_ACCESS_FILE"], "w") as file:
        json.dump([holder], file)
    enter(client, key)
    typed = _typed(client.get(EDIT)) | {"internal_note": "X"}
    assert _send(client, EDIT, typed).status_code == 303
    other = EDIT.replace(WEBINAR, "upr-review")
    assert (client.get(other).status_code, _send(client, other, typed).status_code) == (403, 403)
    statuses = [_send(client, NEW, HOUSING | {"id": event}).status_code for event in ("own", "other")]
    assert statuses == [303, 403]
    resources = [f"/console/events/{event}/new-resource" for event in (WEBINAR, "upr-review")]
    assert [client.get(path).status_code for path in resources] == [200, 403]
    assert rows(loaded, "SELECT id FROM event WHERE internal_note = 'X' OR id IN ('own', 'other') ORDER BY id") == [
        ("own",),
        (WEBINAR,),
    ]


def test_an_unknown_event_has_no_form(signed_in: FlaskClient) -> None:
    assert signed_in.get("/console/events/no-such-event/edit").status_code == 404
