"""The statements of the write group: few round trips, the seat's row locked for as short as can be.

They go through psycopg's pipeline: everything that is read travels in one round trip, everything that is written in
one statement. Rows travel as one JSON document: encoding a batch of 64 that way costs a fifth of what as many arrays
of parameters cost. Rows are locked in sorted order, so that batches of several processes wait for each other and
never in a circle.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import Connection

from services.registration.domain.intake import Facts, FormFacts, Known, Plan, Submission
from services.registration.domain.opening import Opening
from services.registration.domain.registration import Registration
from services.registration.domain.seats import Seats
from services.registration.store.forms import HELD
from services.registration.store.holds import store_expired
from services.registration.store.rows import REGISTRATION_COLUMNS, WIDTH, to_registration
from shared.contracts.envelope import Message, encode

LOCK_SEATS = "SELECT 1 FROM seat WHERE form = ANY(%s) ORDER BY form FOR UPDATE"
"""Alone in its statement: one that waits for a lock sees all other tables as they were before it waited."""

_FORMS = f"""
    SELECT s.form, s.capacity, s.confirmed, s.waiting, s.last_position, f.waiting_list, f.open,
        f.event_id IS NOT NULL, e.status, e.starts_at, e.ends_at, f.kind, f.closes_hours_before, f.opens_at,
        f.closes_at, f.verification, f.hold_minutes, {HELD.format(now="%s")}
    FROM seat s JOIN form f ON f.slug = s.form LEFT JOIN event_copy e ON e.id = f.event_id
    WHERE s.form = ANY(%s)
"""  # noqa: S608 - constants
_KEYS = """
    SELECT i.key_hash, i.fingerprint, i.answer
    FROM jsonb_array_elements_text(%s::jsonb) AS wanted (key)
    JOIN idempotency i ON i.key_hash = decode(wanted.key, 'hex')
"""
_LIVE = f"""
    SELECT {REGISTRATION_COLUMNS}, r.attempts, r.attempted_at
    FROM jsonb_to_recordset(%s::jsonb) AS wanted (form text, person text)
    JOIN registration r ON r.person_ref = decode(wanted.person, 'hex') AND r.form || '' = wanted.form
        AND r.status NOT IN ('cancelled', 'expired')
    JOIN form f ON f.slug = r.form
"""  # noqa: S608 - a constant list of columns
"""By person alone: an index on the form would look as good to a plan made while the table was empty, and be kept."""

_WRITE = """
    WITH new AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(%(new)s::jsonb) AS new (id uuid, form text, event_id text, status text,
            position int, person text, name text, email text, organisation_id uuid, working_group text,
            representative boolean, country text, time_zone text, language text, partner text, answers jsonb,
            sealed text, box text, token text, capacity int, hold_until timestamptz, expires_at timestamptz)
    ), organisations AS (
        INSERT INTO organisation (id, name)
        SELECT * FROM jsonb_to_recordset(%(organisations)s::jsonb) AS new (id uuid, name text)
        ON CONFLICT DO NOTHING
    ), registrations AS (
        INSERT INTO registration (id, form, event_id, status, position, revision, person_ref, name, email,
            organisation_id, working_group, representative, country, time_zone, language, partner, answers, sealed,
            box, token_hash, consent_at, accepted_at, confirmed_at, capacity_then, hold_until, expires_at)
        SELECT id, form, event_id, status, position, 1, decode(person, 'hex'), name, email, organisation_id,
            working_group, representative, country, time_zone, language, partner, answers, decode(sealed, 'hex'),
            decode(box, 'hex'), decode(token, 'hex'), %(now)s, %(now)s,
            CASE WHEN status = 'confirmed' THEN %(now)s END, capacity, hold_until, expires_at
        FROM new
    ), changes AS (
        INSERT INTO registration_change (registration_id, revision, status, changed_at, capacity_then, reason)
        SELECT id, 1, status, %(now)s, capacity, 'registered' FROM new
    ), seats AS (
        UPDATE seat SET confirmed = new.confirmed, waiting = new.waiting, last_position = new.last_position
        FROM jsonb_to_recordset(%(seats)s::jsonb) AS new (form text, confirmed int, waiting int, last_position int)
        WHERE seat.form = new.form
    ), attempts AS (
        UPDATE registration SET attempts = new.attempts, attempted_at = %(now)s
        FROM jsonb_to_recordset(%(attempts)s::jsonb) AS new (id uuid, attempts int) WHERE registration.id = new.id
    ), keys AS (
        INSERT INTO idempotency (key_hash, fingerprint, answer, stored_at)
        SELECT decode(key, 'hex'), decode(fingerprint, 'hex'), answer, %(now)s
        FROM jsonb_to_recordset(%(keys)s::jsonb) AS new (key text, fingerprint text, answer text)
    )
    INSERT INTO outbox (message_id, type, subject, body, stored_at)
    SELECT id, type, subject, convert_to(body, 'UTF8'), %(now)s
    FROM jsonb_to_recordset(%(messages)s::jsonb) AS new (id uuid, type text, subject text, body text)
"""
_NOTE_NEW_ATTEMPTS = """
    UPDATE registration SET attempts = new.attempts, attempted_at = %s
    FROM jsonb_to_recordset(%s::jsonb) AS new (id uuid, attempts int) WHERE registration.id = new.id
