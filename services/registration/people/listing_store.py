"""Who has registered, filtered and in pages, for coordinators; and what happened to one of them."""

# ruff: noqa: S608 - statements are put together from constant parts; all values are parameters

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.registration.people.answer_filters import AnswerFilter
from services.registration.people.store import PERSON, Person, to_person
from shared.db.cleanup import word_query, words_of
from shared.public_forms.addresses import address_beginning
from shared.runtime.errors import DomainError

ARRIVAL, LATEST, NAME, NAME_BACKWARDS = "accepted_at", "-accepted_at", "name", "-name"
_FOLDED_NAME = "COALESCE(folded(r.name), '')"


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of registrations, which ends with the id, so that no two are equal.

    Attributes:
        order: the SQL of ``ORDER BY``.
        beyond: the SQL condition that holds for the rows after the registration ``:after``, whose name was
            ``:after_name``.
    """

    order: str
    beyond: str


_BY_NAME = f"({_FOLDED_NAME}, r.id) {{}} (folded(CAST(:after_name AS text)), CAST(:after AS uuid))"
SORTS = {
    ARRIVAL: Sort("r.id", "r.id > CAST(:after AS uuid)"),
    LATEST: Sort("r.id DESC", "r.id < CAST(:after AS uuid)"),
    NAME: Sort(f"{_FOLDED_NAME}, r.id", _BY_NAME.format(">")),
    NAME_BACKWARDS: Sort(f"{_FOLDED_NAME} DESC, r.id DESC", _BY_NAME.format("<")),
}
"""Ids are in order of arrival. A cursor is only an id, because a name must not be in a URL."""

_LAST_NAME = text("""
    SELECT COALESCE(name, '') FROM registration WHERE id = CAST(:after AS uuid) AND erased_at IS NULL
        AND (CAST(:forms AS text[]) IS NULL OR form = ANY(CAST(:forms AS text[])))
""")
"""The position comes from the client: a registration that the user may not see is unknown as a position."""

LIVE = "r.status IN ('confirmed', 'waitlisted')"


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """What to list; an empty value matches everything.

    Attributes:
        q: the beginning of an address, or of any word of a name or an organisation; accents do not count.
        since: the earliest time of registration.
        until: the time before which people registered.
        not_registered_for: an event or a form; lists people who are not registered there. Without a status it lists
            only people who have a seat or wait for one: people who have cancelled must not be reminded.
        details: ``given`` or ``missing``: what is asked after the confirmation, on forms that ask for anything then.
            Without a status ``missing`` lists only people who have a seat or wait for one.
        language: the language of the person's mails and pages.
        representative: whether people represent their working group; None for both.
        tag: a word that coordinators have put on the registration.
        offer_since: the earliest time at which an offer of a seat expires.
        offer_until: the time before which an offer of a seat expires.
        ids: the ids of the registrations that were marked, UUID texts; empty for all.
        answers: the conditions on answers to the questions of ``form``.
        forms: the forms that may be seen; None for all.
        sort: one of ``SORTS``.
        after: the id of the last registration of the page before.
        after_name: the name on that registration when it was read; None where only a cursor is known: then its present
            name counts.
        limit: the maximum number of rows.
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
    details: str = ""
    language: str = ""
    representative: bool | None = None
    tag: str = ""
    offer_since: datetime | None = None
    offer_until: datetime | None = None
    ids: tuple[str, ...] = ()
    answers: tuple[AnswerFilter, ...] = ()
    forms: frozenset[str] | None = None
    sort: str = ARRIVAL
    after: str = ""
    after_name: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class RegistrationChange:
    """A line of a registration's history; ``capacity_then`` where a seat was given.

    ``changed_by`` is the coordinator who decided it; None where none did.
    """

    revision: int
    status: str
    changed_at: datetime
    capacity_then: int | None
    reason: str
    changed_by: str | None


def _named(column: str) -> str:
    """Condition: the search words follow one another in ``column``; the last one may be a prefix."""
    return f"position(' ' || :folded IN ' ' || folded({column})) > 0"


def _indexed(column: str) -> str:
    """The same, found by the index of words, which knows the first one."""
    return f"({words_of(column)} @@ CAST(:word AS tsquery) AND {_named(column)})"


