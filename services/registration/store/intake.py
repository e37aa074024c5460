"""The statements of the write group: few round trips, the seat's row locked for as short as can be.

They go through psycopg's pipeline: everything that is read travels in one round trip, everything that is written in
another. Rows are locked in sorted order, so that batches of several processes wait for each other and never in a
circle.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import Connection

from services.registration.domain.intake import Facts, FormFacts, Known, Plan, Submission
from services.registration.domain.opening import Opening
from services.registration.domain.registration import Registration
from services.registration.domain.seats import Seats
from services.registration.store.rows import REGISTRATION_COLUMNS, WIDTH, to_registration
from shared.contracts.envelope import Message, encode

LOCK_SEATS = """
    SELECT s.form, s.capacity, s.confirmed, s.waiting, s.last_position, f.waiting_list, f.open,
        f.event_id IS NOT NULL, e.status, e.starts_at
    FROM seat s JOIN form f ON f.slug = s.form LEFT JOIN event_copy e ON e.id = f.event_id
    WHERE s.form = ANY(%s) ORDER BY s.form FOR UPDATE OF s
"""
_KEYS = "SELECT key_hash, fingerprint, answer FROM idempotency WHERE key_hash = ANY(%s)"
_LIVE = f"""
    SELECT {REGISTRATION_COLUMNS}, r.attempts, r.attempted_at
    FROM unnest(%s::text[], %s::bytea[]) AS wanted (form, person_ref)
    JOIN registration r ON r.form = wanted.form AND r.person_ref = wanted.person_ref AND r.status <> 'cancelled'
    JOIN form f ON f.slug = r.form
"""  # noqa: S608 - a constant list of columns
_ORGANISATIONS = """
    INSERT INTO organisation (id, name) SELECT * FROM unnest(%s::uuid[], %s::text[]) ON CONFLICT DO NOTHING
"""
_REGISTRATIONS = """
    INSERT INTO registration (id, form, event_id, status, position, revision, person_ref, name, email,
        organisation_id, working_group, representative, country, time_zone, language, partner, answers, sealed, box,
        token_hash, consent_at, accepted_at, confirmed_at, capacity_then)
    SELECT id, form, event_id, status, position, 1, person_ref, name, email, organisation_id, working_group,
        representative, country, time_zone, language, partner, answers, sealed, box, token_hash, %s, %s,
        CASE WHEN status = 'confirmed' THEN %s END, capacity_then
    FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::int[], %s::bytea[], %s::text[], %s::text[],
        %s::uuid[], %s::text[], %s::boolean[], %s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[],
        %s::bytea[], %s::bytea[], %s::bytea[], %s::int[])
    AS new (id, form, event_id, status, position, person_ref, name, email, organisation_id, working_group,
        representative, country, time_zone, language, partner, answers, sealed, box, token_hash, capacity_then)
"""
_CHANGES = """
    INSERT INTO registration_change (registration_id, revision, status, changed_at, capacity_then, reason)
    SELECT id, 1, status, %s, capacity_then, 'registered' FROM unnest(%s::uuid[], %s::text[], %s::int[])
    AS new (id, status, capacity_then)
"""
_SEATS = """
    UPDATE seat SET confirmed = new.confirmed, waiting = new.waiting, last_position = new.last_position
    FROM unnest(%s::text[], %s::int[], %s::int[], %s::int[]) AS new (form, confirmed, waiting, last_position)
    WHERE seat.form = new.form
"""
_ATTEMPTS = """
    UPDATE registration SET attempts = new.attempts, attempted_at = %s
    FROM unnest(%s::uuid[], %s::int[]) AS new (id, attempts) WHERE registration.id = new.id
"""
_REMEMBER = """
    INSERT INTO idempotency (key_hash, fingerprint, answer, stored_at)
    SELECT *, %s FROM unnest(%s::bytea[], %s::bytea[], %s::text[])
"""
_OUTBOX = """
    INSERT INTO outbox (message_id, type, subject, body, stored_at)
    SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bytea[], %s::timestamptz[])
