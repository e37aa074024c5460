"""Registrations one at a time: read, lock, change, offer a seat, and the hashes of their links.

Every change of one begins with the same order of locks. The decider has separate statements.

A managing link changes the registration; the five newest are valid. Read-only and join links are in calendars and
forwarded mails, so they are valid as long as the registration's page, or until all links are ended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, text

from services.registration.cleanup import UNDECIDED_AT_MOST
from services.registration.forms.store import StoredForm, find_form, lock_seats
from services.registration.people.model import JOIN, OWN, VIEW, Registration
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.runtime.ids import link_hash, new_token

PLACE = """CASE WHEN r.status = 'waitlisted' THEN (SELECT count(*) FROM registration w WHERE w.form = r.form
        AND w.status = 'waitlisted' AND (w.received_at, w.submission) <= (r.received_at, r.submission)) END"""
"""On the waiting list, in order of receipt, as people are promoted; of ``registration r``."""

REGISTRATION_COLUMNS = f"""
    r.id::text, r.form, f.kind, r.event_id, r.status, {PLACE}, r.revision, encode(r.person_ref, 'hex'),
    r.working_group, r.representative, r.organisation_id::text, r.country, r.language, r.partner, r.accepted_at,
    r.verified_at IS NOT NULL, f.attend, r.offer_expires_at, r.offer_passed, coalesce(r.domain_ref, ''), r.lapses_at
"""
"""For ``registration r JOIN form f ON f.slug = r.form``."""

WIDTH = 21

OFFERED = "offered"
"""In the history of a registration: it waits, and a seat is held for it."""


def to_registration(row: Any) -> Registration:
    """The value of a row that begins with ``REGISTRATION_COLUMNS``."""
    return Registration(*row[:WIDTH])


def columns_of(*values: Any) -> dict[str, Any]:
    """Return the attributes of slotted dataclasses in one mapping; a later one with the same name wins."""
    return {name: getattr(value, name) for value in values for name in value.__slots__}


def as_parameter(rows: Sequence[object]) -> str:
    """Return ``rows`` for ``jsonb_to_recordset``, bytes as hexadecimal digits: cheaper than many arrays."""
    return orjson.dumps(rows, default=bytes.hex).decode()


@dataclass(frozen=True, slots=True)
class Person:
    """A registration with the data of the person, for themselves and for coordinators.

    ``details_at`` is when they last gave what is asked after the confirmation; None if never. ``tags`` are words of
    coordinators, sorted; the person's own page does not show them.
    """

    registration: Registration
    name: str | None
    email: str
    organisation: str | None
    time_zone: str | None
    answers: Mapping[str, Any]
    has_sealed: bool
    details_at: datetime | None
    tags: Sequence[str] = ()


PERSON = f"""
    SELECT {REGISTRATION_COLUMNS}, r.name, r.email, o.name, r.time_zone, r.answers, r.sealed IS NOT NULL,
        r.details_at, r.tags
    FROM registration r JOIN form f ON f.slug = r.form LEFT JOIN organisation o ON o.id = r.organisation_id
"""  # noqa: S608 - a constant list of columns
"""All of a person, without a condition."""

_THROUGH_PARTNER = text("""
    SELECT form, status, count(*) FROM registration WHERE partner = :partner GROUP BY form, status
""")
_BY_ID = text(PERSON + "WHERE r.id = CAST(:id AS uuid) AND r.erased_at IS NULL")
_BY_ID_LOCKED = text(PERSON + "WHERE r.id = CAST(:id AS uuid) AND r.erased_at IS NULL FOR UPDATE OF r")
_NEXT_IN_LINE = text(
    PERSON + "WHERE r.form = :form AND r.status = 'waitlisted' AND r.offer_expires_at IS NULL AND NOT r.offer_passed "
    "ORDER BY r.received_at, r.submission LIMIT :limit FOR UPDATE OF r"
)
_CHOSEN = text(PERSON + "WHERE r.id = ANY(CAST(:ids AS uuid[])) ORDER BY r.received_at, r.submission FOR UPDATE OF r")
_CONFIRM = text("""
    UPDATE registration SET status = 'confirmed', revision = revision + 1, confirmed_at = :now,
        capacity_then = :capacity, offer_expires_at = NULL, offer_passed = false, lapses_at = :lapses_at
    WHERE id = CAST(:id AS uuid)
""")
_CANCEL = text("""
    UPDATE registration SET status = 'cancelled', revision = revision + 1, cancelled_at = :now,
        offer_expires_at = NULL, offer_passed = false, lapses_at = NULL
    WHERE id = CAST(:id AS uuid)
