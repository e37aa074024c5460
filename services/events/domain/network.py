"""What stands around events: series, working groups, consultations, and contacts with a group."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.events.domain.rules import BrokenRule, content_rule, enforce, number_rule, slug_rule, text_rule
from shared.i18n.content import NO_TEXT, Text


class HostKind(StrEnum):
    """Whom a consultation was held with."""

    EMBASSY = "embassy"
    PERMANENT_MISSION = "permanent_mission"


class ContactKind(StrEnum):
    """How somebody of the centre was in contact with a group, beside the bulletins that the system sends."""

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
    """People who work on one issue; ``summary`` says what the issue takes in.

    ``contact`` is how the group itself is reached, for coordinators. A group that is not ``active`` is closed: it is
    asked to no event, and nobody is reminded that it got no mail.

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
    """A call, a meeting or a mail with a working group on one day. ``summary`` says what it was about.

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

    ``hosts`` counts those that were visited, ``presentations`` what was presented to them; ``within_days`` is how
    many days the round took, if known. ``presented_by`` says who spoke for the network, ``outcome`` what came of it.

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