_CONDITIONS = {
    "form": "r.form = :form",
    "event": "r.event_id = :event",
    "status": "r.status = :status",
    "working_group": "r.working_group = :working_group",
    "partner": "r.partner = :partner",
    "country": "r.country = :country",
    "q": f"""(starts_with(lower(r.email), lower(:address)) OR {_named("r.name")}
        OR EXISTS (SELECT FROM organisation o WHERE o.id = r.organisation_id AND {_named("o.name")}))""",
    "since": "r.accepted_at >= :since",
    "until": "r.accepted_at < :until",
    "not_registered_for": """NOT EXISTS (SELECT 1 FROM registration o
        WHERE o.person_ref = r.person_ref AND o.status <> 'cancelled'
            AND (o.event_id = :not_registered_for OR o.form = :not_registered_for))""",
    "details": """CASE :details WHEN 'given' THEN r.details_at IS NOT NULL
        ELSE r.details_at IS NULL AND EXISTS (SELECT FROM form f WHERE f.slug = r.form
            AND f.definition @? '$.fields[*] ? (@.after_confirmation == true)') END""",
    "language": "r.language = :language",
    "representative": "r.representative = :representative",
    "tag": "r.tags <> '{}' AND r.tags @> ARRAY[CAST(:tag AS text)]",
    "offer_since": "r.offer_expires_at >= :offer_since",
    "offer_until": "r.offer_expires_at < :offer_until",
    "ids": "r.id = ANY(CAST(:ids AS uuid[]))",
    "forms": "r.form = ANY(:forms)",
}
_IN_ORDER = ("form", "event", "forms")
"""With these conditions rows are found in order of arrival, so that a page costs no more than its rows."""

_BY_INDEX = ("working_group", "partner", "country", "q", "since", "until", "tag", "offer_since", "offer_until")
"""These have separate indexes, in another order: fast for rare values, slow for frequent ones."""

_NEAR = 2000
"""Rows scanned in order of arrival before an index is used."""
# Which of the two ways is cheaper depends on how often a word occurs, and the planner guesses: wrongly, it reads a
# million rows for a page of fifty (measured: 1 s). Forced to use the index, it sorts few rows, because frequent words
# were
# found before. One plan for all words could not use the index of addresses, so each search has its own.
_ORDERED = ("enable_seqscan", "enable_indexscan", "enable_indexonlyscan")
_BY_BITMAP = "; ".join(f"SET LOCAL {way} = off" for way in _ORDERED) + "; SET LOCAL plan_cache_mode = force_custom_plan"
_AS_USUAL = "; ".join(f"SET LOCAL {way} = on" for way in _ORDERED) + "; SET LOCAL plan_cache_mode = auto"
_BY_FORM = "SET LOCAL random_page_cost = 1.1"  # a form's rows are close together, because people register within weeks

_FOLDED = text("SELECT folded(:q)")
_ORGANISATIONS = text(f"SELECT o.id::text FROM organisation o WHERE {_indexed('o.name')} LIMIT :limit")
_Q_BY_INDEX = f"(starts_with(lower(r.email), lower(:address)) OR {_indexed('r.name')})"
_Q_AND_ORGANISATIONS = f"""(starts_with(lower(r.email), lower(:address)) OR {_indexed("r.name")}
    OR r.organisation_id = ANY(CAST(:organisations AS uuid[])))"""
"""The condition ``q`` in parts that each have an index; with an empty list that of organisations could not be used."""

_MAX_ORGANISATIONS = 1000
"""With more, and another condition that has an index, the rows of that index are scanned."""

_HISTORY = text("""
    SELECT revision, status, changed_at, capacity_then, reason, changed_by FROM registration_change
    WHERE registration_id = CAST(:id AS uuid) ORDER BY revision
""")


def list_people(connection: Connection, wanted: PeopleFilter) -> list[Person]:
    """Registrations in the order that is asked for.

    Raises:
        DomainError: ``unknown-cursor``: they are in order of names, and that of the last one is no longer stored.
    """
    if (where := conditions_of(connection, wanted)).is_nothing:
        return []
    sort, values = SORTS[wanted.sort], where.values | {"limit": wanted.limit}
    if wanted.after:
        where, values = where.and_also(sort.beyond), values | _position(connection, wanted)
    all_people = f"SELECT * FROM registration r {where.sql} ORDER BY {sort.order} LIMIT :limit"
    if not where.is_narrow:
        return _read(connection, all_people, values, sort)
    connection.exec_driver_sql(_BY_FORM)
    near = f"SELECT * FROM registration r {where.in_order(sort if wanted.after else None)} ORDER BY {sort.order}"
    near = f"SELECT * FROM ({near} LIMIT {_NEAR}) AS r {where.sql} ORDER BY {sort.order} LIMIT :limit"
    found = _read(connection, near, values, sort)
    if len(found) == wanted.limit:
        return found
    if wanted.q:
        parts, more = _search_by_index(connection, values, has_other=len(set(_BY_INDEX) & where.names) > 1)
        all_people, values = all_people.replace(_CONDITIONS["q"], parts), values | more
    connection.exec_driver_sql(_BY_BITMAP)
    found = _read(connection, all_people, values, sort)
    connection.exec_driver_sql(_AS_USUAL)
    return found


