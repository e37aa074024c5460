"""Who has registered, filtered and in pages, for coordinators; and what happened to one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from services.registration.store.registrations import PERSON, Person, to_person

LIVE = "r.status IN ('confirmed', 'waitlisted')"


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """What to list; an empty value leaves everything.

    Attributes:
        q: beginning of an address, or of any word of a name.
        since, until: when somebody registered: from, and before.
        not_registered_for: an event or a form; lists who is not registered there. Without a status it lists only
            people who have a seat or wait for one: nobody need be reminded who has cancelled.
        forms: the forms that may be seen; None for all.
        after: id of the last registration of the page before.
        most: rows.
    """

    form: str = ""
    event: str = ""
    status: str = ""
    working_group: str = ""
    partner: str = ""
    country: str = ""
    q: str = ""
    since: datetime | None = None
    until: datetime | None = None
    not_registered_for: str = ""
    forms: frozenset[str] | None = None
    after: str = ""
    most: int = 50


@dataclass(frozen=True, slots=True)
class Change:
    """A line of a registration's history; ``capacity_then`` where a seat was given.

    ``changed_by`` is the coordinator who decided it; None where none did.
    """

    revision: int
    status: str
    changed_at: datetime
    capacity_then: int | None
    reason: str
    changed_by: str | None


_CONDITIONS = {
    "form": "r.form = :form",
    "event": "r.event_id = :event",
    "status": "r.status = :status",
    "working_group": "r.working_group = :working_group",
    "partner": "r.partner = :partner",
    "country": "r.country = :country",
    "q": """(starts_with(lower(r.email), lower(:q)) OR starts_with(lower(r.name), lower(:q))
        OR position(' ' || lower(:q) IN lower(r.name)) > 0)""",
    "since": "r.accepted_at >= :since",
    "until": "r.accepted_at < :until",
    "not_registered_for": """NOT EXISTS (SELECT 1 FROM registration o
        WHERE o.person_ref = r.person_ref AND o.status NOT IN ('cancelled', 'expired') AND o.status <> 'unverified'
            AND (o.event_id = :not_registered_for OR o.form = :not_registered_for))""",
    "forms": "r.form = ANY(:forms)",
    "after": "r.id > CAST(:after AS uuid)",
}
_HISTORY = text("""
    SELECT revision, status, changed_at, capacity_then, reason, changed_by FROM registration_change
    WHERE registration_id = CAST(:id AS uuid) ORDER BY revision
""")


def list_people(connection: Connection, wanted: PeopleFilter) -> list[Person]:
    """Registrations in order of arrival."""
    given = {name: value for name in _CONDITIONS if (value := getattr(wanted, name)) not in ("", None)}
    conditions = [_CONDITIONS[name] for name in given]
    if wanted.not_registered_for and not wanted.status:
        conditions.append(LIVE)
    if wanted.forms is not None:
        given["forms"] = sorted(wanted.forms)
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = connection.execute(text(f"{PERSON} {where} ORDER BY r.id LIMIT :most"), {**given, "most": wanted.most})
    return [to_person(row) for row in rows]


def history_of(connection: Connection, registration_id: str) -> Sequence[Change]:
    """What happened to a registration and why, first to last."""
    return [Change(*row) for row in connection.execute(_HISTORY, {"id": registration_id})]
