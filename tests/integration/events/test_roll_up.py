"""The read side: in whatever order and however often messages arrive, the numbers are those of the newest revisions."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.events.attendance.numbers import MailContact, insert_contact, upsert_group_contact
from services.events.attendance.service import handle_registration
from services.events.attendance.store import Registered, insert_registration, owner_of
from services.events.consumers import effects
from services.events.event.service import count_registrations
from services.events.side_events.reading import ProposalKeys
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts.registry import read
from shared.messaging.contracts.schemas import Message
from shared.messaging.inbox import apply_batch
from tests.integration.events.builders import (
    NOON,
    WEBINAR,
    hear,
    mail_message,
    registered,
    registration_id,
    registration_message,
    rows,
)
from tests.support.waiting import poll_until

GROUPS = (None, "health", "housing")
STATUSES = ("confirmed", "waitlisted", "cancelled")
KINDS = ("webinar", "delegation", "interest", "working_group")
COUNTS = "SELECT event_id, status, registrations FROM event_count WHERE registrations > 0 ORDER BY 1, 2"
WAITING = """
    SELECT count(*)::int FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
"""
TALLIES = "SELECT dimension, name, registrations FROM tally WHERE registrations <> 0 ORDER BY 1, 2"
PEOPLE = "SELECT encode(person_ref, 'hex'), last_mail_at FROM person_contact ORDER BY 1"
CONTACTS = "SELECT working_group, last_mail_at FROM group_contact ORDER BY 1"


def test_changed_address_moves_the_person_and_counts_nobody_twice(work: UnitOfWork) -> None:
    """In whatever order: the roster has the newest address, and so has what is known of mails to the person."""
    first = registered(1, working_group="health")
    moved = replace(first, revision=2, person_ref=registered(2).person_ref)
    hear(work, [registration_message(first), mail_message(1, 1, NOON)])
    counted, tallied = rows(work, COUNTS), rows(work, TALLIES)
    for message in (registration_message(moved), registration_message(first)):
        hear(work, [message])
    assert rows(work, "SELECT encode(person_ref, 'hex'), revision FROM roster") == [(moved.person_ref, 2)]
    assert (rows(work, COUNTS), rows(work, TALLIES)) == (counted, tallied)
    assert rows(work, PEOPLE) == [(moved.person_ref, NOON)]


@st.composite
def _facts(draw: st.DrawFn) -> tuple[list[Registered], list[Message]]:
    """Some registrations with a few revisions each, mails to them, and all as messages, shuffled and some doubled."""
    known: list[Registered] = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        for revision in range(1, draw(st.integers(1, 3)) + 1):
            known.append(
                registered(
                    number,
                    revision=revision,
                    status=draw(st.sampled_from(STATUSES)),
                    event_id=draw(st.sampled_from((WEBINAR, "upr-review", None))),
                    working_group=draw(st.sampled_from(GROUPS)),
                    representative=draw(st.booleans()),
                    form_kind=draw(st.sampled_from(KINDS)),
                    partner=draw(st.sampled_from((None, "example-partner", "other-partner"))),
                    country=draw(st.sampled_from((None, "CH", "US"))),
                    occurred_at=NOON + timedelta(hours=draw(st.integers(0, 40))),
                    person_ref=registered(draw(st.integers(1, 4))).person_ref,
                )
            )
    mails = draw(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 50)), max_size=4))
    messages = [registration_message(state) for state in known]
    messages += [mail_message(n, to, NOON + timedelta(minutes=m)) for n, (to, m) in enumerate(mails, start=100)]
    doubled = messages + draw(st.lists(st.sampled_from(messages), max_size=4))
    return known, draw(st.permutations(doubled))


def _newest(known: Sequence[Registered]) -> dict[str, Registered]:
    newest: dict[str, Registered] = {}
    for state in sorted(known, key=lambda state: state.revision):
        newest[state.registration_id] = state
    return newest


def _model_counts(known: Sequence[Registered]) -> list[tuple[object, ...]]:
    newest = [state for state in _newest(known).values() if state.form_kind in ("webinar", "delegation")]
    counts = Counter((state.event_id, state.status) for state in newest if state.event_id)
    return sorted((event, status, number) for (event, status), number in counts.items())


def _model_tallies(known: Sequence[Registered]) -> list[tuple[object, ...]]:
    live = [state for state in _newest(known).values() if state.status != "cancelled"]
    tallies: Counter[tuple[str, str]] = Counter()
    for state in live:
        day = f"{NOON:%Y-%m-%d}"  # on which all ids were made, whenever they came to their status
        entries = {"form_kind": state.form_kind, "partner": state.partner, "country": state.country, "day": day}
        tallies.update((dimension, name) for dimension, name in entries.items() if name)
    return sorted((dimension, name, number) for (dimension, name), number in tallies.items())


def _model_people(known: Sequence[Registered], messages: Sequence[Message]) -> list[tuple[object, ...]]:
    refs = {state.registration_id: state.person_ref for state in _newest(known).values()}
    last = dict[str, datetime]()
    for message in messages:
        person = refs.get(_registration_of(message))
        if message.type.endswith("mail.sent.v1") and person is not None:
            last[person] = max(message.time, last.get(person, message.time))
    return sorted(last.items())


def _registration_of(message: Message) -> str:
    return str(message.data.get("subject", message.data.get("registration_id")))


def _model_contacts(known: Sequence[Registered], messages: Sequence[Message]) -> list[tuple[object, ...]]:
    newest, last = _newest(known), dict[str, datetime]()
    for message in messages:
        state = newest.get(_registration_of(message))
        if message.type.endswith("mail.sent.v1") and state is not None and state.working_group is not None:
            last[state.working_group] = max(message.time, last.get(state.working_group, message.time))
    return sorted(last.items())


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=_facts(), most=st.sampled_from((1, 3, 10)))
def test_any_order_and_any_duplicates_end_the_same(
    work: UnitOfWork, facts: tuple[list[Registered], list[Message]], most: int
) -> None:
    known, messages = facts
    with work.transaction() as connection:
        connection.execute(
            text("TRUNCATE roster, event_count, tally, mail_contact, group_contact, person_contact, inbox")
        )
    assert set(hear(work, messages, most)) <= {"done", "duplicate"}
    assert rows(work, COUNTS) == _model_counts(known)
    assert rows(work, TALLIES) == _model_tallies(known)
    assert rows(work, CONTACTS) == _model_contacts(known, messages)
    assert rows(work, PEOPLE) == _model_people(known, messages)


def test_a_bad_message_spoils_none_that_came_with_it(work: UnitOfWork) -> None:
    good = [registration_message(registered(number)) for number in (1, 2)]
    bad = replace(registration_message(registered(3)), data={"registration_id": registration_id(3)})
    verdicts = hear(work, [good[0], bad, good[1], good[0]], most=10)
    assert [verdict if isinstance(verdict, str) else type(verdict) for verdict in verdicts] == [
        "done",
        IntegrityError,
        "done",
        "duplicate",
    ]
    assert rows(work, COUNTS) == [(WEBINAR, "confirmed", 2)]
    assert rows(work, "SELECT count(*)::int FROM inbox") == [(2,)]


def test_an_older_revision_after_a_newer_one_changes_nothing(work: UnitOfWork) -> None:
    newer = registered(1, revision=2, status="cancelled")
    hear(work, [registration_message(newer), registration_message(registered(1))])
    assert rows(work, COUNTS) == [(WEBINAR, "cancelled", 1)]


def test_a_mail_before_its_registration_counts_when_the_registration_comes(work: UnitOfWork) -> None:
    hear(work, [mail_message(9, 1, NOON)])
    assert rows(work, CONTACTS) == []
    hear(work, [registration_message(registered(1, working_group="health"))])
    assert rows(work, CONTACTS) == [("health", NOON)]


def test_a_mail_noted_while_its_registration_is_noted_counts(work: UnitOfWork) -> None:
    with ThreadPoolExecutor(1) as pool:
        with work.transaction() as connection:
            handle_registration(connection, registered(1, working_group="health"))
            mail = pool.submit(hear, work, [mail_message(9, 1, NOON)])
            poll_until(lambda: rows(work, WAITING) == [(1,)], 5, what="the mail to wait for its registration")
        assert mail.result(5) == ["done"]
    assert rows(work, CONTACTS) == [("health", NOON)]


def test_a_mail_noted_while_its_registration_is_noted_is_lost_without_the_lock(work: UnitOfWork) -> None:
    """The negative control: the same steps, interleaved as the lock forbids."""
    known = registered(1, working_group="health")
    with work.transaction() as first, work.transaction() as second:
        insert_registration(first, known)
        upsert_group_contact(first, "health", known.registration_id)
        insert_contact(second, MailContact(registration_id(9), known.registration_id, "confirmation", NOON))
        assert owner_of(second, known.registration_id) is None
    assert rows(work, CONTACTS) == []


def test_counts_of_many_writers_at_once_are_exact(work: UnitOfWork, loaded: UnitOfWork) -> None:
    statuses = ("confirmed", "waitlisted")
    batches = [
        [
            registration_message(registered(number, status=statuses[(number + first) % 2]))
            for number in range(first, first + 25)
        ]
        for first in range(0, 100, 25)
    ]
    effect = effects(ProposalKeys())["events.rollup"]
    with ThreadPoolExecutor(4) as pool:
        verdicts = list(pool.map(lambda batch: apply_batch(work, "events.rollup", batch, effect), batches))
    assert {verdict for batch in verdicts for verdict in batch} == {"done"}
    counts = count_registrations(loaded, WEBINAR)
    assert counts.confirmed + counts.waitlisted == 100
    assert rows(work, "SELECT status, count(*)::int FROM roster GROUP BY status ORDER BY status") == [
        ("confirmed", counts.confirmed),
        ("waitlisted", counts.waitlisted),
    ]


def test_a_message_of_a_later_sender_with_fields_left_out_is_understood(work: UnitOfWork) -> None:
    message = registration_message(registered(1))
    optional = ("working_group", "organisation_id", "country", "mode", "partner", "position", "representative")
    slim = {name: value for name, value in message.data.items() if name not in optional} | {"new_field": 1}
    later = replace(message, data=slim)
    verdicts = hear(work, [replace(later, data=read(later))])
    assert verdicts == ["done"]
    assert rows(work, "SELECT registration_id::text, mode FROM roster") == [(registration_id(1), None)]
