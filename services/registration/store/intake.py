"""The statements of the write group: few round trips, the seat's row locked for as short as can be.

Everything that is read travels in one round trip, everything that is written and the commit in another. Rows travel as
one JSON document each way: encoding a batch of 64 that way costs a fifth of what as many arrays of parameters cost.
Rows are locked in sorted order, so that batches of several processes wait for each other and never in a circle.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection

from services.registration.domain.intake import MOST_WITHIN, Facts, FormFacts, Known, Plan, Submission
from services.registration.domain.opening import Opening
from services.registration.domain.registration import Registration
from services.registration.domain.seats import Seats
from services.registration.store.forms import HELD
from services.registration.store.holds import store_expired
from services.registration.store.rows import REGISTRATION_COLUMNS_AS_JSON, WIDTH, from_json, moment
from shared.contracts.envelope import Message, encode
from shared.store.round_trip import BEGIN, COMMIT, Call, round_trip

LOCK_SEATS = """
    WITH seats AS MATERIALIZED (
        SELECT 1 FROM seat WHERE form = ANY(ARRAY(SELECT jsonb_array_elements_text($1::jsonb -> 'forms')))
        ORDER BY form FOR UPDATE
    )
    SELECT count(pg_advisory_xact_lock(person)) FROM (
        SELECT DISTINCT hashtextextended(wanted.person, 0) AS person
        FROM jsonb_to_recordset($1::jsonb -> 'people') AS wanted (person text) ORDER BY person
    ) AS people WHERE (SELECT count(*) FROM seats) >= 0
"""
"""Seats first, then people: of one address there is one registration at a time, also on several forms, so that what it
may have in a day is exact. Alone in its statement: one that waits for a lock sees all other tables as they were before
it waited."""

_NOW = "CAST($1::jsonb ->> 'now' AS timestamptz)"
_FORMS = f"""
    SELECT json_agg(json_build_array(s.form, s.capacity, s.confirmed, s.waiting, s.last_position, f.waiting_list,
        f.open, f.event_id IS NOT NULL, e.status, e.starts_at, e.ends_at, f.kind, f.closes_hours_before, f.opens_at,
        f.closes_at, f.verification, f.hold_minutes, {HELD.format(now=_NOW)}))
    FROM seat s JOIN form f ON f.slug = s.form LEFT JOIN event_copy e ON e.id = f.event_id
    WHERE s.form = ANY(ARRAY(SELECT jsonb_array_elements_text($1::jsonb -> 'forms')))
"""  # noqa: S608 - constants
_KEYS = """
    SELECT json_agg(json_build_array(encode(i.key_hash, 'hex'), encode(i.fingerprint, 'hex'), i.answer))
    FROM idempotency i
    WHERE i.key_hash = ANY(ARRAY(SELECT decode(wanted.key, 'hex') FROM jsonb_array_elements_text($1::jsonb -> 'keys') AS wanted (key)))
"""
_LIVE = f"""
    SELECT json_agg(live.facts) FROM jsonb_to_recordset($1::jsonb -> 'people') AS wanted (form text, person text),
        LATERAL (SELECT json_build_array({REGISTRATION_COLUMNS_AS_JSON}, r.attempts, r.attempted_at) AS facts
            FROM registration r JOIN form f ON f.slug = r.form
            WHERE r.person_ref = decode(wanted.person, 'hex') AND r.form || '' = wanted.form
                AND r.status NOT IN ('cancelled', 'expired')
            OFFSET 0) AS live
"""  # noqa: S608 - a constant list of columns
"""By person alone: an index on the form would look as good to a plan made while the table was empty, and be kept. So
would a join that goes through all registrations: ``OFFSET`` keeps each person's own lookup apart from the others'."""

_USED = """
    SELECT json_agg(encode(u.id, 'hex')) FROM used_challenge u
    WHERE u.id = ANY(ARRAY(SELECT decode(wanted.id, 'hex') FROM jsonb_array_elements_text($1::jsonb) AS wanted (id)))
"""
"""Challenges are of one form, whose seats are locked: two that use the same one come here one after the other."""

_PEOPLE = """
    SELECT json_agg(json_build_array(wanted.person, known.recent, known.blocked))
    FROM (SELECT DISTINCT person FROM jsonb_to_recordset($1::jsonb -> 'people') AS each (person text)) AS wanted,
        LATERAL (SELECT
            (SELECT count(*) FROM registration r WHERE r.person_ref = decode(wanted.person, 'hex')
                AND r.status NOT IN ('cancelled', 'expired')
                AND r.accepted_at > CAST($1::jsonb ->> 'recent' AS timestamptz)) AS recent,
            EXISTS (SELECT FROM blocked_address b WHERE b.person_ref = decode(wanted.person, 'hex')) AS blocked
            OFFSET 0
        ) AS known
    WHERE known.recent > 0 OR known.blocked
