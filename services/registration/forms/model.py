"""Settings of a form that coordinators change while it runs, the effect of a change, and facts for other services.

Also how long answers are kept: each field its days, the person ninety; what counts stays. Days run from a
registration's *last day*: the end of its event, the day a form without an event was closed, or the day the registration
itself ended, whichever comes first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from services.registration.forms.opening import Opening
from services.registration.forms.pools import MAX_RESERVATIONS, Pools, Reservation, reservations_to_json
from services.registration.forms.seats import OFFER_HOURS, Seats
from shared.runtime.clock import rfc3339
from shared.runtime.errors import DomainError
from shared.vocabulary.promotion import IN_ORDER

SEALED_DAYS = 14
PERSON_DAYS = 90


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the data of one form are stored.

    Attributes:
        person_days: the days until the person is erased.
        sealed: the names of the sealed questions that are kept longer, by the days after which sealed answers are
            deleted. So an answer to a question that no longer exists is deleted with the first.
        fields: the names of further answers by the days after which they are deleted.
    """

    person_days: int
    sealed: Mapping[int, tuple[str, ...]]
    fields: Mapping[int, tuple[str, ...]]


def retention_of(questions: Sequence[Mapping[str, Any]], person_days: int) -> Retention:
    """The retention of a form with these ``questions``: plain mappings, as they are stored."""
    sealed = {
        question["name"]: _days(question, min(SEALED_DAYS, person_days))
        for question in questions
        if question.get("sealed")
    }
    fields: dict[int, tuple[str, ...]] = {}
    for question in questions:
        days = question.get("retention_days")
        if days is not None and not question.get("sealed"):
            fields[days] = (*fields.get(days, ()), question["name"])
    return Retention(person_days, {days: _longer(sealed, days) for days in sorted(set(sealed.values()))}, fields)


def retention_faults(questions: Sequence[Mapping[str, Any]], person_days: int, columns: frozenset[str]) -> list[str]:
    """Faults of the retention periods of a form's fields; empty if there are none.

    Args:
        questions: the questions as plain mappings, as they are stored.
        person_days: the days until the person is erased, and every answer with them.
        columns: the fields that are part of the registration itself, and are deleted with the person.
    """
    given = [
        (question["name"], question["retention_days"])
        for question in questions
        if question.get("retention_days") is not None
    ]
    late = [
        f"{name}: is kept longer than the person, who is erased after {person_days}"
        for name, days in given
        if days > person_days
    ]
    whole = [
        f"{name}: is erased with the person and has no separate retention period"
        for name, _days in given
        if name in columns
    ]
    return late + whole


def _longer(kept: Mapping[str, int], days: int) -> tuple[str, ...]:
    return tuple(name for name, its_days in kept.items() if its_days > days)


def _days(question: Mapping[str, Any], otherwise: int) -> int:
    days = question.get("retention_days")
    return otherwise if days is None else int(days)


MAX_ALARM_MINUTES = 40_320
"""Four weeks: the most that Google Calendar takes."""

COLUMNS = frozenset(
    {"name", "email", "organisation", "working_group", "representative", "country", "time_zone", "language", "consent"}
)
"""Fields of a form whose answers are part of a registration itself; all others are kept together."""


JOIN_MINUTES_BEFORE = 15
MAX_JOIN_MINUTES_BEFORE = 24 * 60


