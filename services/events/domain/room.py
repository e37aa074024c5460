"""A room in which side events can be."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.events.domain.local_time import is_zone
from services.events.domain.rules import BrokenRule, content_rule, enforce, number_rule, slug_rule, text_rule
from services.events.domain.schedule import Span, merged
from shared.i18n.content import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A room: how many people it holds and when it is ours; where it is, and what is in it.

    ``open`` is kept in order and as few spans as can be, so that a slot over the seam of two windows fits.

    Raises:
        RulesBroken: on construction, with every rule that does not hold.
    """

    id: str
    title: Text
    city: str
    capacity: int
    time_zone: str
    open: tuple[Span, ...]
    address: str = ""
    equipment: str = ""
    revision: int = 1

    def __post_init__(self) -> None:
        enforce(_rules(self))
        object.__setattr__(self, "open", merged(self.open))

    def is_open(self, span: Span) -> bool:
        """Whether the room is ours during the whole of ``span``."""
        return any(window.covers(span) for window in self.open)


def _rules(room: Room) -> Iterator[BrokenRule | None]:
    yield slug_rule("id", room.id)
    yield content_rule("title", room.title, least=1, most=200)
    yield text_rule("city", room.city, least=1, most=200)
    yield number_rule("capacity", room.capacity, least=1)
    yield text_rule("address", room.address, least=0, most=500)
    yield text_rule("equipment", room.equipment, least=0, most=500)
    yield number_rule("revision", room.revision, least=1)
    if not is_zone(room.time_zone):
        yield BrokenRule("time_zone", "unknown-time-zone", "must be an IANA time zone such as Europe/Zurich")
    if not room.open:
        yield BrokenRule("open", "never-open", "must have at least one time at which the room is available")
