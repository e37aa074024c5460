"""Changes or discards a bulletin that has not been sent, by somebody who has seen what it holds now."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from services.notifications.domain.bulletin import check_bulletin
from services.notifications.store.bulletins import (
    Bulletin,
    change_bulletin,
    discard_bulletin,
    lock_bulletin,
    read_bulletin,
)
from services.notifications.usecases.write_bulletin import found
from shared.core.errors import DomainError
from shared.store.unit_of_work import UnitOfWork

ANY = "*"
"""In place of a revision: whatever it is."""

Texts = Mapping[str, Mapping[str, str]]


def change_draft(
    work: UnitOfWork,
    bulletin_id: str,
    seen: Collection[str],
    segment: Mapping[str, str] | None = None,
    texts: Texts | None = None,
) -> Bulletin:
    """Give a draft another segment, other texts or both; the same again changes nothing, not even the revision.

    Args:
        work: on the service's database.
        bulletin_id: of a draft.
        seen: revisions that the writer has seen, or ``ANY``.
        segment: whom it is for from now on; None leaves it.
        texts: all its texts from now on; None leaves them.

    Raises:
        DomainError: ``not-found``, ``already-sent``, ``changed-meanwhile``, ``bulletin-invalid``.
        Unavailable: the database is away; nothing is stored.
    """
    with work.transaction() as connection:
        draft = _draft(connection, bulletin_id, seen)
        segment = draft.segment if segment is None else segment
        texts = draft.texts if texts is None else texts
        check_bulletin(segment, texts)
        if (segment, texts) != (draft.segment, draft.texts):
            change_bulletin(connection, bulletin_id, segment, texts)
        return found(read_bulletin(connection, bulletin_id))


def discard_draft(work: UnitOfWork, bulletin_id: str, seen: Collection[str]) -> None:
    """Delete a draft.

    Args:
        work: on the service's database.
        bulletin_id: of a draft.
        seen: revisions that the writer has seen, or ``ANY``.

    Raises:
        DomainError: ``not-found``, ``already-sent``, ``changed-meanwhile``.
        Unavailable: the database is away; it is still there.
    """
    with work.transaction() as connection:
        _draft(connection, bulletin_id, seen)
        discard_bulletin(connection, bulletin_id)


def _draft(connection: Connection, bulletin_id: str, seen: Collection[str]) -> Bulletin:
    """The draft, locked: it is neither sent nor changed by others until the transaction ends."""
    bulletin = found(lock_bulletin(connection, bulletin_id))
    if bulletin.sent_at is not None:
        raise DomainError("already-sent", "this bulletin has been sent")
    if ANY not in seen and str(bulletin.revision) not in seen:
        raise DomainError("changed-meanwhile", "somebody has changed this draft meanwhile")
    return bulletin
