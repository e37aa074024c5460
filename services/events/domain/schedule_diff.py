"""A frozen, published timetable, and what differs between two of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.events.domain.schedule import Span
from shared.i18n.content import Text


@dataclass(frozen=True, slots=True)
class Entry:
    """One side event of a version, as it was published: it does not change when its room or proposal does later."""

    proposal_id: str
    event_id: str
    title: str
    working_group: str | None
    room_id: str
    room_title: Text
    city: str
    slot_id: str
    span: Span
    time_zone: str

    def same_place(self, other: "Entry") -> bool:
        """Whether people find it where and when the other says: same room, same time. A translation moves nobody."""
        own, others = str(self.room_title), str(other.room_title)
        return (self.room_id, own, self.span) == (other.room_id, others, other.span)


@dataclass(frozen=True, slots=True)
class Difference:
    """From one version to another: ids of proposals in order."""

    added: tuple[str, ...]
    moved: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]

    @property
    def told(self) -> tuple[str, ...]:
        """Whose people are told of their place."""
        return tuple(sorted((*self.added, *self.moved)))


def difference(old: Iterable[Entry], new: Iterable[Entry]) -> Difference:
    """What ``new`` changes; each proposal stands in each version at most once."""
    before = {entry.proposal_id: entry for entry in old}
    after = {entry.proposal_id: entry for entry in new}
    both = sorted(before.keys() & after.keys())
    stayed = {name for name in both if before[name].same_place(after[name])}
    return Difference(
        added=tuple(sorted(after.keys() - before.keys())),
        moved=tuple(name for name in both if name not in stayed),
        removed=tuple(sorted(before.keys() - after.keys())),
        unchanged=tuple(name for name in both if name in stayed),
    )
