"""Registrations: newer copies are taken back, lost registrations are removed elsewhere, missing copies are published.

Answers, names and addresses that only the lost rows held do not come back: the plan names the registrations.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, text

from deploy.operations.recover.comparing import Comparison, Known
from deploy.operations.recover.databases import EVENTS, NOTIFICATIONS, REGISTRATION, ComparedDatabases
from services.registration.forms.seats import read_option_limits
from services.registration.people.lapsing import LAPSED
from services.registration.people.messages import (
    CANCELLED,
    CHANGED,
    CONFIRMED,
    OFFER_ENDED,
    OFFERED,
    PROMOTED,
    WAITLISTED,
    RegistrationMessages,
    erased_message,
    fact_about,
)
from services.registration.people.model import Registration
from services.registration.people.store import find_person
from services.registration.privacy.erasure import ErasureCause, erase_one
from shared.messaging import outbox
from shared.messaging.contracts.schemas import TYPE_PREFIX

RESTORED = "restored: "
"""Prefix of the reason of a history line that replaces changes which a restored database has lost. The audit
recognises it: such a line has no mail and no message."""

_TAKEN_BACK = RESTORED + "as other services knew it"
_ERASED_AGAIN = RESTORED + "erased again"

_LINES = text("""
    INSERT INTO registration_change (registration_id, revision, status, changed_at, capacity_then, reason)
    SELECT CAST(:id AS uuid), n, :status, :now,
        CASE WHEN :status = 'confirmed' THEN (SELECT greatest(s.capacity, s.confirmed + 1) FROM seat s
            WHERE s.form = :form AND s.capacity IS NOT NULL) END, :reason
    FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS n ON CONFLICT DO NOTHING
""")
_TAKE_BACK = text("""
    UPDATE registration SET revision = :revision, status = :status, offer_expires_at = NULL, offer_passed = false,
        cancelled_at = CASE WHEN :status = 'cancelled' THEN coalesce(cancelled_at, :now) END,
        confirmed_at = CASE WHEN :status = 'confirmed' THEN coalesce(confirmed_at, :now) ELSE confirmed_at END,
        position = CASE WHEN :status = 'waitlisted' THEN coalesce(position,
            (SELECT last_position + 1 FROM seat s WHERE s.form = registration.form)) ELSE position END,
        capacity_then = CASE WHEN :status = 'confirmed' THEN coalesce(capacity_then,
            (SELECT greatest(s.capacity, s.confirmed + 1) FROM seat s WHERE s.form = registration.form
                AND s.capacity IS NOT NULL)) ELSE capacity_then END
    WHERE id = CAST(:id AS uuid) AND revision < :revision AND erased_at IS NULL
""")
_END_LINKS = text("DELETE FROM managing_link WHERE registration_id = CAST(:id AS uuid)")
_REVISION = text("SELECT revision, form FROM registration WHERE id = CAST(:id AS uuid) AND erased_at IS NULL")
_LOSE = text("""
    INSERT INTO lost_registration (id, form, status, found_at) VALUES (CAST(:id AS uuid), :form, :status, :now)
    ON CONFLICT DO NOTHING
""")
_KIND_AND_EVENT = {
    EVENTS: "SELECT form_kind, event_id FROM roster WHERE registration_id = CAST(:id AS uuid)",
    NOTIFICATIONS: "SELECT form_kind, event FROM recipient WHERE subject = CAST(:id AS uuid)",
}
_COUNT_SEATS = text("""
    UPDATE seat s SET confirmed = c.confirmed, waiting = c.waiting, offered = c.offered, passed = c.passed,
        last_position = greatest(s.last_position, c.last_position)
    FROM (SELECT f.slug AS form, count(r.id) FILTER (WHERE r.status = 'confirmed') AS confirmed,
            count(r.id) FILTER (WHERE r.status = 'waitlisted') AS waiting, count(r.offer_expires_at) AS offered,
            count(r.id) FILTER (WHERE r.offer_passed) AS passed, coalesce(max(r.position), 0) AS last_position
        FROM form f LEFT JOIN registration r ON r.form = f.slug GROUP BY f.slug) c
    WHERE c.form = s.form AND (s.confirmed, s.waiting, s.offered, s.passed)
        IS DISTINCT FROM (c.confirmed, c.waiting, c.offered, c.passed) OR (c.form = s.form
        AND s.last_position < c.last_position)
