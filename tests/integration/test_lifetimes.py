"""Nothing is kept forever: every table that grows with registrations is pruned, and erased people are gone."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import requests

from services.events import cleanup as of_events
from services.notifications import cleanup as of_notifications
from services.notifications.recipients import store as notifications_tables
from services.registration import cleanup as of_registration
from services.registration.privacy import erasure_store as registration_tables
from shared.db.cleanup import Cleanup
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts.registry import SERVICES
from shared.messaging.relay import PUBLISHED, RECEIVED
from shared.runtime.ids import first_id_of
from shared.security.sealing import open_sealed, read_keys
from tests.integration.system.canaries import ANSWERS, CANARIES
from tests.support.clients import SUBMISSIONS, rows
from tests.support.installation import TestInstallation, make_installation
from tests.support.participants import confirm_in_time
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.run_folder import RunFolder
from tests.support.stack import Stack, assert_audited, settle
from tests.support.waiting import poll_until

CLEANERS = {"registration": "tend", "events": "relay", "notifications": "relay"}
"""The process that runs a service's rules."""
RULES = {
    "registration": of_registration.RULES,
    "events": of_events.RULES,
    "notifications": of_notifications.RULES,
}
PERSONAL = {
    "registration": registration_tables.TABLES,
    "events": of_events.PERSONAL_TABLES,
    "notifications": notifications_tables.PERSONAL_TABLES,
}
MESSAGES = {PUBLISHED.table, *(rule.table for rule in RECEIVED.values())}

_ALL = {
    "alembic_version": "the version of the schema",
    "content_key": "one row",
    "halted_queue": "a row for each queue at most",
    "highest_time": "one row",
    "key_check": "a row for each key",
    "quarantine": "one row, until an operator ends it",
}
WITHOUT_END = {
    "registration": _ALL
    | {
        "form": "questions",
        "form_change": "who changed questions: as long as the form",
        "form_draft": "forms that coordinators work on, until they publish or discard them",
        "list_view": "filters and columns that coordinators have saved, without a word that was searched for",
        "form_key": "a public key for each form",
        "seat": "a row for each form",
        "registration_count": "numbers of registrations; a number of 0 is deleted within seconds",
        "registration_count_change": "changes of those numbers, for seconds",
        "partner": "organisations whose pages show forms",
        "event_copy": "events",
        "working_group_copy": "groups",
        "resource_copy": "recordings",
        "hotel_copy": "hotels",
        "decider_key": "a public key for each key of the decider",
        "decider_attempt": "one row",
        "decider_lead": "no row",
        "passkey": "public keys of people with access; they end with it",
    },
    "events": _ALL
    | {
        "series": "events",
        "event": "events",
        "event_note": "notes of coordinators on events; no participant belongs there",
        "event_change": "who changed events: as long as the event",
        "event_notice": "when changes of events were mailed, and how often: as long as the event",
        "event_count": "numbers by event and status",
        "tally": "numbers by day, country, partner and kind of form",
        "group_contact": "a date for each group",
        "working_group": "groups",
        "group_note": "calls and meetings with groups, by day; no participant belongs there",
        "consultation": "events",
        "hotel_block": "hotels",
        "resource": "recordings",
        "form_copy": "forms",
        "partner_copy": "partners",
        "room": "rooms",
        "room_hours": "rooms",
        "slot": "times",
        "board": "one row",
        "schedule_version": "who published a timetable",
        "solve_job": "who asked for a timetable",
    },
    "notifications": _ALL
    | {
        "event_copy": "events",
        "working_group_copy": "groups",
        "resource_copy": "recordings",
        "form_copy": "forms",
        "partner_copy": "partners",
        "event_news": "a row for each event that has just changed",
        "announcement": "a row for each change of an event",
        "bulletin": "texts of coordinators",
        "webhook": "addresses of partners",
        "unsubscribe_request": "links that were used in the last seconds, at most 10,000",
        "former_links": "one row",
    },
}
"""Tables that do not grow with registrations, each with what it grows with."""

ENDED_OTHERWISE = {
    "registration": {"organisation", "retention_notice", "blocked_address", "own_audit_log"},
    "events": {"proposal_change", "placement", "version_placement", "own_audit_log"},
    "notifications": {"mail_attempt", "suppression", "own_audit_log"},
}
"""Neither a rule nor a statement of the erasure ends them: ``PersonalTable.ends`` names what does."""

