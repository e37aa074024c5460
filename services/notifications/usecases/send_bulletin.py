"""Sends what somebody has previewed: if the draft or its people are others by now, somebody has to look again."""

from dataclasses import dataclass

from services.notifications.store.announcements import NewAnnouncement, add_announcement
from services.notifications.store.bulletins import Bulletin, lock_bulletin, mark_sent, read_bulletin
from services.notifications.usecases.write_bulletin import audience_of, found, mark_of
from shared.core.clock import Clock
from shared.core.context import correlation_id
from shared.core.errors import DomainError
from shared.core.ids import new_id
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Sending:
    """Attributes:
    who: sends it.
    bulletin_id: of a draft.
    expected: people that they have seen counted.
    mark: of the preview that they have read.
    """

    who: str
    bulletin_id: str
    expected: int
    mark: str


def send_bulletin(work: UnitOfWork, clock: Clock, sending: Sending) -> Bulletin:
    """Put a bulletin on its way, once.

    Args:
        work: on the service's database.
        clock: of the project.
        sending: what, by whom, and what they have seen of it.

    Raises:
        DomainError: ``not-found``; ``already-sent``; ``audience-changed``: it is for another number of people by now;
            ``nobody``: it is for none; ``preview-outdated``: its content, or who they are, has changed since.
        Unavailable: the database is away; nothing is sent.
    """
    with work.transaction() as connection:
        now, bulletin = clock(), found(lock_bulletin(connection, sending.bulletin_id))
        if bulletin.sent_at is not None:
            raise DomainError("already-sent", "this bulletin has been sent")
        audience = audience_of(connection, bulletin)
        if audience.people != sending.expected:
            seen = f"it would go to {audience.people} people by now, not to {sending.expected}"
            raise DomainError("audience-changed", seen)
        if audience.people == 0:
            raise DomainError("nobody", "there is nobody to send it to")
        if sending.mark != mark_of(bulletin, audience):
            raise DomainError("preview-outdated", "the draft or its people have changed since it was previewed")
        mark_sent(connection, bulletin.id, audience.people, now)
        detail = {"number": bulletin.number, "people": audience.people}
        note_deed(connection, Deed(sending.who, "bulletin-sent", "bulletin", bulletin.id, detail), now)
        new = NewAnnouncement(new_id(), "bulletin", None, bulletin.number, {}, now, now, correlation_id())
        add_announcement(connection, new)
        return found(read_bulletin(connection, bulletin.id))
