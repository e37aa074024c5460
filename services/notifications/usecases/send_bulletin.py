"""Sends what somebody has previewed: if the draft or its people are others by now, somebody has to look again."""

from services.notifications.store.announcements import NewAnnouncement, add_announcement
from services.notifications.store.bulletins import Bulletin, lock_bulletin, mark_sent, read_bulletin
from services.notifications.usecases.write_bulletin import audience_of, found, mark_of
from shared.core.clock import Clock
from shared.core.context import correlation_id
from shared.core.errors import DomainError
from shared.core.ids import new_id
from shared.store.unit_of_work import UnitOfWork


def send_bulletin(work: UnitOfWork, clock: Clock, bulletin_id: str, expected: int, mark: str) -> Bulletin:
    """Put a bulletin on its way, once.

    Args:
        work: on the service's database.
        clock: of the project.
        bulletin_id: of a draft.
        expected: people that the sender has seen counted.
        mark: of the preview that the sender has read.

    Raises:
        DomainError: ``not-found``; ``already-sent``; ``audience-changed``: it is for another number of people by now;
            ``nobody``: it is for none; ``preview-outdated``: its content, or who they are, has changed since.
        Unavailable: the database is away; nothing is sent.
    """
    with work.transaction() as connection:
        now, bulletin = clock(), found(lock_bulletin(connection, bulletin_id))
        if bulletin.sent_at is not None:
            raise DomainError("already-sent", "this bulletin has been sent")
        audience = audience_of(connection, bulletin)
        if audience.people != expected:
            raise DomainError("audience-changed", f"it would go to {audience.people} people by now, not to {expected}")
        if audience.people == 0:
            raise DomainError("nobody", "there is nobody to send it to")
        if mark != mark_of(bulletin, audience):
            raise DomainError("preview-outdated", "the draft or its people have changed since it was previewed")
        mark_sent(connection, bulletin_id, audience.people, now)
        new = NewAnnouncement(new_id(), "bulletin", None, bulletin.number, {}, now, now, correlation_id())
        add_announcement(connection, new)
        return found(read_bulletin(connection, bulletin_id))
