"""The public programme names a speaker who agrees, from publication until the consent or the proposal ends."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from services.events.cleanup import RULES
from services.events.programme.feeds import programme_texts
from services.events.side_events.naming import SpeakerNaming
from services.events.side_events.reading import ProposalKeys
from services.events.side_events.store import PublicName, select_unnamed, store_public_names
from shared.db.cleanup import Cleanup
from shared.db.roles import login
from shared.db.unit_of_work import UnitOfWork
from shared.i18n.languages import LANGUAGES
from shared.messaging import topology
from shared.messaging.broker import BusAddress
from shared.security.sealing import new_key
from tests.integration.events.side_events import CONSUMER_KEYS, Desk
from tests.integration.events.test_schedule_guards import NOON, published
from tests.support.installation import database_of
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.waiting import poll_until

NAMED, UNNAMED = "Zqnamed Speaker", "Zqsilent Speaker"
TEXT: dict[str, Any] = {"speakers": f"{UNNAMED}\n{NAMED}", "named_speakers": NAMED}


@pytest.fixture
def side_event(desk: Desk) -> tuple[str, str]:
    """Ids of a proposal and of its published side event, with two speakers of whom one agrees to be named."""
    made = published(desk, answers=TEXT)
    add_names(desk)
    return made


def public(client: FlaskClient, event: str) -> str:
    """All that anyone can read about the side event and its timetable, in two languages: names are in no texts."""
    pages = [f"/programme/{event}", "/programme/timetable", "/programme"]
    paths = [f"{page}?lang={language}" for page in pages for language in ("en", "ar")]
    paths += [f"/v1/events/{event}", "/v1/events?kind=side_event", "/v1/schedule/versions/1"]
    paths += [f"/calendar/event/{event}.ics", "/calendar/all.ics"]
    with client.application.test_client() as public_client:
        return "\n".join(answer.text for path in paths if (answer := public_client.get(path)).status_code == 200)


def named(desk: Desk, event: str) -> tuple[bool, bool]:
    """Whether anyone can read the name of who agrees, and of who does not, a minute later.

    What anyone can read is what is in clear in the database.
    """
    desk.clock.advance(seconds=60)
    found, stored = public(desk.client, event), in_clear(desk)
    assert (NAMED in stored, UNNAMED in stored) == (NAMED in found, UNNAMED in found)
    return NAMED in found, UNNAMED in found


def in_clear(desk: Desk) -> str:
    """All rows of all tables, as text."""
    tables = desk.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return "".join(str(row) for (name,) in tables for row in desk.rows(f"SELECT t::text FROM {name} t"))


def add_names(desk: Desk) -> None:
    """What the consumer does every few seconds."""
    SpeakerNaming(desk.consumer, CONSUMER_KEYS).run_once()


def test_speaker_who_agrees_is_named_once_the_side_event_is_published(desk: Desk) -> None:
    proposal = desk.accepted("Housing", **TEXT)
    desk.put(proposal, "lake-hall", NOON)
    add_names(desk)
    assert named(desk, "any") == (False, False)
    assert desk.publish().status_code < 300
    event = desk.show(proposal)["event"]
    add_names(desk)
    assert named(desk, event) == (True, False)
    for language in LANGUAGES:
        page = desk.client.get(f"/programme/{event}?lang={language}").text
        label = programme_texts().text("speakers", language)
        assert f"<dt>{label}</dt><dd><bdi>{NAMED}</bdi></dd>" in page
        assert f"<bdi>{NAMED}</bdi>" in desk.client.get(f"/programme/timetable?lang={language}").text
    assert NAMED not in desk.client.get("/calendar/all.ics").text
    assert [word for word in (NAMED, UNNAMED) if word in desk.raw()] == []


@pytest.mark.parametrize(
    "end",
    [
        "consent", "other speaker", "dismissed", "withdrawn", "erased", "cancelled", "postponed", "internal",
        "off the timetable", "declined", "deleted",
    ],
)  # fmt: skip
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
    if end in ("cancelled", "postponed"):
        take_step(desk, event, "cancel" if end == "cancelled" else "postpone")
    if end == "internal":
        with desk.engine.begin() as connection:
            connection.execute(text("UPDATE event SET internal = true WHERE id = :id"), {"id": event})
    if end in ("off the timetable", "declined"):
        placed = {**desk.headers, "If-Match": desk.board().headers["ETag"]}
        assert desk.client.delete(f"/v1/schedule/placements/{proposal}", headers=placed).status_code == 200
        assert desk.publish().status_code == 201
    if end == "declined":
        assert desk.decide(proposal, "decline").status_code == 200
    if end == "deleted":
        Cleanup(UnitOfWork(desk.engine, "events"), "events", RULES).run_once(desk.clock() + timedelta(days=3650))
    assert named(desk, event) == (False, False)
    add_names(desk)
    assert named(desk, event) == (False, False)


def take_step(desk: Desk, event: str, step: str, **body: str) -> None:
    """Take a step with an event."""
    headers = {**desk.headers, "If-Match": "*"}
    assert desk.client.post(f"/v1/events/{event}/{step}", json=body, headers=headers).status_code == 200


def test_speaker_is_named_again_when_a_cancelled_side_event_is_revived(desk: Desk, side_event: tuple[str, str]) -> None:
    _, event = side_event
    take_step(desk, event, "cancel")
    take_step(desk, event, "revive")
    add_names(desk)
    assert named(desk, event) == (True, False)


def test_name_is_not_stored_when_consent_was_taken_back_since_it_was_read(desk: Desk) -> None:
    """Two processes at once: one has decrypted the names, and the other stores the change."""
    proposal, event = published(desk, answers=TEXT)
    with desk.consumer.transaction() as connection:
        (unnamed,) = select_unnamed(connection)
    desk.change(proposal, 2, "One", **TEXT | {"named_speakers": ""})
    (speaker,) = unnamed.speakers
    with desk.consumer.transaction() as connection:
        store_public_names(connection, unnamed, [PublicName(speaker, NAMED), PublicName("0" * 32, UNNAMED)])
    assert named(desk, event) == (False, False)


def test_consumer_adds_the_names(
    desk: Desk, environment: dict[str, str], postgres: PostgresServer, processes: ProcessGroup
) -> None:
    """Also those of side events that were published by a version without the column."""
    published(desk, answers=TEXT)
    bus = BusAddress(database_url=postgres.fresh_database())
    topology.declare(bus)
    login_url = postgres.url(database_of(environment["EVENTS_DATABASE_URL"]), login("events", "consume"))
    given = {name: value for name, value in environment.items() if name.endswith("_KEY_FILE")}
    given |= {"EVENTS_DATABASE_URL": login_url, "TROIKA_BUS_DATABASE_URL": bus.database_url}
    processes.start("consumer", "services.events consume", env=given)
    poll_until(lambda: NAMED in in_clear(desk), 30, what="the consumer adds the name")
    assert UNNAMED not in in_clear(desk)


def test_names_that_no_key_opens_keep_no_other_from_being_added(desk: Desk) -> None:
    _, event = published(desk, answers=TEXT)
    SpeakerNaming(desk.consumer, ProposalKeys((new_key(),))).run_once()
    assert named(desk, event) == (False, False)
    add_names(desk)
    assert named(desk, event) == (True, False)


def test_consent_that_is_given_later_waits_for_a_coordinator(desk: Desk, side_event: tuple[str, str]) -> None:
    proposal, event = side_event
    desk.change(proposal, 2, "One", **TEXT | {"named_speakers": f"{NAMED}\n{UNNAMED}"})
    (change,) = desk.show(proposal)["suggestion"]["changes"]
    assert (change["field"], change["before"], change["after"]) == ("named_speakers", [NAMED], [UNNAMED, NAMED])
    assert named(desk, event) == (True, False)
    assert desk.act(proposal, "suggestion/adopt").status_code == 200
    add_names(desk)
    assert named(desk, event) == (True, True)
    page = desk.client.get("/console/side-events", headers=desk.headers).text
    assert f"<dt>Named publicly</dt><dd><bdi>{UNNAMED}, {NAMED}</bdi>" in page
