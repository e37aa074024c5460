"""An event, its revisions, its history and notes, and the forms by which people register for it. Pure.

A value that exists keeps its rules; ``lifecycle`` changes it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from typing import Any
from urllib.parse import urlsplit

from services.events.local_time import is_zone
from services.events.rules import BrokenRule, content_rule, enforce, number_rule, slug_rule, text_rule
from shared.i18n.languages import NO_TEXT, Text
from shared.runtime.clock import FIRST_YEAR, LAST_YEAR
from shared.runtime.errors import DomainError
from shared.vocabulary.form_kinds import is_open_until_end

EVERY_GROUP = "*"
"""The only entry of ``asked_groups`` if all working groups are asked, also those that are founded later."""

VISIBLE = (
    "kind",
    "series",
    "series_number",
    "title",
    "summary",
    "starts_at",
    "ends_at",
    "time_zone",
    "status",
    "mode",
    "city",
    "place",
    "join_url",
    "asked_groups",
)
"""What a participant sees on a page, in a mail or in a calendar."""

MADE, EDITED, LOADED = "made", "edited", "loaded"
RESOURCE_MADE, RESOURCE_CHANGED = "resource-made", "resource-changed"
PUBLISHED = "timetable-published"
"""Names of changes that are not steps of an event's life cycle; those have the names of the steps."""

FOLLOWING = ("revision", "last_starts_at", "last_ends_at", "announced")
"""Fields that change because others do."""

MAX_NOTE_CHARACTERS = 4000

WORKING_GROUP = "working_group"


class Readers(Enum):
    """For whom events are read: the public sees no drafts, and never what is internal."""

    PUBLIC = "public"
    COORDINATORS = "coordinators"


class EventKind(StrEnum):
    """What sort of thing people attend."""

    WEBINAR = "webinar"
    SIDE_EVENT = "side_event"
    REVIEW = "review"
    COUNCIL_SESSION = "council_session"
    PRESS_CONFERENCE = "press_conference"
    CONSULTATION = "consultation"
    TRAINING = "training"


class EventStatus(StrEnum):
    """How far an event has got; only coordinators see a draft."""

    DRAFT = "draft"
    TENTATIVE = "tentative"
    CONFIRMED = "confirmed"
    POSTPONED = "postponed"
    CANCELLED = "cancelled"
    HELD = "held"


