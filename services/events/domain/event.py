"""An event: something people attend. A value that exists keeps its rules; ``lifecycle`` changes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from services.events.domain.local_time import is_zone
from services.events.domain.rules import BrokenRule, content_rule, enforce, number_rule, slug_rule, text_rule
from shared.i18n.content import NO_TEXT, Text

EVERY_GROUP = "*"
"""Stands alone in ``asked_groups``: all working groups are asked, also those that are founded later."""


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
    """An event as of one revision. Moments are aware, in UTC; ``time_zone`` is the zone it is announced in.

    ``join_url`` goes to people in mails and to coordinators, never to the public. ``last_starts_at`` and
    ``last_ends_at`` are the date that a postponed event had. ``internal_note`` is for coordinators. ``form`` is the
    slug of the form by which people register. An ``internal`` event is the system's own, such as the canary's: people
    can register for it as for any other, but it stands in no programme, no feed and no number.

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
    """Both moments or neither, aware, in order."""
    if start is None and end is None:
        return None
    if start is None or end is None:
        return BrokenRule(second if end is None else first, "half-a-date", "is required: a date has a start and an end")
    if start.tzinfo is None or end.tzinfo is None:
        return BrokenRule(first if start.tzinfo is None else second, "time-without-zone", "must have a time zone")
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
