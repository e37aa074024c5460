"""The process that serves the public programme: with its login and the files that it is given, it opens and changes
nothing, and no key and no session of a coordinator is of use there."""

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from deploy.local.secrets import OWNERS
from services.events.rights import PUBLIC
from services.events.settings import EventsSettings, read_settings
from services.events.side_events.naming import SpeakerNaming
from services.events.web import build_app
from services.events.wiring import proposal_keys
from shared.db.engine import open_engine
from shared.db.roles import login
from shared.http.app import SIGN_IN
from shared.security.sealing import Unsealable
from tests.integration.events.builders import WEBINAR
from tests.integration.events.side_events import CONSUMER_KEYS, AsRole, Desk
from tests.integration.events.test_schedule_guards import published
from tests.support.installation import database_of
from tests.support.postgres import PostgresServer
from tests.support.signed_in import cookie_for

NAMED, UNNAMED = "Zqnamed Speaker", "Zqsilent Speaker"
LINK = "https://meet.example.org/secret"
COORDINATORS = ("/v1/proposals", "/v1/speakers", "/v1/coverage", "/console/overview", "/console/side-events")
REFUSED = (
    *(f"SELECT {column} FROM proposal" for column in ("speaker_names", "suggested_names", "title", "answers", "note")),
    *(f"SELECT * FROM {table}" for table in ("roster", "event_count", "access_holder", "begun_session", "outbox")),
    *(f"SELECT * FROM {table}" for table in ("event_note", "consultation", "group_note", "mail_contact", "key_check")),
    *(f"SELECT id FROM {table}" for table in ("event", "resource", "event_change")),
    *(f"DELETE FROM {table}" for table in ("event", "proposal", "series", "resource", "public_event")),
    "UPDATE event SET title = title",
    "UPDATE proposal SET public_names = '[]'",
    "INSERT INTO outbox DEFAULT VALUES",
)


@pytest.fixture
def login_url(database: str, postgres: PostgresServer) -> str:
    """The database, for the login of the process."""
    return postgres.url(database_of(database), login("events", PUBLIC))


@pytest.fixture
def settings(environment: Mapping[str, str], login_url: str) -> EventsSettings:
    """What the process reads of an environment that holds only what it is given."""
    secret = {name for names in OWNERS.values() for name in names} - {*OWNERS.get(("events", PUBLIC), ())}
    given = {name: value for name, value in environment.items() if name not in secret}
    return read_settings(PUBLIC, given | {"EVENTS_DATABASE_URL": login_url})


@pytest.fixture
def public(settings: EventsSettings, desk: Desk) -> Iterator[FlaskClient]:
    """A client of the process."""
    engine = open_engine(settings.common.database_url)
    yield build_app(settings, engine, desk.clock, lambda _connection: desk.clock()).test_client()
    engine.dispose()


@pytest.fixture
def event(desk: Desk) -> str:
    """A published side event with two speakers, of whom one agrees to be named, and with a meeting link."""
    _, made = published(desk, answers={"speakers": f"{UNNAMED}\n{NAMED}", "named_speakers": NAMED})
    SpeakerNaming(desk.consumer, CONSUMER_KEYS).run_once()
    changed = desk.client.patch(
        f"/v1/events/{made}", json={"join_url": LINK}, headers={**desk.headers, "If-Match": "*"}
    )
    assert changed.status_code == 200
    return made


def test_it_opens_no_name_with_what_it_is_given(settings: EventsSettings, desk: Desk, event: str) -> None:
    assert settings.held_keys == []
    ((proposal, encrypted),) = desk.rows("SELECT id::text, speaker_names FROM proposal")
    assert CONSUMER_KEYS.names(encrypted, proposal)
    with pytest.raises(Unsealable):
        proposal_keys(settings).names(encrypted, proposal)