"""
"""By index, and never more than there are forms: on each, somebody is registered once. ``OFFSET``: asked once each."""

_FACTS = f"SELECT json_build_array(({_FORMS}), ({_KEYS}), ({_LIVE}), ({_PEOPLE}))"


def _arrivals(part: str, registration: str, change: str, outbox: str, messages: str) -> str:
    """What an arrival writes: the genuine ones and the shadows cost the same because they are the same."""
    return f"""
    {part} AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset($1::jsonb -> '{part}') AS new (id uuid, form text, event_id text, status text,
            position int, person text, name text, email text, organisation_id uuid, working_group text,
            representative boolean, country text, time_zone text, language text, partner text, answers jsonb,
            sealed text, box text, own text, verify text, capacity int, hold_until timestamptz, expires_at timestamptz)
    ), {registration}s AS (
        INSERT INTO {registration} (id, form, event_id, status, position, revision, person_ref, name, email,
            organisation_id, working_group, representative, country, time_zone, language, partner, answers, sealed,
            box, token_hash, verify_hash, consent_at, accepted_at, confirmed_at, capacity_then, hold_until, expires_at)
        SELECT id, form, event_id, status, position, 1, decode(person, 'hex'), name, email, organisation_id,
            working_group, representative, country, time_zone, language, partner, answers, decode(sealed, 'hex'),
            decode(box, 'hex'), decode(own, 'hex'), decode(verify, 'hex'), {_NOW}, {_NOW},
            CASE WHEN status = 'confirmed' THEN {_NOW} END, capacity, hold_until, expires_at
        FROM {part}
    ), {change}s AS (
        INSERT INTO {change} (registration_id, revision, status, changed_at, capacity_then, reason)
        SELECT id, 1, status, {_NOW}, capacity, 'registered' FROM {part}
    ), {messages} AS (
        INSERT INTO {outbox} (message_id, type, subject, body, stored_at)
        SELECT id, type, subject, convert_to(body, 'UTF8'), {_NOW}
        FROM jsonb_to_recordset($1::jsonb -> '{messages}') AS new (id uuid, type text, subject text, body text)
    )"""  # noqa: S608 - constants


_NOTE_ATTEMPTS = f"""
    UPDATE registration SET attempts = attempts + 1, attempted_at = {_NOW}
    WHERE id = ANY(ARRAY(SELECT wanted.id::uuid FROM jsonb_array_elements_text($1::jsonb -> 'attempts') AS wanted (id)))"""
"""An array and no join: a join was planned to go through all registrations for each batch, and that plan is kept."""

_WRITE = f"""
    WITH {_arrivals("new", "registration", "registration_change", "outbox", "messages")},
    {_arrivals("shadows", "shadow_registration", "shadow_change", "shadow_outbox", "shadow_messages")},
    organisations AS (
        INSERT INTO organisation (id, name)
        SELECT * FROM jsonb_to_recordset($1::jsonb -> 'organisations') AS new (id uuid, name text)
        ON CONFLICT DO NOTHING
    ), seats AS (
        UPDATE seat SET confirmed = new.confirmed, waiting = new.waiting, last_position = new.last_position
        FROM jsonb_to_recordset($1::jsonb -> 'seats') AS new (form text, confirmed int, waiting int, last_position int)
        WHERE seat.form = new.form
    ), attempts AS ({_NOTE_ATTEMPTS}
    )
    INSERT INTO idempotency (key_hash, fingerprint, answer, stored_at)
    SELECT decode(key, 'hex'), decode(fingerprint, 'hex'), answer, {_NOW}
    FROM jsonb_to_recordset($1::jsonb -> 'keys') AS new (key text, fingerprint text, answer text)
"""  # noqa: S608 - constants
_USE = f"""
    INSERT INTO used_challenge (id, form, used_at) SELECT decode(id, 'hex'), form, {_NOW}
    FROM jsonb_to_recordset($1::jsonb -> 'challenges') AS new (id text, form text)
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Said:
    """What goes out with a plan: ``messages`` of what became of people, and as much that goes nowhere."""

    messages: Sequence[Message]
    shadows: Sequence[Message]


