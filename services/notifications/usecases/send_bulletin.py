"""Sends a bulletin to the people who were counted: if there are others by now, somebody has to look again."""

from services.notifications.store.announcements import NewAnnouncement, add_announcement
from services.notifications.store.audience import count_by_language
from services.notifications.store.bulletins import Bulletin, lock_bulletin, mark_sent, read_bulletin
from services.notifications.usecases.write_bulletin import found
from shared.core.clock import Clock
from shared.core.context import correlation_id
from shared.core.errors import DomainError
from shared.core.ids import new_id
from shared.store.unit_of_work import UnitOfWork


def send_bulletin(work: UnitOfWork, clock: Clock, bulletin_id: str, expected: int) -> Bulletin:
    """Put a bulletin on its way, once.

    Args:
        work: on the service's database.
        clock: of the project.
        bulletin_id: of a draft.
        expected: people that the sender has seen counted.

    Raises:
        DomainError: ``not-found``; ``already-sent``; ``audience-changed``: it is for another number of people by now;
            ``nobody``: it is for none.
        Unavailable: the database is away; nothing is sent.
    """
    with work.transaction() as connection:
        now, bulletin = clock(), found(lock_bulletin(connection, bulletin_id))
        if bulletin.sent_at is not None:
            raise DomainError("already-sent", "this bulletin has been sent")
        counted = count_by_language(connection, {**bulletin.segment, "wants_bulletins": True})
        audience = sum(counted.values())
        if audience != expected:
            raise DomainError("audience-changed", f"it would go to {audience} people by now, not to {expected}")
        if audience == 0:
            raise DomainError("nobody", "there is nobody to send it to")
        mark_sent(connection, bulletin_id, audience, now)
        new = NewAnnouncement(new_id(), "bulletin", None, bulletin.number, {}, now, now, correlation_id())
        add_announcement(connection, new)
        return found(read_bulletin(connection, bulletin_id))