"""


def read_facts(connection: Connection, batch: Sequence[Submission], now: datetime) -> Facts:
    """Lock the seats of the batch's forms, then read what decides about it; one round trip.

    What is read after the lock was committed before it: a key or address stored by another process is seen. ``now``
    is from before the lock, so a hold may count a moment longer than it lasts, and never shorter.
    """
    raw = _raw(connection)
    forms = sorted({submission.person.form for submission in batch})
    keys = [submission.key_hash.hex() for submission in batch if submission.key_hash is not None]
    people = [{"form": submission.person.form, "person": submission.person.person_ref} for submission in batch]
    with raw.pipeline():
        raw.execute(LOCK_SEATS, (forms,))
        seats = raw.execute(_FORMS, (now, forms))
        known_keys = raw.execute(_KEYS, (json.dumps(keys),))
        live = raw.execute(_LIVE, (json.dumps(people),))
        return Facts(
            forms={row[0]: _form_facts(row) for row in seats.fetchall()},
            keys={bytes(row[0]): (bytes(row[1]), row[2]) for row in known_keys.fetchall()},
            live={_place(row): _known(row) for row in live.fetchall()},
        )


def write_plan(connection: Connection, plan: Plan, facts: Facts, messages: Sequence[Message], now: datetime) -> None:
    """Store everything the plan decided, and its messages, and commit: one round trip (two if somebody is given up).

    The commit travels with the statement because each wait for the database ends in a wait for the interpreter, and
    until it is over everybody else waits for the seats.
    """
    raw = _raw(connection)
    fresh = {registration.id for _, registration, _ in plan.new}
    attempts = [{"id": key, "attempts": known.attempts} for key, known in plan.attempts.items()]
    content = {
        "new": _rows(_row(*new) for new in plan.new),
        "organisations": _rows(_organisations(plan)),
        "seats": _rows(_seats(facts, {registration.form for _, registration, _ in plan.new})),
        "attempts": _rows(row for row in attempts if row["id"] not in fresh),
        "keys": _rows({"key": k.hex(), "fingerprint": f.hex(), "answer": answer} for k, f, answer in plan.keys),
        "messages": _rows(_message(message) for message in messages),
        "now": now,
    }
    if plan.expired:
        store_expired(connection, plan.expired, now)
    at_once = [row for row in attempts if row["id"] in fresh]
    with raw.pipeline():
        raw.execute(_WRITE, content)
        if at_once:
            raw.execute(_NOTE_NEW_ATTEMPTS, (now, _rows(at_once)))
        raw.commit()


def _raw(connection: Connection) -> psycopg.Connection[Any]:
    """The driver's connection below SQLAlchemy's, inside the same transaction."""
    raw: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    return raw


def _rows(rows: Iterable[Mapping[str, Any]]) -> str:
    return json.dumps(list(rows), ensure_ascii=False)


def _row(submission: Submission, registration: Registration, capacity: int | None) -> dict[str, Any]:
    return {
        "id": registration.id,
        "form": registration.form,
        "event_id": registration.event_id,
        "status": registration.status,
        "position": registration.position,
        "person": registration.person_ref,
        "name": submission.name,
        "email": submission.email,
        "organisation_id": registration.organisation_id,
        "working_group": registration.working_group,
        "representative": registration.representative,
        "country": registration.country,
        "time_zone": submission.time_zone,
        "language": registration.language,
        "partner": registration.partner,
        "answers": submission.answers,
        "sealed": submission.sealed.hex() if submission.sealed is not None else None,
        "box": registration.box.hex(),
        "token": submission.token_hash.hex(),
        "capacity": capacity,
        "hold_until": _moment(registration.hold_until),
        "expires_at": _moment(registration.expires_at),
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _organisations(plan: Plan) -> list[dict[str, Any]]:
    """Sorted, so that two batches with the same ones wait for each other in the same order."""
    names = {r.organisation_id: s.organisation for s, r, _ in plan.new if r.organisation_id}
    return [{"id": identity, "name": names[identity]} for identity in sorted(names)]


def _seats(facts: Facts, forms: set[str]) -> list[dict[str, Any]]:
    seats = [(form, facts.forms[form].seats) for form in sorted(forms)]
    return [
        {"form": form, "confirmed": s.confirmed, "waiting": s.waiting, "last_position": s.last_position}
        for form, s in seats
    ]


def _message(message: Message) -> dict[str, Any]:
    return {"id": message.id, "type": message.type, "subject": message.subject, "body": encode(message).decode()}


def _form_facts(row: Sequence[Any]) -> FormFacts:
    capacity, confirmed, waiting, last_position, waiting_list = row[1:6]
    verification, hold_minutes, held = row[15:]
    return FormFacts(
        opening=Opening(*row[6:15]),
        seats=Seats(capacity, confirmed, waiting, last_position, waiting_list, held),
        hold=timedelta(minutes=hold_minutes) if verification == "email" else None,
    )


def _place(row: Sequence[Any]) -> tuple[str, str]:
    return row[1], row[7]


def _known(row: Sequence[Any]) -> Known:
    return Known(to_registration(row), row[WIDTH], row[WIDTH + 1])