""")
_CHANGE = text("""
    INSERT INTO registration_change (registration_id, revision, status, changed_at, capacity_then, reason, changed_by)
    VALUES (CAST(:id AS uuid), :revision, :status, :now, :capacity, :reason, :changed_by)
""")


def count_through(connection: Connection, partner: str) -> dict[str, dict[str, int]]:
    """Registrations that came through a partner, by form and then by status; statuses that no one has are left out."""
    counts: dict[str, dict[str, int]] = {}
    for form, status, number in connection.execute(_THROUGH_PARTNER, {"partner": partner}):
        counts.setdefault(form, {})[status] = number
    return counts


def find_person(connection: Connection, registration_id: str) -> Person | None:
    """The registration with this id (a UUID), or None; also None for one that was erased."""
    return _person(connection.execute(_BY_ID, {"id": registration_id}).fetchone())


def lock_person(connection: Connection, registration_id: str) -> Person | None:
    """The same, locked. Lock the form's seats first, as everyone does."""
    return _person(connection.execute(_BY_ID_LOCKED, {"id": registration_id}).fetchone())


def next_in_line(connection: Connection, form: str, limit: int) -> list[Person]:
    """The first ``limit`` of those in line on a form, in order of the receipt of their submissions, locked."""
    return [to_person(row) for row in connection.execute(_NEXT_IN_LINE, {"form": form, "limit": limit})]


def lock_chosen(connection: Connection, ids: Sequence[str]) -> list[Person]:
    """These registrations in order of the receipt of their submissions, locked."""
    return [to_person(row) for row in connection.execute(_CHOSEN, {"ids": list(ids)})]


def store_confirmed(connection: Connection, registration: Registration, capacity: int | None, now: datetime) -> None:
    """Give a seat to a person who waited, recorded with the capacity then in force."""
    values = {"id": registration.id, "lapses_at": registration.lapses_at}
    connection.execute(_CONFIRM, {**values, "capacity": capacity, "now": now})


def store_cancelled(connection: Connection, registration: Registration, now: datetime) -> None:
    """Take a registration back."""
    connection.execute(_CANCEL, {"id": registration.id, "now": now})


def store_change(
    connection: Connection,
    registration: Registration,
    reason: str,
    now: datetime,
    capacity: int | None = None,
    *,
    by: str | None = None,
) -> None:
    """A line of the history: ``registration`` as it is after the change, and why.

    Args:
        capacity: the capacity then in force, where a seat was given.
        by: the name of the coordinator's key; None where no coordinator decided.
    """
    status = OFFERED if registration.offer_expires_at is not None else registration.status
    values = {"id": registration.id, "revision": registration.revision, "status": status}
    connection.execute(_CHANGE, {**values, "now": now, "capacity": capacity, "reason": reason, "changed_by": by})


def to_person(row: Sequence[Any]) -> Person:
    """The value of a row of ``PERSON``."""
    return Person(to_registration(row), *row[WIDTH:])


def _person(row: Sequence[Any] | None) -> Person | None:
    return None if row is None else to_person(row)


_OFFER = text("""
    UPDATE registration SET revision = revision + 1, offer_expires_at = :expires_at, offer_passed = :passed,
        lapses_at = :lapses_at
    WHERE id = CAST(:id AS uuid)
""")
_ANSWERED = text("""
    WITH new AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, revision int, status text, capacity int,
            reason text)
    ), changes AS (
        INSERT INTO registration_change (registration_id, revision, status, changed_at, capacity_then, reason)
        SELECT id, revision, status, :now, capacity, reason FROM new
    )
    UPDATE registration r SET revision = greatest(r.revision, new.revision), status = new.status,
        offer_expires_at = NULL, offer_passed = new.status = 'waitlisted',
        confirmed_at = CASE WHEN new.status = 'confirmed' THEN :now ELSE r.confirmed_at END,
        capacity_then = CASE WHEN new.status = 'confirmed' THEN new.capacity ELSE r.capacity_then END
    FROM new WHERE r.id = new.id
""")
_HAS_EXPIRED = """
    r.offer_expires_at <= :now AND (r.offer_expires_at <= :waited_until OR NOT EXISTS (
        SELECT FROM managing_link m JOIN submission s ON s.token_hash = m.token_hash
        WHERE m.registration_id = r.id AND s.kind IN ('accept-seat', 'decline-seat') AND s.state <> 'decided'
            AND s.received_at < r.offer_expires_at))
"""
"""Of ``registration r``: an answer that was received in time counts, so the offer waits until it is decided, also by
a replay, but no longer than until ``waited_until``."""
_EXPIRED_FORMS = text(f"SELECT DISTINCT r.form FROM registration r WHERE {_HAS_EXPIRED} ORDER BY r.form")  # noqa: S608
_EXPIRED = text(f"{PERSON} WHERE r.form = :form AND {_HAS_EXPIRED} ORDER BY r.id FOR UPDATE OF r")


