"""Lets relays and consumers deliver messages while all other processes are stopped, and waits for them."""

import time

from deploy.operations.recover.comparing import compare
from deploy.operations.recover.databases import SERVICES, ComparedDatabases
from shared.db.quarantine import CHECK_EVERY_S
from shared.runtime.errors import Unavailable

EVERY_S = 1.0
_UNPUBLISHED = "SELECT count(*) FROM outbox WHERE published_at IS NULL"

MIN_S = 3 * CHECK_EVERY_S
"""Consumers start within a second.

Messages that are only at the broker are in no outbox, so nothing else waits for them.
"""
STOP_WITHIN_S = CHECK_EVERY_S + 0.5


def settle(databases: ComparedDatabases, within_s: float) -> None:
    """Let messages arrive, then stop relays and consumers again.

    Args:
        databases: the databases, which are in quarantine; their relays and consumers run.
        within_s: how long to wait, seconds.

    Raises:
        Unavailable: they have not arrived in time; the text has where they wait.
    """
    databases.settle(settling=True)
    try:
        began_s = time.monotonic()
        deadline = began_s + within_s
        while (waiting := _waiting(databases)) or time.monotonic() < began_s + MIN_S:
            if waiting and time.monotonic() > deadline:
                raise Unavailable(f"messages have not arrived within {within_s:.0f} s: {waiting}")
            time.sleep(EVERY_S)  # polls while relays and consumers work, until the deadline
    finally:
        databases.settle(settling=False)
        time.sleep(STOP_WITHIN_S)  # a worker may act on an answer that is a second old, and finish what it has begun


def _waiting(databases: ComparedDatabases) -> str:
    """Where messages wait, in words; empty if all have arrived."""
    open_rows = {service: databases.rows(service, _UNPUBLISHED)[0][0] for service in SERVICES}
    if any(open_rows.values()):
        return ", ".join(
            f"{count} in the outbox of {name} (is its relay running?)" for name, count in open_rows.items() if count
        )
    unheard, halted = compare(databases).unheard, ", ".join(databases.halted())
    why = f"halted: {halted}" if halted else "are the consumers running, is a message parked?"
    return ", ".join(f"{len(ids)} of {name} are not consumed ({why})" for name, ids in unheard.items() if ids)
