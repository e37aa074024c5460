"""What stands around events: series, working groups, consultations."""

from dataclasses import dataclass
from enum import StrEnum

from services.events.domain.rules import BrokenRule, content_rule, enforce, number_rule, slug_rule, text_rule
from shared.i18n.content import NO_TEXT, Text


class HostKind(StrEnum):
    """Whom a consultation was held with."""

    EMBASSY = "embassy"
    PERMANENT_MISSION = "permanent_mission"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Events that belong together and are numbered. ``began_in`` is a year.

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

    Raises:
        RulesBroken: on construction, with every rule that does not hold.
    """

    id: str
    title: Text
    summary: Text = NO_TEXT
    revision: int = 1

    def __post_init__(self) -> None:
        enforce(
            (
                slug_rule("id", self.id),
                content_rule("title", self.title, least=1, most=200),
                content_rule("summary", self.summary, least=0, most=2000),
                number_rule("revision", self.revision, least=1),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Consultation:
    """A round of presentations to embassies or missions in one city.

    ``hosts`` counts those that were visited, ``presentations`` what was presented to them; ``within_days`` is how
    many days the round took, if known.

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

    def __post_init__(self) -> None:
        each_got_one = self.presentations >= self.hosts
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
            )
        )
