"""Names of speakers in clear, for the public programme: the process that serves it has no key.

Only the name of a speaker who agrees is in clear, and only while the side event is public. The database removes it in
the transaction that ends this: the consent is taken back, the proposal is withdrawn, erased or off the timetable, the
event is cancelled or postponed, or the encrypted list is deleted. Here names are added, by a process with the key.

A name is gone from the pages, which caches keep for a minute, as soon as it is removed. No calendar and no mail has it,
since what was copied there cannot be taken back.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping

from services.events.side_events.reading import ProposalKeys
from services.events.side_events.store import (
    PublicName,
    UnnamedSpeakers,
    read_public_names,
    select_unnamed,
    store_public_names,
)
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import Unavailable
from shared.security.sealing import Unsealable

log = logging.getLogger(__name__)

NAMED_EVERY_S = 2.0


def public_names(work: UnitOfWork, event_ids: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """The public speakers of each of these side events, by event.

    Args:
        work: the unit of work on the database of events.
        event_ids: the ids of side events; those without a named speaker are not in the answer.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return read_public_names(connection, event_ids)


class SpeakerNaming:
    """Adds names that are to be public, every few seconds; any number of processes may do so at once.

    Args:
        work: the unit of work on the database of events.
        keys: the keys of proposals, with the private keys of events.
        monotonic: seconds that no change of the machine's time touches.
    """

    def __init__(self, work: UnitOfWork, keys: ProposalKeys, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._work, self._keys, self._monotonic = work, keys, monotonic
        self._due_at_s = float("-inf")

    def run_once(self) -> None:
        """Do what is due, which is mostly nothing. If the database is down it is done the next time."""
        if self._monotonic() < self._due_at_s:
            return
        self._due_at_s = self._monotonic() + NAMED_EVERY_S
        try:
            self._add_names()
        except Unavailable as error:
            log.warning("names of speakers could not be added", extra={"reason": error.reason})

    def _add_names(self) -> None:
        with self._work.transaction() as connection:
            found = select_unnamed(connection)
        for unnamed in found:
            names = self._opened(unnamed)
            if names != unnamed.named:
                with self._work.transaction() as connection:
                    store_public_names(connection, unnamed, names)

    def _opened(self, unnamed: UnnamedSpeakers) -> tuple[PublicName, ...]:
        """The names that are to be public, in the order of the proposal; as before if no key opens the list."""
        try:
            names = self._keys.names(unnamed.encrypted, unnamed.id)
        except Unsealable:
            return unnamed.named
        return tuple(PublicName(speaker, name) for speaker, name in names.items() if speaker in unnamed.speakers)