@dataclass(frozen=True, slots=True)
class Where:
    """The conditions of a filter.

    Attributes:
        parts: the SQL about ``registration r``, by the name of the condition.
        values: the parameters.
        is_nothing: no one can fulfil them.
    """

    parts: Mapping[str, str]
    values: dict[str, Any]
    is_nothing: bool = False

    @property
    def names(self) -> set[str]:
        """Of the conditions."""
        return set(self.parts)

    @property
    def is_narrow(self) -> bool:
        """Whether a page may require a scan of many rows in order of arrival."""
        ordered = self.names & set(_IN_ORDER)
        return bool(self.names & set(_BY_INDEX) or (ordered and self.names - ordered - {"erased", "after"}))

    @property
    def sql(self) -> str:
        """The clause; empty without conditions."""
        return f"WHERE {' AND '.join(self.parts.values())}" if self.parts else ""

    def without(self, name: str) -> "Where":
        """Without one condition."""
        return replace(self, parts={other: part for other, part in self.parts.items() if other != name})

    def and_also(self, condition: str) -> "Where":
        """Only the rows after a position."""
        return replace(self, parts={**self.parts, "after": condition})

    def in_order(self, sort: Sort | None) -> str:
        """The clause of those conditions by which rows are found in order; after a position if ``sort`` is given."""
        parts = [self.parts[name] for name in ("erased", *_IN_ORDER) if name in self.parts]
        return f"WHERE {' AND '.join([*parts, *([sort.beyond] if sort else [])])}"


def conditions_of(connection: Connection, wanted: PeopleFilter) -> Where:
    """The conditions that ``wanted`` sets, except the position of a page."""
    wanted = replace(wanted, q=wanted.q.lstrip())
    values = {name: value for name in _CONDITIONS if (value := getattr(wanted, name)) not in ("", None, ())}
    parts = {"erased": "r.erased_at IS NULL", **{name: _CONDITIONS[name] for name in values}}
    for number, answer in enumerate(wanted.answers):
        parts[f"answer_{number}"], more = answer.condition(number)
        values |= more
    if (wanted.not_registered_for or wanted.details == "missing") and not wanted.status:
        parts["live"] = LIVE
    if wanted.ids:
        values["ids"] = list(wanted.ids)
    if wanted.forms is not None:
        values["forms"] = sorted(wanted.forms)
    values |= _searched(connection, wanted.q)
    return Where(parts, values, is_nothing=values.get("folded") == "")  # the search text has only marks


def _position(connection: Connection, wanted: PeopleFilter) -> dict[str, str]:
    """Where the page before ended: the parameters of ``Sort.beyond``."""
    name = wanted.after_name
    if name is None and wanted.sort in (NAME, NAME_BACKWARDS):
        forms = None if wanted.forms is None else sorted(wanted.forms)
        name = connection.execute(_LAST_NAME, {"after": wanted.after, "forms": forms}).scalar()
        if name is None:
            raise DomainError("unknown-cursor", "the last registration of the page before is gone: begin again")
    return {"after": wanted.after, "after_name": name or ""}


def _read(connection: Connection, chosen: str, values: Mapping[str, Any], sort: Sort) -> list[Person]:
    """The people of the rows that ``chosen`` selects from ``registration``."""
    statement = PERSON.replace("FROM registration r", f"FROM ({chosen}) AS r") + f" ORDER BY {sort.order}"
    return [to_person(row) for row in connection.execute(text(statement), values)]


def _searched(connection: Connection, q: str) -> dict[str, str]:
    """``q`` as names and addresses are compared, and its first word for the index."""
    if not q:
        return {}
    folded = str(connection.execute(_FOLDED, {"q": q}).scalar_one()).lstrip()
    return {"folded": folded, "word": word_query(folded), "address": address_beginning(q)}


def _search_by_index(
    connection: Connection, values: Mapping[str, Any], *, has_other: bool
) -> tuple[str, dict[str, list[str]]]:
    """The condition ``q`` for a plan by index, and the values that it needs besides.

    Args:
        connection: the connection of the caller's transaction.
        values: the parameters of the search.
        has_other: whether another condition has an index.
    """
    limit = _MAX_ORGANISATIONS + 1 if has_other else None
    organisations = [row[0] for row in connection.execute(_ORGANISATIONS, {**values, "limit": limit})]
    if not organisations:
        return _Q_BY_INDEX, {}
    if len(organisations) == limit:
        return _CONDITIONS["q"], {}
    return _Q_AND_ORGANISATIONS, {"organisations": organisations}


def history_of(connection: Connection, registration_id: str) -> Sequence[RegistrationChange]:
    """What happened to a registration and why, first to last."""
    return [RegistrationChange(*row) for row in connection.execute(_HISTORY, {"id": registration_id})]