_LAPSED = f"""
    {PERSON}
    WHERE r.lapses_at <= :now AND r.form = :form
        AND (r.lapses_at <= :waited_until OR NOT EXISTS (
            SELECT FROM submission s WHERE s.state <> 'decided' AND s.received_at < r.lapses_at AND s.token_hash IN (
                SELECT m.token_hash FROM managing_link m WHERE m.registration_id = r.id
                UNION ALL SELECT l.token_hash FROM confirmation_link l WHERE l.address_ref = r.person_ref)))
    ORDER BY r.lapses_at, r.id LIMIT :limit FOR UPDATE OF r
"""  # noqa: S608 - constants
"""An act that was received in time counts, also while it waits for the decider, but no longer than ``waited_until``."""
_FORMS_WITH_LAPSED = text("""
    SELECT DISTINCT form FROM registration
    WHERE lapses_at <= :now ORDER BY form
""")


_END_LAPSE = text("""
    UPDATE registration SET lapses_at = NULL
    WHERE lapses_at IS NOT NULL AND (id = ANY(CAST(:ids AS uuid[])) OR person_ref = ANY(:refs))
""")


def end_lapse(connection: Connection, registrations: Sequence[str], addresses: Sequence[bytes] = ()) -> None:
    """Record that these registrations do not lapse, and none of the owners of these addresses (references)."""
    if registrations or addresses:
        connection.execute(_END_LAPSE, {"ids": list(registrations), "refs": list(addresses)})


def forms_with_lapsed(connection: Connection, now: datetime) -> list[str]:
    """Slugs of the forms with registrations that lapse by ``now``."""
    return list(connection.execute(_FORMS_WITH_LAPSED, {"now": now}).scalars())


def lapsed_people(connection: Connection, form: str, now: datetime, limit: int) -> list[Person]:
    """Up to ``limit`` people on a form whose registration lapses by ``now``, the earliest first, locked."""
    values = {"form": form, "limit": limit, **_expiring_at(now)}
    return [to_person(row) for row in connection.execute(text(_LAPSED), values)]


def store_offer(connection: Connection, registration: Registration) -> None:
    """Store the offer of a waiting person as in ``registration``, or its end."""
    values = {"expires_at": registration.offer_expires_at, "passed": registration.offer_passed}
    connection.execute(_OFFER, {"id": registration.id, "lapses_at": registration.lapses_at, **values})


def store_answers(connection: Connection, rows: Sequence[object], now: datetime) -> None:
    """Store people's responses to their offers.

    Args:
        rows: each with ``id``, ``revision``, ``status`` (``confirmed`` or ``waitlisted``), ``capacity`` and ``reason``.
    """
    if rows:
        connection.execute(_ANSWERED, {"rows": as_parameter(rows), "now": now})


def forms_with_expired_offers(connection: Connection, now: datetime) -> list[str]:
    """Slugs of the forms on which an offer has expired, and no answer to it waits for the decider."""
    return list(connection.execute(_EXPIRED_FORMS, _expiring_at(now)).scalars())


def expired_offers(connection: Connection, form: str, now: datetime) -> list[Person]:
    """Everyone on a form whose offer has expired, and whose answer does not wait for the decider, locked."""
    return [to_person(row) for row in connection.execute(_EXPIRED, {"form": form, **_expiring_at(now)})]


def _expiring_at(now: datetime) -> dict[str, datetime]:
    return {"now": now, "waited_until": now - UNDECIDED_AT_MOST}


_PAUSE = text("SELECT pause_deciders()")


def pause_decider(connection: Connection) -> None:
    """Wait until no batch is being decided, and prevent others until this transaction ends.

    Comes before every other lock: a batch locks seats while it has this one.
    """
    connection.execute(_PAUSE)


@dataclass(frozen=True, slots=True)
class Locked:
    """A registration that no one else changes until the transaction ends, and its form with the seats locked.

    ``now`` is from after the locks.
    """

    person: Person
    form: StoredForm
    now: datetime

    @property
    def registration(self) -> Registration:
        """As it is under the lock."""
        return self.person.registration