"""


def read_facts(connection: Connection, batch: Sequence[Submission]) -> Facts:
    """Lock the seats of the batch's forms, then read what decides about it; one round trip.

    What is read after the lock was committed before it: a key or address stored by another process is seen.
    """
    raw = _raw(connection)
    forms = sorted({submission.person.form for submission in batch})
    keys = [submission.key_hash for submission in batch if submission.key_hash is not None]
    people = [bytes.fromhex(submission.person.person_ref) for submission in batch]
    with raw.pipeline():
        seats = raw.execute(LOCK_SEATS, (forms,))
        known_keys = raw.execute(_KEYS, (keys,))
        live = raw.execute(_LIVE, ([submission.person.form for submission in batch], people))
        return Facts(
            forms={row[0]: _form_facts(row) for row in seats},
            keys={bytes(row[0]): (bytes(row[1]), row[2]) for row in known_keys},
            live={_place(row): _known(row) for row in live},
        )


def write_plan(connection: Connection, plan: Plan, facts: Facts, messages: Sequence[Message], now: datetime) -> None:
    """Store everything the plan decided, and its messages; one round trip."""
    raw = _raw(connection)
    with raw.pipeline():
        if plan.new:
            _write_new(raw, plan, now)
            _write_seats(raw, facts, {registration.form for _, registration, _ in plan.new})
        if plan.attempts:
            counts = [known.attempts for known in plan.attempts.values()]
            raw.execute(_ATTEMPTS, (now, list(plan.attempts), counts))
        if plan.keys:
            raw.execute(_REMEMBER, (now, *_columns(plan.keys)))
        if messages:
            rows = [(m.id, m.type, m.subject, encode(m), m.time) for m in messages]
            raw.execute(_OUTBOX, _columns(rows))


def _raw(connection: Connection) -> psycopg.Connection[Any]:
    """The driver's connection below SQLAlchemy's, inside the same transaction."""
    raw: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    return raw


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _write_new(raw: psycopg.Connection[Any], plan: Plan, now: datetime) -> None:
    organisations = sorted({(r.organisation_id, s.organisation) for s, r, _ in plan.new if r.organisation_id})
    if organisations:
        raw.execute(_ORGANISATIONS, _columns(organisations))
    rows = [_row(submission, registration, capacity) for submission, registration, capacity in plan.new]
    raw.execute(_REGISTRATIONS, (now, now, now, *_columns(rows)))
    changes = [(registration.id, registration.status, capacity) for _, registration, capacity in plan.new]
    raw.execute(_CHANGES, (now, *_columns(changes)))


def _row(submission: Submission, registration: Registration, capacity: int | None) -> tuple[Any, ...]:
    return (
        registration.id,
        registration.form,
        registration.event_id,
        registration.status,
        registration.position,
        bytes.fromhex(registration.person_ref),
        submission.name,
        submission.email,
        registration.organisation_id,
        registration.working_group,
        registration.representative,
        registration.country,
        submission.time_zone,
        registration.language,
        registration.partner,
        Jsonb(submission.answers),
        submission.sealed,
        registration.box,
        submission.token_hash,
        capacity,
    )


def _write_seats(raw: psycopg.Connection[Any], facts: Facts, forms: set[str]) -> None:
    seats = [(form, facts.forms[form].seats) for form in sorted(forms)]
    raw.execute(_SEATS, _columns([(form, s.confirmed, s.waiting, s.last_position) for form, s in seats]))


def _form_facts(row: Sequence[Any]) -> FormFacts:
    _, capacity, confirmed, waiting, last_position, waiting_list, is_open, needs_event, status, starts_at = row
    return FormFacts(
        opening=Opening(is_open, needs_event, status, starts_at),
        seats=Seats(capacity, confirmed, waiting, last_position, waiting_list),
    )


def _place(row: Sequence[Any]) -> tuple[str, str]:
    return row[1], row[7]


def _known(row: Sequence[Any]) -> Known:
    return Known(to_registration(row), row[WIDTH], row[WIDTH + 1])