""")
_KEEP_PLACES = text("UPDATE registration SET lapses_at = NULL WHERE lapses_at IS NOT NULL")
_WITH_OPTIONS = text("SELECT form, options FROM seat WHERE options <> '{}' FOR UPDATE")
_ANSWERS = text("SELECT answers FROM registration WHERE form = :form AND status <> 'cancelled' AND erased_at IS NULL")
_KEEP_OPTION = text("""
    UPDATE seat SET options = jsonb_set(options, ARRAY[CAST(:key AS text), 'taken'], to_jsonb(CAST(:taken AS integer)))
    WHERE form = :form
""")
_LAST_CHANGES = text("""
    SELECT c.revision, c.status, lag(c.status) OVER (ORDER BY c.revision), c.changed_at, c.reason
    FROM registration_change c WHERE c.registration_id = CAST(:id AS uuid) ORDER BY c.revision DESC LIMIT 1
""")
_TOMBSTONE = text("""
    SELECT r.form, f.kind, r.event_id, r.status, r.revision, r.erased_at FROM registration r
    JOIN form f ON f.slug = r.form WHERE r.id = CAST(:id AS uuid) AND r.erased_at IS NOT NULL
""")
_IS_STORED = text("SELECT EXISTS (SELECT FROM outbox WHERE subject = :id AND type = :type AND blanked_at IS NULL)")


def take_back(databases: ComparedDatabases, behind: Iterable[tuple[str, Known]], now: datetime) -> int:
    """Give registrations the state and the revision that other services hold; erase erased people last."""
    done = 0
    for identity, newest in behind:
        with databases.work(REGISTRATION).transaction() as connection:
            row = connection.execute(_REVISION, {"id": identity}).fetchone()
            if row is None:
                continue
            revision, form = row
            last = newest.revision - 1 if newest.erased else newest.revision
            known = {"id": identity, "form": form, "now": now, "reason": _TAKEN_BACK}
            if last > revision:
                before = _status(connection, identity)
                status = before if newest.erased else newest.status
                connection.execute(_LINES, known | {"status": before, "first": revision + 1, "last": last - 1})
                connection.execute(_LINES, known | {"status": status, "first": last, "last": last})
                connection.execute(_TAKE_BACK, {"id": identity, "revision": last, "now": now, "status": status})
                if status == "cancelled":
                    connection.execute(_END_LINKS, {"id": identity})
        done += 1
    return done


def _status(connection: Connection, identity: str) -> str:
    found = connection.execute(
        text("SELECT status FROM registration WHERE id = CAST(:id AS uuid)"), {"id": identity}
    ).scalar_one()
    return str(found)


def erase_again(
    databases: ComparedDatabases, behind: Iterable[tuple[str, Known]], messages: RegistrationMessages, now: datetime
) -> int:
    """Erase people who were erased since the backup, by the code that erases; tombstones elsewhere do not change."""
    work = databases.work(REGISTRATION)
    cause = ErasureCause(_ERASED_AGAIN, whole_address=False)
    erased = [identity for identity, newest in behind if newest.erased]
    return sum([erase_one(work, lambda: now, messages, identity, cause) for identity in erased])


def remove_lost(databases: ComparedDatabases, lost: Iterable[tuple[str, Known]], now: datetime) -> int:
    """Publish the erasure of each lost registration, so that other services erase their copies."""
    done = 0
    for identity, newest in lost:
        kind, event = _kind_and_event(databases, identity)
        with databases.work(REGISTRATION).transaction() as connection:
            connection.execute(_LOSE, {"id": identity, "form": newest.form, "status": newest.status, "now": now})
            if newest.erased and _is_stored(connection, identity, "person.erased.v1"):
                continue
            tombstone = _registration(identity, newest, kind, event, now)
            outbox.add(connection, [erased_message(tombstone, now)])
        done += 1
    return done


def _kind_and_event(databases: ComparedDatabases, identity: str) -> tuple[str, str | None]:
    for service, statement in _KIND_AND_EVENT.items():
        for row in databases.rows(service, statement, id=identity):
            return str(row[0]), row[1]
    raise LookupError(identity)


def _registration(identity: str, newest: Known, kind: str, event: str | None, now: datetime) -> Registration:
    status, revision = ("cancelled", newest.revision + 1) if not newest.erased else (newest.status, newest.revision)
    nothing = {"working_group": None, "organisation_id": None, "country": None, "partner": None, "position": None}
    return Registration(
        id=identity,
        form=newest.form,
        form_kind=kind,
        event_id=event,
        status=status,
        revision=revision,
        person_ref="",
        representative=False,
        language="und",
        accepted_at=now,
        **nothing,  # type: ignore[arg-type]  # all of them may be None
    )


def count_seats(databases: ComparedDatabases) -> int:
    """Recount the seats and the limited options of each form from the registrations; returns how many changed."""
    with databases.work(REGISTRATION).transaction() as connection:
        changed = connection.execute(_COUNT_SEATS).rowcount
        for form, options in connection.execute(_WITH_OPTIONS).fetchall():
            limits = read_option_limits(options)
            taken = dict.fromkeys(limits.limits, 0)
            for (answers,) in connection.execute(_ANSWERS, {"form": form}):
                for key in limits.chosen(answers):
                    taken[key] += 1
            for key in (pool for pool in taken if taken[pool] != limits.taken.get(pool, 0)):
                connection.execute(_KEEP_OPTION, {"form": form, "key": key, "taken": taken[key]})
                changed += 1
    return changed


def keep_places(databases: ComparedDatabases) -> None:
    """Let no registration lapse that the restored database has: what its owner did since the backup may be lost."""
    with databases.work(REGISTRATION).transaction() as connection:
        connection.execute(_KEEP_PLACES)


def publish_states(
    databases: ComparedDatabases, found: Comparison, messages: RegistrationMessages, now: datetime
) -> int:
    """Publish the state of registrations whose copies lag, where no stored message contains it any more."""
    lagging = sorted({identity for copies in found.lagging.values() for identity in copies})
    return sum([_publish_state(databases, identity, messages, now) for identity in lagging])


def _publish_state(databases: ComparedDatabases, identity: str, messages: RegistrationMessages, now: datetime) -> bool:
    with databases.work(REGISTRATION).transaction() as connection:
        tombstone = connection.execute(_TOMBSTONE, {"id": identity}).fetchone()
        if tombstone is not None:
            if _is_stored(connection, identity, "person.erased.v1"):
                return False
            form, kind, event, status, revision, at = tombstone
            known = Known(form, status, revision, erased=True)
            outbox.add(connection, [erased_message(_registration(identity, known, kind, event, now), at)])
            return True
        person = find_person(connection, identity)
        last = connection.execute(_LAST_CHANGES, {"id": identity}).fetchone()
        if person is None or last is None:
            return False
        _revision, status, before, changed_at, reason = last
        key = _key(status, before)
        if _is_stored(connection, identity, key):
            return False
        fact = replace(fact_about(key, person), cause=("", ""), lapsed=reason == LAPSED)
        messages.add(connection, [fact], changed_at)
        return True


def _key(status: str, before: str | None) -> str:
    """The type of the message about the last change of a registration."""
    if status == before:
        return CHANGED
    if status == "confirmed":
        return PROMOTED if before in ("waitlisted", "offered") else CONFIRMED
    if status == "waitlisted":
        return OFFER_ENDED if before == "offered" else WAITLISTED
    return {"offered": OFFERED, "cancelled": CANCELLED}[status]


def _is_stored(connection: Connection, identity: str, key: str) -> bool:
    """Whether a message about this registration is in the outbox: it is published again as it was."""
    return bool(connection.execute(_IS_STORED, {"id": identity, "type": TYPE_PREFIX + key}).scalar_one())