def lock_known(connection: Connection, clock: Clock, registration_id: str) -> Locked:
    """The registration with this id (a UUID).

    Raises:
        DomainError: ``not-found``.
    """
    found = find_person(connection, registration_id)
    if found is None:
        raise DomainError("not-found")
    return lock_found(connection, clock, found)


def lock_found(connection: Connection, clock: Clock, found: Person) -> Locked:
    """Seats first, then the registration, then the clock and the form: a waiting caller must not see the earlier state.

    Raises:
        DomainError: ``not-found`` if it was deleted in the meantime.
    """
    lock_seats(connection, found.registration.form)
    person, now = lock_person(connection, found.registration.id), clock()
    form = find_form(connection, found.registration.form)
    if form is None or person is None:
        raise DomainError("not-found")
    return Locked(person, form, now)


MAX_LIVE = 5
"""Managing links of one registration."""

ASKED_APART = timedelta(minutes=5)
"""A requested link is mailed again after this time at the earliest; the mailed one works until then."""

_ADD = text("""
    INSERT INTO managing_link (token_hash, registration_id, minted_at, asked)
    SELECT decode(token, 'hex'), registration, :now, asked
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (token text, registration uuid, asked boolean)
""")
_ADD_LIMITED = text("""
    INSERT INTO limited_link (token_hash, registration_id, purpose, minted_at)
    SELECT decode(token, 'hex'), registration, purpose, :now
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (token text, registration uuid, purpose text)
""")
_ASKED = text("""
    SELECT DISTINCT registration_id::text FROM managing_link
    WHERE registration_id = ANY(CAST(:registrations AS uuid[])) AND asked AND minted_at > :since
""")
_PRUNE = text("""
    DELETE FROM managing_link m WHERE m.registration_id = ANY(CAST(:registrations AS uuid[])) AND m.token_hash NOT IN (
        SELECT newest.token_hash FROM managing_link newest WHERE newest.registration_id = m.registration_id
        ORDER BY newest.minted_at DESC, newest.token_hash LIMIT :max_live)
""")
_END = tuple(
    text(f"DELETE FROM {table} WHERE registration_id = ANY(CAST(:registrations AS uuid[]))")  # noqa: S608 - constants
    for table in ("managing_link", "limited_link", "waiting_link")
)


@dataclass(frozen=True, slots=True)
class LinkTokens:
    """New tokens of one registration; they are never stored.

    Attributes:
        own: the token of the managing link.
        view: the token of the read-only link.
        join: the token of the link to the meeting; empty for a registration that has ended.
        asked: whether the managing link is mailed because it was asked for, not because something happened.
    """

    own: str = field(repr=False)
    view: str = field(repr=False)
    join: str = field(repr=False)
    asked: bool = False


def new_tokens(status: str, *, asked: bool) -> LinkTokens:
    """Return tokens for the links of a registration with this status."""
    return LinkTokens(new_token(), new_token(), "" if status == "cancelled" else new_token(), asked)


def asked_recently(connection: Connection, registrations: Sequence[str], now: datetime) -> set[str]:
    """Return which of these registrations had their managing link mailed on request a short while ago."""
    if not registrations:
        return set()
    values = {"registrations": list(registrations), "since": now - ASKED_APART}
    return set(connection.execute(_ASKED, values).scalars())


def store_links(connection: Connection, minted: Sequence[tuple[str, LinkTokens]], now: datetime) -> None:
    """Store new links by registration id; of more than five managing links of a registration the oldest end."""
    if not minted:
        return
    own = [
        {"registration": registration, "token": link_hash(tokens.own, OWN), "asked": tokens.asked}
        for registration, tokens in minted
    ]
    limited = [
        {"registration": registration, "token": link_hash(token, purpose), "purpose": purpose}
        for registration, tokens in minted
        for purpose, token in ((VIEW, tokens.view), (JOIN, tokens.join))
        if token
    ]
    connection.execute(_ADD, {"rows": as_parameter(own), "now": now})
    connection.execute(_ADD_LIMITED, {"rows": as_parameter(limited), "now": now})
    values = {"registrations": [registration for registration, _ in minted], "max_live": MAX_LIVE}
    connection.execute(_PRUNE, values)


def end_links(connection: Connection, registrations: Sequence[str]) -> None:
    """End all links of these registrations, of every purpose, and pending requests for another one."""
    if not registrations:
        return
    for statement in _END:
        connection.execute(statement, {"registrations": list(registrations)})