@dataclass(frozen=True, slots=True)
class FormSettings:
    """The settings of a form that coordinators change after its publication.

    Attributes:
        capacity: the number of seats; None for no limit.
        open: the switch; a form that is switched off is closed, also between ``opens_at`` and ``closes_at``.
        opens_at: the time at which it opens; None for no bound.
        closes_at: the time at which it closes; None for no bound.
        changes_until: the end of the time in which people may change their answers; None if it ends when the form or
            the guest list closes.
        alarm_minutes: how long before the start people's calendars alert them; None leaves that to their calendars.
        join_minutes_before: the minutes before the start from which people with a seat can join online.
        partners: the slugs of the partners whose pages may show it.
        promotion_mode: the rule by which people who wait get free seats, one of ``PROMOTION_MODES``.
        offer_hours: the hours for which an offer that no coordinator has made is valid.
        domain_percent: the largest share of the seats that one mail domain may have; None for no cap.
        reservations: the seats that are kept for some people.
    """

    capacity: int | None
    open: bool
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    changes_until: datetime | None = None
    alarm_minutes: int | None = None
    join_minutes_before: int = JOIN_MINUTES_BEFORE
    partners: tuple[str, ...] = ()
    promotion_mode: str = IN_ORDER
    offer_hours: int = OFFER_HOURS
    domain_percent: int | None = None
    reservations: tuple[Reservation, ...] = ()


SEAT_SETTINGS = ("capacity", "promotion_mode", "domain_percent", "reservations")
"""Settings whose change may give a seat to a person who waits."""

MAX_OFFER_HOURS = 720
"""Thirty days."""


def check_settings(settings: FormSettings) -> None:
    """Refuse what can never be.

    Raises:
        DomainError: ``closing-before-opening``, ``reserved-twice``, ``reserved-beyond-capacity``.
    """
    _check_reservations(settings)
    if settings.opens_at and settings.closes_at and settings.closes_at <= settings.opens_at:
        raise DomainError("closing-before-opening", "a form must close later than it opens")


def _check_reservations(settings: FormSettings) -> None:
    named = [(reservation.reserved_for, reservation.value) for reservation in settings.reservations]
    if len(set(named)) < len(named) or len(named) > MAX_RESERVATIONS:
        raise DomainError("reserved-twice", f"reserve only once for each, and at most {MAX_RESERVATIONS} times")
    if settings.reservations and settings.capacity is None:
        raise DomainError("reserved-beyond-capacity", "seats can be reserved only if their number is limited")
    if (
        settings.capacity is not None
        and sum(reservation.seats for reservation in settings.reservations) > settings.capacity
    ):
        raise DomainError("reserved-beyond-capacity", "more seats would be reserved than exist")


def differences(before: FormSettings, after: FormSettings) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings that differ, as JSON values: the old ones and the new ones."""
    old, new = _values(before), _values(after)
    names = [name for name in old if old[name] != new[name]]
    return {name: _plain(old[name]) for name in names}, {name: _plain(new[name]) for name in names}


def opening_with(opening: Opening, settings: FormSettings) -> Opening:
    """The opening of the form with ``settings``."""
    return replace(
        opening,
        switched_on=settings.open,
        opens_at=settings.opens_at,
        closes_at=settings.closes_at,
        own_changes_until=settings.changes_until,
    )


def seats_with(seats: Seats, settings: FormSettings, pools: Pools) -> Seats:
    """The seats with ``settings``, before anyone is promoted; ``pools`` are those of the settings."""
    return replace(
        seats,
        capacity=settings.capacity,
        pools=pools,
        mode=settings.promotion_mode,
        offer_hours=settings.offer_hours,
    )


def _values(settings: FormSettings) -> dict[str, Any]:
    return asdict(settings) | {"reservations": reservations_to_json(settings.reservations)}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return rfc3339(value)
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class FormFacts:
    """What the service publishes about a form.

    Attributes:
        id: the slug of the form.
        event: the slug of the event that it registers for; None for none.
        title: the title by language; the language "" is that of a title for all.
        open: the coordinators' switch.
        opens_at: the time at which coordinators let it open; None for no bound.
        closes_at: the time at which coordinators let it close; None for no bound.
        closes_hours_before: how long before the start of the event the guest list closes; 0 if it does not.
        alarm_minutes: how long before the start people's calendars alert them; None leaves that to their calendars.
        open_until: ``start`` or ``end`` of the event; None for the rule.
    """

    id: str
    revision: int
    kind: str
    event: str | None
    title: Mapping[str, str]
    open: bool
    opens_at: datetime | None
    closes_at: datetime | None
    closes_hours_before: int
    alarm_minutes: int | None = None
    open_until: str | None = None
