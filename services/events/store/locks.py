"""Locks that end with the transaction. Each says what would go wrong without it."""

from sqlalchemy import Connection, text

_LOADING = 7240010
_READ_SIDE = 7240011
_LOCK = text("SELECT pg_advisory_xact_lock(:lock)")


def lock_loading(connection: Connection) -> None:
    """One load at a time: two at once would both find an event new, and announce it twice."""
    connection.execute(_LOCK, {"lock": _LOADING})


def lock_read_side(connection: Connection) -> None:
    """One writer of roster, counts and contacts at a time.

    A batch holds the counts of all its events until it commits, in the order in which its messages came: two batches
    at once would wait for each other. And a mail that is noted while its registration is noted would miss its group.
    """
    connection.execute(_LOCK, {"lock": _READ_SIDE})