class Mode(StrEnum):
    """How people can attend."""

    ONLINE = "online"
    IN_PERSON = "in_person"
    HYBRID = "hybrid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event as of one revision. Datetimes are aware, in UTC; ``time_zone`` is the zone it is announced in.

    ``join_url`` goes to people in mails and to coordinators, never to the public. ``last_starts_at`` and
    ``last_ends_at`` are the date that a postponed event had. ``internal_note`` is for coordinators. ``form`` is the
    slug of the form by which people register. An ``internal`` event is the system's own, such as the canary's: people
    can register for it as for any other, but it is in no programme, no feed and no number.

    Raises:
        RulesBroken: on construction, with every rule that does not hold.
    """

    id: str
    kind: EventKind
    title: Text
    status: EventStatus
    mode: Mode
    time_zone: str
    summary: Text = NO_TEXT
    series: str | None = None
    series_number: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    city: str | None = None
    place: str | None = None
    join_url: str | None = None
    asked_groups: tuple[str, ...] = ()
    revision: int = 1
    last_starts_at: datetime | None = None
    last_ends_at: datetime | None = None
    internal_note: str = ""
    form: str | None = None
    internal: bool = False

    def __post_init__(self) -> None:
        enforce((*_naming(self), *_timing(self), *_placing(self), *_asking(self)))


def _naming(event: Event) -> Iterator[BrokenRule | None]:
    yield slug_rule("id", event.id)
    yield content_rule("title", event.title, least=1, most=200)
    yield content_rule("summary", event.summary, least=0, most=2000)
    yield text_rule("internal_note", event.internal_note, least=0, most=2000)
    yield number_rule("revision", event.revision, least=1)
    if event.form is not None:
        yield slug_rule("form", event.form)
    if event.series is not None:
        yield slug_rule("series", event.series)
    if event.series_number is not None:
        yield number_rule("series_number", event.series_number, least=1)
        if event.series is None:
            yield BrokenRule("series_number", "number-without-series", "needs a series to be a number of")


def _timing(event: Event) -> Iterator[BrokenRule | None]:
    if not is_zone(event.time_zone):
        yield BrokenRule("time_zone", "unknown-time-zone", "must be an IANA time zone such as Europe/Zurich")
    yield _span(event.starts_at, event.ends_at, "starts_at", "ends_at")
    yield _span(event.last_starts_at, event.last_ends_at, "last_starts_at", "last_ends_at")
    undated = event.starts_at is None and event.ends_at is None
    if undated and event.status not in (EventStatus.DRAFT, EventStatus.POSTPONED):
        yield BrokenRule("starts_at", "date-required", f"is required: a {event.status} event has a date")
    if not undated and event.status is EventStatus.POSTPONED:
        yield BrokenRule("starts_at", "postponed-with-date", "must be empty: a postponed event has no date")


def _span(start: datetime | None, end: datetime | None, first: str, second: str) -> BrokenRule | None:
    """Both datetimes or neither, aware, in usable years, in order."""
    if start is None and end is None:
        return None
    if start is None or end is None:
        return BrokenRule(second if end is None else first, "half-a-date", "is required: a date has a start and an end")
    if start.tzinfo is None or end.tzinfo is None:
        return BrokenRule(first if start.tzinfo is None else second, "time-without-zone", "must have a time zone")
    for name, year in ((first, start.year), (second, end.year)):
        if not FIRST_YEAR <= year <= LAST_YEAR:
            return BrokenRule(name, "year", f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")
    return None if start < end else BrokenRule(second, "ends-before-start", "must be later than the start")


def _placing(event: Event) -> Iterator[BrokenRule | None]:
    for field, value in (("city", event.city), ("place", event.place)):
        if value is not None:
            yield text_rule(field, value, least=1, most=200)
    if event.mode is not Mode.ONLINE and event.city is None and event.status is not EventStatus.DRAFT:
        yield BrokenRule("city", "city-required", "is required: people come in person")
    if event.join_url is not None and not is_web_address(event.join_url):
        yield BrokenRule("join_url", "not-a-web-address", "must begin with https://, at most 500 characters")


def is_web_address(text: str) -> bool:
    """An https address without blanks or control characters."""
    if len(text) > 500 or not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme == "https" and bool(parts.hostname)
    except ValueError:
        return False


def _asking(event: Event) -> Iterator[BrokenRule | None]:
    groups = event.asked_groups
    if len(set(groups)) != len(groups):
        yield BrokenRule("asked_groups", "group-asked-twice", "must name each working group once")
    if groups == (EVERY_GROUP,):
        return
    if EVERY_GROUP in groups:
        yield BrokenRule("asked_groups", "every-group-and-some", 'must be "*" alone or name the groups')
    yield from (slug_rule("asked_groups", group) for group in groups if group != EVERY_GROUP)


def visible_difference(old: Event, new: Event) -> tuple[str, ...]:
    """The names of the fields in which a participant would see ``new`` differ from ``old``.

    Participants see no draft, so two drafts never differ.
    """
    if old.status is EventStatus.DRAFT and new.status is EventStatus.DRAFT:
        return ()
    return tuple(name for name in VISIBLE if getattr(old, name) != getattr(new, name))


def state_tag(event: Event) -> str:
    """A fingerprint of all fields of ``event``, also of those that raise no revision: drafts and internal notes.

    It begins with the revision, for people who read it.
    """
    parts = [part.astimezone(UTC) if isinstance(part, datetime) else part for part in astuple(event)]
    return f"{event.revision}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:12]}"


def revise(old: Event, new: Event) -> Event:
    """``new`` with its revision: one above ``old``'s if a participant would see a difference, else the same.

    Raises:
        DomainError: ``other-event``, the two are not the same event.
    """
    if old.id != new.id:
        raise DomainError("other-event", f"{new.id} is not a revision of {old.id}")
    return replace(new, revision=old.revision + (1 if visible_difference(old, new) else 0))


@dataclass(frozen=True, slots=True)
class EventChange:
    """One change at one time (aware). ``id`` is a UUID (text), ``revision`` the event's after it.

    ``resource_id`` names the resource, if it was about one; ``changed_by`` is the name of the key or the program.
    ``notice`` is the id of the mails about it; None if it causes none.
    """

    id: str
    event_id: str
    revision: int
    action: str
    resource_id: str | None
    fields: tuple[str, ...]
    changed_by: str
    changed_at: datetime
    notice: str | None = None


def changed_fields(old: Any, new: Any) -> tuple[str, ...]:
    """Return the names of the fields in which two dataclass values differ; none if there was no ``old``."""
    if old is None:
        return ()
    names = (field.name for field in fields(new) if field.name not in FOLLOWING)
    return tuple(name for name in names if getattr(old, name) != getattr(new, name))


@dataclass(frozen=True, slots=True)
class EventNote:
    """One note. ``id`` is a UUID (text), ``written_by`` the name of a key, ``written_at`` aware.

    Raises:
        RulesBroken: on construction, with every rule that does not hold.
    """

    id: str
    event_id: str
    words: str
    written_by: str
    written_at: datetime

    def __post_init__(self) -> None:
        enforce(
            (slug_rule("event_id", self.event_id), text_rule("words", self.words, least=1, most=MAX_NOTE_CHARACTERS))
        )


OPEN_STATUSES = frozenset({EventStatus.TENTATIVE, EventStatus.CONFIRMED})


@dataclass(frozen=True, slots=True)
class Form:
    """Attributes:
    id: its slug.
    event: slug of the event that it registers for; None for none.
    open: the coordinators' switch.
    opens_at: when the form opens; None for no bound.
    closes_at: when the form closes; None for no bound.
    closes_hours_before: how long before the start of the event the guest list closes; 0 if it does not.
    open_until: ``start`` or ``end`` of the event; None for its end for those who attend online, and its start for
        others.
    """

    id: str
    revision: int
    kind: str
    event: str | None
    title: Text
    open: bool
    opens_at: datetime | None
    closes_at: datetime | None
    closes_hours_before: int
    open_until: str | None = None


def is_open(form: Form, event: Event | None, now: datetime) -> bool:
    """Whether ``form`` takes registrations at ``now``.

    Args:
        form: the form as last published.
        event: the event that the form registers for; None if there is none, or it is not known.
        now: aware.
    """
    if not form.open or (form.opens_at and now < form.opens_at) or (form.closes_at and form.closes_at <= now):
        return False
    if form.event is None:
        return True
    return event is not None and event.status in OPEN_STATUSES and not _is_too_late(form, event, now)


def _is_open_until_end(form: Form, event: Event) -> bool:
    if form.open_until is not None:
        return form.open_until == "end"
    return is_open_until_end(form.kind, online=event.mode is Mode.ONLINE)


def _is_too_late(form: Form, event: Event, now: datetime) -> bool:
    until = event.ends_at if _is_open_until_end(form, event) and event.ends_at else event.starts_at
    if until is not None and until <= now:
        return True
    if event.starts_at is None or not form.closes_hours_before:
        return False
    return event.starts_at - timedelta(hours=form.closes_hours_before) <= now
