"""Inbox: a message has its effect once, because a row with its id is stored in the effect's own transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from shared.db.engine import is_outage
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts.schemas import Message
from shared.runtime.errors import MessageFailure
from shared.runtime.failpoints import reach
from shared.runtime.logs import caused_by

Effect = Callable[[Connection, Message], None]
"""What a message does, inside the transaction it is given. Raises Retry or Poison; anything else is a bug."""


@dataclass(frozen=True, slots=True)
class BatchEffect:
    """An effect that can also be had for several messages at once, in fewer statements.

    Attributes:
        one: the effect of one message.
        many: the effects of several, as if ``one`` were called for each in order. If it raises, all it has done is
            taken back and ``one`` is called for each, so that a bad message spoils no other's effect.
    """

    one: Effect
    many: Callable[[Connection, Sequence[Message]], None]

    def __call__(self, connection: Connection, message: Message) -> None:
        """The effect of one message."""
        self.one(connection, message)


HandlingOutcome = str | MessageFailure | Exception
"""``done``, ``duplicate``, or what the effect raised."""

_ENTER = text("""
    INSERT INTO inbox (consumer, message_id)
    SELECT :consumer, unnest(CAST(:ids AS uuid[])) ON CONFLICT DO NOTHING RETURNING message_id::text
""")
_FORGET_SINCE = text("""
    DELETE FROM inbox WHERE (consumer, message_id) IN (
        SELECT consumer, message_id FROM inbox WHERE consumer = :consumer AND received_at >= :since
        LIMIT :most FOR UPDATE SKIP LOCKED)
""")
_LEAVE = text("DELETE FROM inbox WHERE consumer = :consumer AND message_id = ANY(CAST(:ids AS uuid[]))")


def apply_batch(work: UnitOfWork, consumer: str, messages: Sequence[Message], effect: Effect) -> list[HandlingOutcome]:
    """Give each message its effect once, all in one transaction, none spoiled by another.

    Nearly always all effects succeed, so they are tried behind one savepoint. If one fails, all are taken back and
    each is applied behind its own savepoint.

    Returns:
        one result a message, in order. Only ``done`` and ``duplicate`` are settled.

    Raises:
        Unavailable: the database is away; nothing was applied and all of it may be tried again.
    """
    with work.transaction() as connection:
        ids = sorted({message.id for message in messages})
        fresh = set(connection.execute(_ENTER, {"consumer": consumer, "ids": ids}).scalars())
        places = _first_places(messages, fresh)
        results: list[HandlingOutcome] = ["duplicate"] * len(messages)
        together = len(places) > 1 and _apply_together(connection, [messages[place] for place in places], effect)
        for place in places:
            results[place] = "done" if together else _apply(connection, messages[place], effect)
        failed = [m.id for m, result in zip(messages, results, strict=True) if isinstance(result, Exception)]
        if failed:
            connection.execute(_LEAVE, {"consumer": consumer, "ids": failed})
        reach("inbox.applied")
    reach("inbox.committed")
    return results


def forget_since(connection: Connection, consumer: str, since: datetime, most: int) -> int:
    """Delete up to ``most`` rows of messages received at or after ``since``, whose effect may be had again."""
    return connection.execute(_FORGET_SINCE, {"consumer": consumer, "since": since, "most": most}).rowcount


def _first_places(messages: Sequence[Message], fresh: set[str]) -> list[int]:
    """Where in ``messages`` each fresh id occurs first."""
    left, places = set(fresh), []
    for place, message in enumerate(messages):
        if message.id in left:
            left.discard(message.id)
            places.append(place)
    return places


def _apply_together(connection: Connection, messages: Sequence[Message], effect: Effect) -> bool:
    """All of them behind one savepoint; whether that went well. Which one is bad is found one by one afterwards."""
    try:
        with connection.begin_nested():
            if isinstance(effect, BatchEffect):
                effect.many(connection, messages)
            else:
                for message in messages:
                    with caused_by(message.correlation_id, message.traceparent):
                        effect(connection, message)
    except Exception as error:
        if is_outage(error):
            raise
        return False
    return True


def _apply(connection: Connection, message: Message, effect: Effect) -> HandlingOutcome:
    """The message boundary: any exception of a handler is this message's own fault, except a lost database."""
    try:
        with connection.begin_nested(), caused_by(message.correlation_id, message.traceparent):
            effect(connection, message)
    except Exception as error:
        if is_outage(error):
            raise
        return error
    return "done"
