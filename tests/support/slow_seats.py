"""Negative control: two deciders that both lead, each with a pause between reading the seats and taking them.

``locked`` leaves the lock on the seats, ``unlocked`` takes it out. No setting of the service can do this.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, text

from services.registration.intake import facts_store, queue
from services.registration.intake.facts import Facts
from tests.support.registration_service import RegistrationService

BATCH, PAUSE_S = 40, 0.05
_SHARE = text("""
    SELECT id FROM submission WHERE state = 'received' AND mod(id, 2) = :share ORDER BY id LIMIT :limit
""")


@contextmanager
def two_leaders(*, locked: bool) -> Iterator[None]:
    """Let every decider lead; each takes the submissions of its share, which is set by :func:`decide_beside`."""
    read_facts = facts_store.read_facts

    def read_slowly(*arguments: Any) -> Facts:
        facts = read_facts(*arguments)
        time.sleep(PAUSE_S)
        return facts

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue, "try_lead", lambda _connection: True)
        patch.setattr(queue, "begin_attempt", _begin)
        patch.setattr(queue, "end_attempt", lambda _connection: None)
        patch.setattr(facts_store, "read_facts", read_slowly)
        if not locked:
            patch.setattr(facts_store, "_LOCK", text("SELECT form FROM seat WHERE form = ANY(:forms)"))
        yield


def decide_beside(service: RegistrationService) -> None:
    """Run two deciders at once until the queue is empty."""
    threads = [threading.Thread(target=_decide, args=(service, share)) for share in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


_own = threading.local()


def _decide(service: RegistrationService, share: int) -> None:
    _own.share = share
    decider = service.new_decider()
    while decider.run_once():
        pass


def _begin(connection: Connection, _now: datetime, _decider: str, *, count_left_over: bool) -> list[int]:
    assert count_left_over
    found = connection.execute(_SHARE, {"share": _own.share, "limit": BATCH})
    return [number for (number,) in found]