def read_facts(connection: Connection, batch: Sequence[Submission], now: datetime) -> Facts:
    """Lock the seats of the batch's forms and its people, then read what decides about it; one round trip.

    What is read after the lock was committed before it: a key or address stored by another process is seen. ``now``
    is from before the lock, so a hold may count a moment longer than it lasts, and never shorter.
    """
    forms = sorted({submission.person.form for submission in batch})
    asked = {
        "now": now,
        "recent": now - MOST_WITHIN,
        "forms": forms,
        "keys": [submission.key_hash.hex() for submission in batch if submission.key_hash is not None],
        "people": [{"form": submission.person.form, "person": submission.person.person_ref} for submission in batch],
    }
    parameter = orjson.dumps(asked)
    calls = [BEGIN, Call("lock_seats", LOCK_SEATS, parameter), Call("read_facts", _FACTS, parameter)]
    if solved := [s.proof.challenge.hex() for s in batch if s.proof is not None and s.proof.challenge is not None]:
        calls.append(Call("read_used", _USED, orjson.dumps(solved)))
    _, _, found, *used = round_trip(connection, calls)
    seats, keys, live, people = orjson.loads(found or b"[]")
    return Facts(
        forms={row[0]: _form_facts(row) for row in seats or ()},
        keys={bytes.fromhex(key): (bytes.fromhex(print_), answer) for key, print_, answer in keys or ()},
        live={_place(row): _known(row) for row in live or ()},
        used={bytes.fromhex(one) for some in used for one in orjson.loads(some or b"[]")},
        recent={person: recent for person, recent, _ in people or ()},
        blocked=frozenset(person for person, _, is_blocked in people or () if is_blocked),
    )


def write_plan(connection: Connection, plan: Plan, facts: Facts, said: Said, now: datetime) -> None:
    """Store everything the plan decided, and its messages, and commit: one round trip (two if somebody is given up).

    The commit travels with the statement because each wait for the database ends in a wait for one's turn, and
    until it is over everybody else waits for the seats.
    """
    fresh = {registration.id for _, registration, _ in plan.new}
    content = {
        "new": [_row(*new) for new in plan.new],
        "shadows": [_row(*shadow) for shadow in plan.shadows],
        "organisations": _organisations(plan),
        "seats": _seats(facts, {registration.form for _, registration, _ in (*plan.new, *plan.shadows)}),
        "attempts": [registration for registration in plan.attempts if registration not in fresh],
        "keys": [{"key": k.hex(), "fingerprint": f.hex(), "answer": answer} for k, f, answer in plan.keys],
        "messages": [_message(message) for message in said.messages],
        "shadow_messages": [_message(message) for message in said.shadows],
        "now": now,
    }
    if plan.expired:
        store_expired(connection, plan.expired, now)
    calls = [Call("write_plan", _WRITE, orjson.dumps(content))]
    if at_once := [registration for registration in plan.attempts if registration in fresh]:
        calls.append(Call("note_attempts", _NOTE_ATTEMPTS, orjson.dumps({"attempts": at_once, "now": now})))
    if plan.challenges:
        challenges = [{"id": identity.hex(), "form": form} for identity, form in plan.challenges]
        calls.append(Call("use_challenges", _USE, orjson.dumps({"challenges": challenges, "now": now})))
    round_trip(connection, [*calls, COMMIT])


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
        "own": submission.own_hash.hex(),
        "verify": submission.verify_hash.hex() if submission.verify_hash and registration.expires_at else None,
        "capacity": capacity,
        "hold_until": registration.hold_until,
        "expires_at": registration.expires_at,
    }


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
    switched_on, needs_event, status, starts_at, ends_at, kind, closes_before, opens_at, closes_at = row[6:15]
    verification, hold_minutes, held = row[15:]
    return FormFacts(
        opening=Opening(
            switched_on,
            needs_event,
            status,
            moment(starts_at),
            moment(ends_at),
            kind,
            closes_before,
            moment(opens_at),
            moment(closes_at),
        ),
        seats=Seats(capacity, confirmed, waiting, last_position, waiting_list, held),
        hold=timedelta(minutes=hold_minutes) if verification == "email" else None,
        patience=timedelta(minutes=hold_minutes),
    )


def _place(row: Sequence[Any]) -> tuple[str, str]:
    return row[1], row[7]


def _known(row: Sequence[Any]) -> Known:
    return Known(from_json(row), row[WIDTH], moment(row[WIDTH + 1]))
