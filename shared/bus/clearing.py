"""Parked copies of messages about people who were erased: they are dropped, whatever they were parked for.

A consumer may read what it has parked itself, and nothing else. What still waits on a work queue or in a retry tier
need not be looked for: it is taken in, and the tombstone lets it do nothing.
"""

import json
import logging
import re
import time
from collections.abc import Callable, Sequence

from shared.bus.address import BusAddress
from shared.bus.parked import ParkedMessage, drop, list_parked
from shared.core.errors import Unavailable

log = logging.getLogger(__name__)

EVERY_S = 300.0
MOST = 1000
"""Messages of one look at a queue: it is done in the consumer's loop, which must not stand still for long."""

Erased = Callable[[Sequence[str]], set[str]]
"""Which of these subjects (UUID texts) were erased."""

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def nothing() -> None:
    """The chore of whoever hears of nobody."""


class Clearing:
    """Drops them every few minutes.

    Args:
        address: of the bus.
        queues: whose parked copies are looked at.
        erased: asked for all subjects that are found.
        monotonic: seconds that no change of the machine's time touches.
    """

    def __init__(
        self,
        address: BusAddress,
        queues: Sequence[str],
        erased: Erased,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address, self._queues, self._erased, self._monotonic = address, queues, erased, monotonic
        self._due_at_s = monotonic() + EVERY_S

    def turn(self) -> None:
        """Do what is due, which is mostly nothing. If bus or database are away it is done the next time."""
        if self._monotonic() < self._due_at_s:
            return
        self._due_at_s = self._monotonic() + EVERY_S
        try:
            dropped = drop_erased(self._address, self._queues, self._erased)
        except Unavailable as error:
            log.warning("parked copies could not be looked at", extra={"reason": error.reason})
            return
        if dropped:
            log.info("parked copies about erased people dropped", extra={"count": dropped})


def drop_erased(address: BusAddress, queues: Sequence[str], erased: Erased) -> int:
    """Drop what is parked for ``queues`` about erased subjects; returns how many it was.

    Raises:
        Unavailable: the bus or the database is away; look again later.
    """
    return sum([_drop_from(address, queue, erased) for queue in queues])


def _drop_from(address: BusAddress, queue: str, erased: Erased) -> int:
    named = {subject for message in list_parked(address, queue, MOST) for subject in subjects_in(message)}
    gone = erased(sorted(named)) if named else set()
    return drop(address, queue, lambda message: not gone.isdisjoint(subjects_in(message)), most=MOST) if gone else 0


def subjects_in(message: ParkedMessage) -> set[str]:
    """Whom a message is about; of one that nobody can read every id that stands in it."""
    try:
        subject = json.loads(message.body).get("subject")
    except (ValueError, AttributeError):
        subject = None
    text = subject if isinstance(subject, str) else message.body.decode("utf-8", "replace")
    return {found.lower() for found in _ID.findall(text)}
