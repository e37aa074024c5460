"""The public programme names a speaker who agrees, from publication until the consent or the proposal ends."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from services.events.programme.feeds import programme_texts
from shared.i18n.languages import LANGUAGES
from tests.integration.events.side_events import Desk
from tests.integration.events.test_schedule_guards import NOON, published

NAMED, UNNAMED = "Zqnamed Speaker", "Zqsilent Speaker"
TEXT: dict[str, Any] = {"speakers": f"{UNNAMED}\n{NAMED}", "named_speakers": NAMED}


@pytest.fixture
def side_event(desk: Desk) -> tuple[str, str]:
    """Ids of a proposal and of its published side event, with two speakers of whom one agrees to be named."""
    return published(desk, answers=TEXT)


def public(client: FlaskClient, event: str) -> str:
    """All that anyone can read about the side event and its timetable, in all languages."""
    pages = [f"/programme/{event}", "/programme/timetable", "/programme"]
    paths = [f"{page}?lang={language}" for page in pages for language in LANGUAGES]
    paths += [f"/v1/events/{event}", "/v1/events?kind=side_event", "/v1/schedule/versions/1"]
    paths += [f"/calendar/event/{event}.ics", "/calendar/all.ics"]
    with client.application.test_client() as public_client:
        return "\n".join(answer.text for path in paths if (answer := public_client.get(path)).status_code == 200)


def named(desk: Desk, event: str) -> tuple[bool, bool]:
    """Whether anyone can read the name of who agrees, and of who does not, a minute later."""
    desk.clock.advance(seconds=60)
    found = public(desk.client, event)
    return NAMED in found, UNNAMED in found


def test_speaker_who_agrees_is_named_once_the_side_event_is_published(desk: Desk) -> None:
    proposal = desk.accepted("Housing", **TEXT)
    desk.put(proposal, "lake-hall", NOON)
    assert NAMED not in public(desk.client, "any")
    assert desk.publish().status_code < 300
    event = desk.show(proposal)["event"]
    assert named(desk, event) == (True, False)
    for language in LANGUAGES:
        page = desk.client.get(f"/programme/{event}?lang={language}").text
        label = programme_texts().text("speakers", language)
        assert f"<dt>{label}</dt><dd><bdi>{NAMED}</bdi></dd>" in page
        assert f"<bdi>{NAMED}</bdi>" in desk.client.get(f"/programme/timetable?lang={language}").text
    assert NAMED not in desk.client.get("/calendar/all.ics").text
    assert [word for word in (NAMED, UNNAMED) if word in desk.raw()] == []


@pytest.mark.parametrize(
    "end", ["consent", "other speaker", "dismissed", "withdrawn", "erased", "cancelled", "deleted"]
)
def test_name_is_gone_within_a_minute_when_consent_or_the_side_event_ends(
    desk: Desk, side_event: tuple[str, str], end: str
) -> None:
    proposal, event = side_event
    assert named(desk, event) == (True, False)
    if end in ("consent", "dismissed"):
        desk.change(proposal, 2, "One", **TEXT | {"named_speakers": ""})
    if end == "dismissed":
        assert desk.act(proposal, "suggestion/dismiss").get_json()["named_speakers"] == []
    if end == "other speaker":
        desk.change(proposal, 2, "One", speakers=UNNAMED, named_speakers=NAMED)
    if end == "withdrawn":
        desk.withdraw(proposal)
    if end == "erased":
        desk.erase(proposal)
    if end == "cancelled":
        path = f"/v1/events/{event}/cancel"
        assert desk.client.post(path, json={}, headers={**desk.headers, "If-Match": "*"}).status_code == 200
    if end == "deleted":
        with desk.engine.begin() as connection:
            connection.execute(text("UPDATE proposal SET speaker_names = NULL"))
    assert named(desk, event) == (False, False)


def test_consent_that_is_given_later_waits_for_a_coordinator(desk: Desk, side_event: tuple[str, str]) -> None:
    proposal, event = side_event
    desk.change(proposal, 2, "One", **TEXT | {"named_speakers": f"{NAMED}\n{UNNAMED}"})
    (change,) = desk.show(proposal)["suggestion"]["changes"]
    assert (change["field"], change["before"], change["after"]) == ("named_speakers", [NAMED], [UNNAMED, NAMED])
    assert named(desk, event) == (True, False)
    assert desk.act(proposal, "suggestion/adopt").status_code == 200
    assert named(desk, event) == (True, True)
    page = desk.client.get("/console/side-events", headers=desk.headers).text
    assert f"<dt>Named publicly</dt><dd><bdi>{UNNAMED}, {NAMED}</bdi>" in page