def test_its_login_reads_no_one_and_changes_nothing(login_url: str) -> None:
    with psycopg.connect(login_url.replace("+psycopg", ""), autocommit=True) as connection:
        for statement in REFUSED:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
        assert connection.execute("SELECT event_id, public_names FROM proposal").fetchall() == []


HIDDEN, REVIEW, COUNCIL = "zqhidden", "upr-review", "council-session-43"
_HIDE = f"""
    UPDATE event SET status = 'draft', internal_note = '{HIDDEN}' WHERE id = '{REVIEW}';
    UPDATE event SET internal = true WHERE id = '{WEBINAR}';
    INSERT INTO resource (id, kind, title, url, language, event, city, published, announced, revision)
    SELECT '{HIDDEN}-' || number, 'brief', '{{"en": "x"}}', 'https://example.org/', 'en', event, city, shown, true, 1
    FROM (VALUES (1, '{WEBINAR}', NULL, true), (2, '{COUNCIL}', NULL, false), (3, NULL, 'Geneva', false))
        AS made (number, event, city, shown);
    CREATE FUNCTION reveal(content text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
        BEGIN ASSERT content !~ '^({REVIEW}|{WEBINAR}|{HIDDEN})', content; RETURN true; END $$;
"""
"""A draft, an internal event, and resources that are not public. The function is cheaper than any condition, so
PostgreSQL would call it first, on hidden rows too, as it may call casts, whose errors show what they were given."""


def test_its_login_reads_no_draft_nothing_internal_and_no_link(desk: Desk, login_url: str, event: str) -> None:
    stored = {id_ for (id_,) in desk.rows("SELECT id FROM event")}
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(_HIDE)
    with psycopg.connect(login_url.replace("+psycopg", ""), autocommit=True) as connection:
        shown = connection.execute("SELECT id, join_url, internal_note FROM public_event").fetchall()
        assert sorted(shown) == [(name, None, "") for name in sorted(stored - {REVIEW, WEBINAR, "upr-cities-training"})]
        read = connection.execute("SELECT id FROM public_resource WHERE reveal(id) ORDER BY id").fetchall()
        assert read == connection.execute("SELECT id FROM public_resource ORDER BY id").fetchall()
        assert [name for (name,) in read if HIDDEN in name] == []
        assert len(connection.execute("SELECT FROM public_event WHERE reveal(id)").fetchall()) == len(shown)


def test_it_shows_a_coordinator_what_it_shows_everyone(
    public: FlaskClient, desk: Desk, as_role: AsRole, event: str
) -> None:
    """Neither a key nor a session shows more; what is not public is not there."""
    paths = ["/programme", "/programme/timetable", f"/programme/{event}", "/calendar/all.ics", "/v1/schedule.json"]
    paths += ["/v1/events", f"/v1/events/{event}", "/v1/rooms", "/v1/series"]
    name, value = cookie_for(desk.client.application, as_role("coordinator")["Authorization"].partition(" ")[2])
    assert SIGN_IN not in public.application.extensions
    callers: tuple[dict[str, Any], ...] = ({}, as_role("coordinator"), {"Cookie": f"{name}={value}"})
    found = []
    for one in callers:
        answers = [public.get(path, headers=one) for path in paths]
        found.append([(answer.status_code, answer.data) for answer in answers])
    assert found[1:] == [found[0]] * 2
    assert {status for status, _ in found[0]} == {200}
    whole = b"".join(body for _, body in found[0])
    assert (NAMED.encode() in whole, UNNAMED.encode() in whole, LINK.encode() in whole) == (True, False, False)
    assert LINK in desk.client.get(f"/v1/events/{event}", headers=desk.headers).text
    for one in callers:
        assert [public.get(path, headers=one).status_code for path in COORDINATORS] == [404] * len(COORDINATORS)
        for more in ("internal=true", "sort=confirmed"):
            assert public.get(f"/v1/events?{more}", headers=one).status_code == 401
        assert public.post("/v1/events", json={}, headers=one).status_code in (404, 405)
