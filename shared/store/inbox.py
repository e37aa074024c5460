"""The inbox: a message has its effect once, because a row with its id is stored in the effect's own transaction."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from shared.contracts.envelope import Message
from shared.core.errors import MessageFailure
from shared.core.failpoints import reach
from shared.core.ids import first_id_of
from shared.store.engine import is_outage
from shared.store.unit_of_work import UnitOfWork

Effect = Callable[[Connection, Message], None]
"""What a message does, inside the transaction it is given. Raises Retry or Poison; anything else is a bug."""

Verdict = str | MessageFailure | Exception
"""``done``, ``duplicate``, or what the effect raised."""

_ENTER = text("""
    INSERT INTO inbox (consumer, message_id)
    SELECT :consumer, unnest(CAST(:ids AS uuid[])) ON CONFLICT DO NOTHING RETURNING message_id::text
""")
_FORGET = text("""
    DELETE FROM inbox WHERE (consumer, message_id) IN (
        SELECT consumer, message_id FROM inbox
        WHERE consumer = :consumer AND message_id < CAST(:made_before AS uuid) AND received_at < :before
        LIMIT :most FOR UPDATE SKIP LOCKED)
""")
_LEAVE = text("DELETE FROM inbox WHERE consumer = :consumer AND message_id = ANY(CAST(:ids AS uuid[]))")


def apply_batch(work: UnitOfWork, consumer: str, messages: Sequence[Message], effect: Effect) -> list[Verdict]:
    """Give each message its effect once, all in one transaction, each behind a savepoint of its own.

    Returns:
        one verdict a message, in order. Only ``done`` and ``duplicate`` are settled.

    Raises:
        Unavailable: the database is away; nothing was applied and all of it may be tried again.
    """
    with work.transaction() as connection:
        ids = sorted({message.id for message in messages})
        fresh = set(connection.execute(_ENTER, {"consumer": consumer, "ids": ids}).scalars())
        verdicts: list[Verdict] = []
        for message in messages:
            verdicts.append(_apply(connection, message, effect) if message.id in fresh else "duplicate")
            fresh.discard(message.id)
        failed = [m.id for m, verdict in zip(messages, verdicts, strict=True) if isinstance(verdict, Exception)]
        if failed:
            connection.execute(_LEAVE, {"consumer": consumer, "ids": failed})
        reach("inbox.applied")
    reach("inbox.committed")
    return verdicts


def forget_received(connection: Connection, consumer: str, before: datetime, most: int) -> int:
    """Delete up to ``most`` rows of messages that were made and received before ``before``; returns how many.

    A message's id says when it was made, and the primary key is in that order, so that this needs no index of its own.
    A message that waited for long before it was received is kept as long as any other.
    """
    made_before = first_id_of(before)
    row = {"consumer": consumer, "made_before": made_before, "before": before, "most": most}
    return connection.execute(_FORGET, row).rowcount


def _apply(connection: Connection, message: Message, effect: Effect) -> Verdict:
    """The message boundary: whatever a handler raises is this message's own fault, except a lost database."""
    try:
        with connection.begin_nested():
            effect(connection, message)
    except Exception as error:
        if is_outage(error):
            raise
        return error
    return "done"
