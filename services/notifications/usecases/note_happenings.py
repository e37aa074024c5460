"""Queues what partners are told, in the transaction of the message that it comes from: told once, or not lost."""

from collections.abc import Sequence

from sqlalchemy import Connection

from services.notifications.domain.webhook import HAPPENINGS
from services.notifications.store.deliveries import Happening, queue
from services.notifications.usecases.note_subject import Told
from shared.core.clock import Clock


def note_happenings(connection: Connection, clock: Clock, told: Sequence[Told]) -> None:
    """Queue a call to each address of each partner whose registration was confirmed or cancelled.

    Args:
        connection: of the messages' own transaction.
        clock: of the project.
        told: by the messages. What came through no partner, or is no affair of partners, asks no database.
    """
    happenings = [happening for happening in map(_happening, told) if happening is not None]
    if happenings:
        queue(connection, happenings, clock())


def _happening(told: Told) -> Happening | None:
    entry, kind = told.entry, HAPPENINGS.get(told.kind)
    if kind is None or entry.partner is None or entry.form is None:
        return None
    about = (entry.partner, entry.subject, told.number, entry.form, entry.status, entry.occurred_at)
    return Happening(kind, *about, told.traceparent)