_TABLES = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'"


@pytest.fixture(scope="module")
def installation(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> TestInstallation:
    """Empty databases."""
    return make_installation(postgres, Path(tmp_path_factory.mktemp("lifetimes")))


@pytest.mark.parametrize("service", SERVICES)
def test_every_table_that_grows_with_registrations_has_an_end(installation: TestInstallation, service: str) -> None:
    """A new table needs its line: a rule, a place among the personal tables, or a reason among those above."""
    ruled = {rule.table for rule in RULES[service]} | MESSAGES
    erased = {table.name for table in PERSONAL[service] if table.erase}
    without_end, otherwise = set(WITHOUT_END[service]), ENDED_OTHERWISE[service]
    there = {name for (name,) in rows(installation.urls[service], _TABLES)} | {"own_audit_log"}
    assert there == ruled | erased | without_end | otherwise
    assert (ruled | erased) & (without_end | otherwise) == without_end & otherwise == set()
    ways = {table.name: bool(table.erase) != (len(table.ends) > 10) for table in PERSONAL[service]}
    assert ways == dict.fromkeys(ways, True), "each of the personal tables states how it ends, in one way"
    assert [rule for rule in RULES[service] if len(rule.why) < 10] == []


@dataclass(frozen=True, slots=True)
class Aged:
    """Attributes:
    service, table: with one rule for months or years.
    stored: stores one row that has its ``id`` and is as old as ``at``, with the rows it needs.
    """

    service: str
    table: str
    stored: str


_GIVEN = "WITH given AS (SELECT %s::uuid AS id, %s::timestamptz AS at)"
_RECORD = """
    INSERT INTO audit_record (done_at, done_by, action, kind, subject, detail)
    SELECT at, 'Ada', 'did', '', '', '{}' FROM given
"""
_READING = """
    INSERT INTO sealed_reading (registration_id, form, reader, reason, read_at)
    SELECT id, 'a-form', 'Ada', 'a good reason', at FROM given
"""
_APPROVAL = """
    INSERT INTO sealed_approval (id, act, form, asked_by, reason, filters, people, asked_at, expires_at)
    SELECT id, 'read-all', 'a-form', 'Ada', 'a good reason', '{}', ARRAY[id], at, at FROM given
"""
_PROMOTION = """
    INSERT INTO promotion (form, decided_at, cause, waiting, promoted, withheld)
    SELECT 'a-form', at, 'a seat was given back', 1, 0, 'too-late' FROM given
"""
_HISTORY = """,
    form AS (INSERT INTO form (slug, kind, definition, verification, waiting_list, partners, promotion_notice_minutes,
        open, revision) SELECT 'a-form', 'webinar', '{}', 'email', true, '{}', 0, true, 1 FROM given
        ON CONFLICT DO NOTHING),
    gone AS (INSERT INTO registration (id, form, status, revision, received_at, representative, answers, accepted_at,
        cancelled_at, erased_at)
        SELECT id, 'a-form', 'cancelled', 1, at, false, '{}', at, at, at FROM given RETURNING id)
    INSERT INTO registration_change (registration_id, revision, status, changed_at, reason)
    SELECT id, 1, 'cancelled', '2010-01-01', 'erased' FROM gone
"""
_MAIL = """,
    gone AS (INSERT INTO mail (id, kind, subject, revision, lane, state, message_id, cause_at, created_at, sent_at,
        correlation_id) SELECT id, 'confirmation', id, 1, 'transactional', 'sent', '<' || id || '@example.org>', at, at,
        at, '' FROM given RETURNING id, sent_at AS at)
    INSERT INTO mail_attempt (mail_id, number, message_id, phase, started_at) SELECT id, 1, '', 'claimed', at FROM gone
"""
_RECIPIENT = """
    INSERT INTO recipient (subject, about, form, form_kind, status, revision, occurred_at, noted_at, heard_at,
        erased_at)
    SELECT id, 'registration', 'a-form', 'webinar', 'cancelled', 1, at, at, at, at FROM given
"""
_ROSTER = """
    INSERT INTO roster (registration_id, form, form_kind, status, revision, representative, language, occurred_at,
        erased_at) SELECT id, 'a-form', 'webinar', 'cancelled', 1, false, 'und', at, at FROM given
"""
_CONTACT = "INSERT INTO mail_contact (mail_id, registration_id, kind, sent_at) SELECT id, id, 'bulletin', at FROM given"

_TESTER = """
    INSERT INTO bulletin_tester (holder, closed, since, tests)
    SELECT id::text, decode(repeat('00', 40), 'hex'), at, 1 FROM given
"""

LOGS = (
    *(Aged(service, "audit_record", _RECORD) for service in SERVICES),
    Aged("registration", "promotion", _PROMOTION),
    Aged("registration", "sealed_reading", _READING),
)
LONG_KEPT = (
    *LOGS,
    Aged("registration", "sealed_approval", _APPROVAL),
    Aged("registration", "registration_change", _HISTORY),
    Aged("events", "mail_contact", _CONTACT),
    Aged("events", "roster", _ROSTER),
    Aged("notifications", "mail", _MAIL),
    Aged("notifications", "recipient", _RECIPIENT),
    Aged("notifications", "bulletin_tester", _TESTER),
)


def store(installation: TestInstallation, aged: Aged, at: datetime) -> None:
    """Store a row that is as old as ``at``."""
    rows(installation.urls[aged.service], _GIVEN + aged.stored, first_id_of(at)[:24] + uuid4().hex[:12], at)


@pytest.mark.parametrize("aged", LONG_KEPT, ids=lambda aged: f"{aged.service} {aged.table}")
def test_what_is_kept_long_goes_after_its_time_and_not_before(installation: TestInstallation, aged: Aged) -> None:
    """By the rules of the service, with the login of the process that runs them."""
    url, now = installation.urls[aged.service], datetime.now(UTC)
    [kept] = [rule.kept for rule in RULES[aged.service] if rule.table == aged.table]
    for older in (timedelta(seconds=60), timedelta(seconds=1), timedelta(seconds=-60)):
        store(installation, aged, now - kept - older)
    engine = open_engine(installation.url(aged.service, CLEANERS[aged.service]))
    assert not Cleanup(UnitOfWork(engine, aged.service), aged.service, RULES[aged.service]).run_once(now)
    engine.dispose()
    assert rows(url, f"SELECT count(*) FROM {aged.table}") == [(1,)]


@pytest.mark.parametrize("aged", LOGS, ids=lambda aged: f"{aged.service} {aged.table}")
def test_no_one_deletes_entries_of_the_audit_log_before_a_thousand_days(
    installation: TestInstallation, aged: Aged
) -> None:
    """An attacker with the one login that deletes there cannot remove the evidence."""
    login = installation.url(aged.service, CLEANERS[aged.service])
    store(installation, aged, datetime.now(UTC) - timedelta(days=999))
    for attack in (
        f"DELETE FROM {aged.table}",
        f"TRUNCATE {aged.table}",
        f"ALTER TABLE {aged.table} DISABLE TRIGGER ALL",
    ):
        with pytest.raises((psycopg.errors.RaiseException, psycopg.errors.InsufficientPrivilege)):
            rows(login, attack)
    with pytest.raises(psycopg.errors.RaiseException, match="only ever added"):
        rows(installation.urls[aged.service], f"DELETE FROM {aged.table}")


OWN_MAIL = "SELECT state, recipient FROM mail WHERE kind = 'confirmation'"
RECEIPTS = "SELECT encode(receipt_hash, 'hex') FROM submission WHERE kind = 'submission'"
WORDS = tuple(value.partition("@")[0] for value in CANARIES.values())
KEPT_FOR_A_DAY = {
    "person_ref": {"registration.erased_address"},
    "mailbox_ref": {"registration.mailbox", "registration.waiting_network"},
}
"""Keyed hashes: what was received before the erasure is dropped by the one, and mails are spaced by the other."""

COUNTED = {
    "id": {
        "registration.registration",
        "registration.registration_change",
        "registration.outbox",
        "events.roster",
        "events.mail_contact",
        "notifications.recipient",
        "notifications.mail",
        "notifications.outbox",
    }
}
"""Tombstones, numbers of mails and the messages of the last days know the id of the registration, and nothing else."""


@pytest.fixture
def whole(postgres: PostgresServer, run_folder: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything on the embedded bus, with one person registered, counted and mailed."""
    processes = ProcessGroup(run_folder)
    folder: Path = tmp_path_factory.mktemp("erased")
    stack = Stack(processes, make_installation(postgres, folder))
    try:
        stack.start(capacity=100, workers=1)
        assert stack.web is not None
        assert requests.post(stack.web.url + SUBMISSIONS, json=ANSWERS, timeout=10).status_code == 202
        confirm_in_time(stack.web.url, stack.mail_folder, str(ANSWERS["email"]))
        settle(stack, 1)
        yield stack
    finally:
        processes.end()


def test_erased_person_is_in_no_database(whole: Stack) -> None:
    """Not only what they typed is searched for, but everything sealed or hashed that was made of it."""
    traces = _traces(whole)
    assert set(_found(whole, traces)) == set(traces)
    token = _token(whole)
    assert whole.web is not None
    answer = requests.post(f"{whole.web.url}/r/{token}", data={"action": "erase"}, timeout=10)
    assert (answer.status_code, "Your data has been erased" in answer.text) == (200, True)
    poll_until(lambda: _erased_everywhere(whole), 30, what="all services have consumed the erasure")
    assert _found(whole, traces) == KEPT_FOR_A_DAY | COUNTED
    _clean_up_a_day_later(whole)
    assert _found(whole, traces) == COUNTED
    assert whole.sql("events", "SELECT status, registrations FROM event_count WHERE registrations > 0") == [
        ("cancelled", 1)
    ]
    assert whole.sql("notifications", OWN_MAIL) == [("sent", None)]
    assert_audited(whole, [str(row[0]) for row in whole.sql("registration", RECEIPTS)])
    assert len(list(whole.mail_folder.glob("*.eml"))) == 2


def _traces(whole: Stack) -> dict[str, bytes]:
    """What was stored anywhere of the one person, by where it came from."""
    columns = ("person_ref", "mailbox_ref", "person_key", "sealed")
    found = whole.sql("registration", f"SELECT {', '.join(columns)}, id::text FROM registration")[0]
    (closed,) = whole.sql("notifications", "SELECT closed FROM recipient")[0]
    stored = dict(zip((*columns, "closed"), (*found[:-1], closed), strict=True))
    traces = {name: value for name, value in stored.items() if isinstance(value, bytes)}
    assert traces.keys() == stored.keys()
    words = {"id": str(found[-1]).encode()} | {word: word.encode() for word in WORDS if "needs" not in word}
    return traces | words


def _clean_up_a_day_later(whole: Stack) -> None:
    engine = open_engine(whole.installation.urls["registration"])
    Cleanup(UnitOfWork(engine, "registration"), "registration", of_registration.RULES).run_once(
        datetime.now(UTC) + timedelta(hours=25)
    )
    engine.dispose()


def _found(whole: Stack, traces: dict[str, bytes]) -> dict[str, set[str]]:
    """Where each of ``traces`` is in any row, plain, in hexadecimal or in base64; those not found are left out."""
    found: dict[str, set[str]] = {}
    for service in SERVICES:
        url = whole.installation.urls[service]
        for (table,) in rows(url, _TABLES):
            text = "\n".join(str(row[0]) for row in rows(url, f"SELECT t::text FROM {table} t")).lower()
            for name, trace in traces.items():
                forms = [trace.hex(), base64.b64encode(trace).hex(), trace.hex().encode().hex()]
                if any(form in text for form in forms) or (name in (*WORDS, "id") and trace.decode() in text):
                    found.setdefault(name, set()).add(f"{service}.{table}")
    return found


def _token(whole: Stack) -> str:
    bodies = whole.sql("registration", "SELECT body FROM outbox WHERE starts_with(type, 'org.troika.registration.')")
    keys = read_keys(whole.installation.secrets.folder / "notifications.key")
    (body,) = bodies[0]
    assert isinstance(body, bytes)
    return str(open_sealed(keys, base64.b64decode(json.loads(body)["data"]["sealed"]))["token"])


def _erased_everywhere(whole: Stack) -> bool:
    asked = {"events": "roster", "notifications": "recipient"}
    return all(
        whole.sql(service, f"SELECT count(*) FROM {table} WHERE erased_at IS NOT NULL") == [(1,)]
        for service, table in asked.items()
    )
