"""What the write group reads and writes: few round trips, the seat's row locked for as short as can be.

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
from services.registration.store.holds import store_expired
from services.registration.store.intake_statements import FACTS, LOCK_SEATS, NOTE_ATTEMPTS, USE, USED, WRITE
from services.registration.store.rows import WIDTH, from_json, moment
from shared.contracts.envelope import Message, encode
from shared.store.round_trip import BEGIN, COMMIT, Call, round_trip


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
    calls = [BEGIN, Call("lock_seats", LOCK_SEATS, parameter), Call("read_facts", FACTS, parameter)]
    if solved := [s.proof.challenge.hex() for s in batch if s.proof is not None and s.proof.challenge is not None]:
        calls.append(Call("read_used", USED, orjson.dumps(solved)))
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
    calls = [Call("write_plan", WRITE, orjson.dumps(content))]
    if at_once := [registration for registration in plan.attempts if registration in fresh]:
        calls.append(Call("note_attempts", NOTE_ATTEMPTS, orjson.dumps({"attempts": at_once, "now": now})))
    if plan.challenges:
        challenges = [{"id": identity.hex(), "form": form} for identity, form in plan.challenges]
        calls.append(Call("use_challenges", USE, orjson.dumps({"challenges": challenges, "now": now})))
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
