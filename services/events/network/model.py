"""Series, working groups and contacts with them, consultations, hotel blocks and resources. Pure."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from services.events.event.model import is_web_address
from services.events.rules import BrokenRule, content_rule, enforce, number_rule, slug_rule, text_rule
from shared.i18n.languages import NO_TEXT, Text

MAX_NIGHTS = 60
"""Of one line of an allotment."""
MAX_ALLOTMENTS = 50


class HostKind(StrEnum):
    """Whom a consultation was held with."""

    EMBASSY = "embassy"
    PERMANENT_MISSION = "permanent_mission"


class ContactKind(StrEnum):
    """How coordinators were in contact with a group, apart from bulletins."""

    PHONE = "phone"
    MEETING = "meeting"
    MAIL = "mail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Numbered events that belong together. ``began_in`` is a year.

    Raises:
        RulesBroken: on construction, with every rule that does not hold.
    """

    id: str
    title: Text
    summary: Text = NO_TEXT
    began_in: int | None = None
    revision: int = 1

    def __post_init__(self) -> None:
        enforce(
            (
                slug_rule("id", self.id),
                content_rule("title", self.title, least=1, most=200),
                content_rule("summary", self.summary, least=0, most=2000),
                None if self.began_in is None else number_rule("began_in", self.began_in, least=1945),
                number_rule("revision", self.revision, least=1),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingGroup:
    """People who work on one issue; ``summary`` describes the issue.

    ``contact`` is how to reach the group, for coordinators. A group that is not ``active`` is closed: events do not
    invite it, and it is not reported as a group without contact.

    Raises:
        RulesBroken: on construction, with every rule that does not hold.
    """

    id: str
    title: Text
    summary: Text = NO_TEXT
    contact: str = ""
    active: bool = True
    revision: int = 1

    def __post_init__(self) -> None:
        enforce(
            (
                slug_rule("id", self.id),
                content_rule("title", self.title, least=1, most=200),
                content_rule("summary", self.summary, least=0, most=2000),
                text_rule("contact", self.contact, least=0, most=500),
                number_rule("revision", self.revision, least=1),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupContact:
    """A call, a meeting or a mail with a working group on one day. ``summary`` is its subject.

    Raises:
        RulesBroken: on construction, with every rule that does not hold.
    """

    id: str
    working_group: str
    kind: ContactKind
    held_on: date
    summary: str = ""
    recorded_by: str = ""
    revision: int = 1

    def __post_init__(self) -> None:
        enforce(
            (
                slug_rule("id", self.id),
                slug_rule("working_group", self.working_group),
                text_rule("summary", self.summary, least=0, most=2000),
                number_rule("revision", self.revision, least=1),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Consultation:
    """Presentations to one embassy or mission (``host``), or a round of them in one city.

    ``hosts`` counts the hosts visited, ``presentations`` the presentations to them; ``within_days`` is how
    many days the round took, if known. ``presented_by`` names who presented, ``outcome`` is the result.

    Raises:
        RulesBroken: on construction, with every rule that does not hold.
    """

    id: str
    title: str
    city: str
    host_kind: HostKind
    hosts: int
    presentations: int
    within_days: int | None = None
    summary: str = ""
    host: str | None = None
    held_on: date | None = None
    working_group: str | None = None
    presented_by: str = ""
    outcome: str = ""
    recorded_by: str = ""
    revision: int = 1

    def __post_init__(self) -> None:
        each_got_one = self.presentations >= self.hosts
        one_is_named = self.host is not None
        enforce(
            (
                slug_rule("id", self.id),
                text_rule("title", self.title, least=1, most=200),
                text_rule("city", self.city, least=1, most=200),
                text_rule("summary", self.summary, least=0, most=2000),
                number_rule("hosts", self.hosts, least=1),
                None if self.within_days is None else number_rule("within_days", self.within_days, least=1),
                None
                if each_got_one
                else BrokenRule("presentations", "fewer-than-hosts", "must be at least as many as hosts"),
                text_rule("host", self.host, least=1, most=200) if self.host is not None else None,
                BrokenRule("hosts", "one-is-named", "must be 1 where a single embassy or mission is named")
                if one_is_named and self.hosts != 1
                else None,
                None if self.working_group is None else slug_rule("working_group", self.working_group),
                text_rule("presented_by", self.presented_by, least=0, most=500),
                text_rule("outcome", self.outcome, least=0, most=2000),
                number_rule("revision", self.revision, least=1),
            )
        )


@dataclass(frozen=True, slots=True)
class ConsultationTotal:
    """Totals of the consultations with one kind of host."""

    host_kind: HostKind
    hosts: int
    presentations: int


def consultation_totals(consultations: Iterable[Consultation]) -> Iterable[ConsultationTotal]:
    """How many hosts and presentations there were, for each kind of host that had any.

    A host that is named counts once, however often it was visited.
    """
    rounds = list(consultations)
    for kind in HostKind:
        of_kind = [consultation for consultation in rounds if consultation.host_kind is kind]
        if of_kind:
            named = {
                (consultation.host, consultation.city) for consultation in of_kind if consultation.host is not None
            }
            hosts = len(named) + sum(consultation.hosts for consultation in of_kind if consultation.host is None)
            yield ConsultationTotal(kind, hosts, sum(consultation.presentations for consultation in of_kind))


class RoomKind(StrEnum):
    """For how many people a hotel room is."""

    SINGLE = "single"
    DOUBLE = "double"
    TWIN = "twin"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class Allotment:
    """``rooms`` of one kind for each night from ``first_night`` to ``last_night``, both included.

    Raises:
        RulesBroken: on construction: nights in the wrong order, too many of them, or no room.
    """

    kind: RoomKind
    rooms: int
    first_night: date
    last_night: date

    def __post_init__(self) -> None:
        nights = (self.last_night - self.first_night).days + 1
        enforce(
            (
                number_rule("rooms", self.rooms, least=1),
                None
                if 1 <= nights <= MAX_NIGHTS
                else BrokenRule("last_night", "nights", f"must be 1 to {MAX_NIGHTS} nights, the first one first"),
            )
        )

    def nights(self) -> Iterator[date]:
        """Each night, by the day on which it begins."""
        for number in range((self.last_night - self.first_night).days + 1):
            yield self.first_night + timedelta(days=number)


@dataclass(frozen=True, slots=True, kw_only=True)
class HotelBlock:
    """Rooms in one hotel. ``book_until`` is the last day in the hotel's own zone; ``note`` is for coordinators.

    ``rooms`` is the most rooms in one night; ``allotments`` give them by kind and night.

    Raises:
        RulesBroken: on construction, with every rule that does not hold.
    """

    id: str
    name: str
    city: str
    rooms: int
    url: str | None = None
    booking_code: str | None = None
    book_until: date | None = None
    note: str = ""
    allotments: tuple[Allotment, ...] = ()
    revision: int = 1

    def __post_init__(self) -> None:
        wrong_url = self.url is not None and not is_web_address(self.url)
        code = self.booking_code
        enforce(
            (
                slug_rule("id", self.id),
                text_rule("name", self.name, least=1, most=200),
                text_rule("city", self.city, least=1, most=200),
                text_rule("note", self.note, least=0, most=2000),
                number_rule("rooms", self.rooms, least=1),
                None if code is None else text_rule("booking_code", code, least=1, most=80),
                BrokenRule("url", "not-a-web-address", "must begin with https://") if wrong_url else None,
                number_rule("revision", self.revision, least=1),
                *_wrong_allotments(self),
            )
        )


def _wrong_allotments(block: HotelBlock) -> Iterator[BrokenRule]:
    if len(block.allotments) > MAX_ALLOTMENTS:
        yield BrokenRule("allotments", "too-many", f"must be at most {MAX_ALLOTMENTS} lines")
        return
    nights = rooms_by_night([block])
    fullest = max(nights, key=lambda night: sum(nights[night].values()), default=None)
    if fullest is not None and sum(nights[fullest].values()) > block.rooms:
        most = f"must not be more than the {block.rooms} rooms of the block in one night, as on {fullest}"
        yield BrokenRule("allotments", "more-than-rooms", most)


def rooms_by_night(blocks: Iterable[HotelBlock]) -> Mapping[date, Mapping[RoomKind, int]]:
    """How many rooms of each kind there are in each night, in order of nights."""
    found: dict[date, Counter[RoomKind]] = {}
    for block in blocks:
        for allotment in block.allotments:
            for night in allotment.nights():
                found.setdefault(night, Counter())[allotment.kind] += allotment.rooms
    return dict(sorted(found.items()))


class ResourceKind(StrEnum):
    """Kind of a resource."""

    RECORDING = "recording"
    SLIDES = "slides"
    BRIEF = "brief"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource as of one revision. ``url`` is https, ``language`` BCP 47.

    ``published``: the public sees it; ``announced``: its publication was announced, which happens once.

    Raises:
        RulesBroken: on construction, with every rule that does not hold.
    """

    id: str
    kind: ResourceKind
    title: Text
    url: str
    language: str = "en"
    event: str | None = None
    series: str | None = None
    city: str | None = None
    published: bool = False
    announced: bool = False
    revision: int = 1

    def __post_init__(self) -> None:
        enforce(_rules(self))

    @property
    def attached_to(self) -> tuple[str, ...]:
        """Ids of the event and the series on whose pages it is; empty if it belongs to a city only."""
        return tuple(name for name in (self.event, self.series) if name is not None)


def _rules(resource: Resource) -> Iterator[BrokenRule | None]:
    yield slug_rule("id", resource.id)
    yield content_rule("title", resource.title, least=1, most=200)
    yield text_rule("language", resource.language, least=2, most=35)
    yield number_rule("revision", resource.revision, least=1)
    if not is_web_address(resource.url):
        yield BrokenRule("url", "not-a-web-address", "must begin with https://, at most 500 characters")
    for field, name in (("event", resource.event), ("series", resource.series)):
        if name is not None:
            yield slug_rule(field, name)
    if resource.city is not None:
        yield text_rule("city", resource.city, least=1, most=200)
    if resource.event is resource.series is resource.city is None:
        yield BrokenRule("event", "belongs-to-nothing", "or series or city is required: what it belongs to")


def merge_resource(old: Resource | None, new: Resource) -> Resource:
    """The resource to store when ``new`` is wanted and ``old`` is known. The revision rises with every difference."""
    if old is None:
        return replace(with_announced(None, new), revision=1)
    known = replace(with_announced(old, new), revision=old.revision)
    return old if known == old else replace(known, revision=old.revision + 1)


def with_announced(old: Resource | None, new: Resource) -> Resource:
    """``new`` with whether it was ever announced."""
    return replace(new, announced=new.published or (old is not None and old.announced))


def announces(old: Resource | None, new: Resource) -> bool:
    """Whether ``new`` is the first publication of a resource: what was announced once is not announced again."""
    return new.published and not (old is not None and old.announced)


def resource_tag(resource: Resource) -> str:
    """Short fingerprint of all values in ``resource``."""
    return f"{resource.revision}-{hashlib.sha256(repr(astuple(resource)).encode()).hexdigest()[:12]}"
