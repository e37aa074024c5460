"""Changes or discards a bulletin that has not been sent, by somebody who has seen what it holds now."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from services.notifications.domain.bulletin import SCHEDULED, Texts, check_texts
from services.notifications.domain.segment import Segment, normal
from services.notifications.store.bulletins import (
    Bulletin,
    change_bulletin,
    discard_bulletin,
    lock_bulletin,
    read_bulletin,
)
from services.notifications.usecases.write_bulletin import found
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork

ANY = "*"
"""In place of a revision: whatever it is."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Who changes which draft: ``who`` holds the key, ``seen`` are the revisions they have seen, or ``ANY``."""

    who: str
    bulletin_id: str
    seen: Collection[str]


def change_draft(
    work: UnitOfWork,
    clock: Clock,
    writer: Writer,
    segment: Segment | None = None,
    texts: Texts | None = None,
) -> Bulletin:
    """Give a draft another segment, other texts or both; the same again changes nothing, not even the revision.

    Args:
        work: on the service's database.
        clock: of the project.
        writer: of which draft.
        segment: whom it is for from now on; None leaves it.
        texts: all its texts from now on; None leaves them.

    Raises:
        DomainError: ``not-found``, ``already-sent``, ``changed-meanwhile``, ``bulletin-invalid``.
        Unavailable: the database is away; nothing is stored.
    """
    with work.transaction() as connection:
        draft = _draft(connection, writer)
        segment = normal(draft.segment if segment is None else segment)
        texts = draft.texts if texts is None else texts
        check_texts(texts)
        if (segment, texts) != (draft.segment, draft.texts):
            change_bulletin(connection, writer.bulletin_id, segment, texts)
            _note(connection, clock, writer, "bulletin-changed", {"revision": draft.revision + 1})
        return found(read_bulletin(connection, writer.bulletin_id))


def discard_draft(work: UnitOfWork, clock: Clock, writer: Writer) -> None:
    """Delete a draft.

    Args:
        work: on the service's database.
        clock: of the project.
        writer: of which draft.

    Raises:
        DomainError: ``not-found``, ``already-sent``, ``changed-meanwhile``.
        Unavailable: the database is away; it is still there.
    """
    with work.transaction() as connection:
        draft = _draft(connection, writer)
        discard_bulletin(connection, writer.bulletin_id)
        _note(connection, clock, writer, "bulletin-discarded", {"number": draft.number})


def _note(connection: Connection, clock: Clock, writer: Writer, deed: str, detail: Mapping[str, int]) -> None:
    note_deed(connection, Deed(writer.who, deed, "bulletin", writer.bulletin_id, detail), clock())


def _draft(connection: Connection, writer: Writer) -> Bulletin:
    """The draft, locked: it is neither sent nor changed by others until the transaction ends."""
    bulletin = found(lock_bulletin(connection, writer.bulletin_id))
    if bulletin.sent_at is not None:
        raise DomainError("already-sent", "this bulletin has been sent")
    if bulletin.state == SCHEDULED:
        raise DomainError("scheduled", "this bulletin is scheduled: cancel that first")
    if ANY not in writer.seen and str(bulletin.revision) not in writer.seen:
        raise DomainError("changed-meanwhile", "this draft was changed after you read it")
    return bulletin
