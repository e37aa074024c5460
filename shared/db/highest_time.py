"""The highest time seen, in each service's database: it holds final work after the whole host's clock has jumped.

Where a clock jumps together with its database's, no comparison of the two finds it. The row of ``highest_time`` holds
the time up to which the service ran in the ordinary way. A time more than an hour away from it is a jump: a clock that
was set, a virtual machine that was resumed, a machine that was switched off, a database from a backup. Nothing tells
them apart, so final work waits for an operator (``confirm-time``) or for a day of ordinary running. Both may be wrong
about the time, so the end of the wait is a notice: what nothing can restore is deleted a day after it
(:class:`shared.db.cleanup.Rule`).

This must never wait for a lock: it runs inside of other transactions.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

MAX_STEP = timedelta(hours=1)
"""Longer than a restart or an upgrade, far shorter than any retention."""

ORDINARY_RUNNING = timedelta(hours=24)
"""After so much of it the time is taken as right."""

NOTICE = timedelta(hours=24)
"""Between the end of a wait and the deletion of what nothing can restore."""

STORED_EVERY = timedelta(minutes=1)

HIGHEST_TIME = """
CREATE TABLE highest_time (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    seen_at timestamptz,
    jumped_to timestamptz,
    observed_at timestamptz,
    ran interval NOT NULL DEFAULT interval '0'
);
COMMENT ON TABLE highest_time IS 'after a jump of the time nothing is deleted, expired or given up for a day';
COMMENT ON COLUMN highest_time.seen_at IS 'the highest time of ordinary running; NULL before the first';
COMMENT ON COLUMN highest_time.jumped_to IS 'the time that was more than an hour away from it; NULL while none is held';
COMMENT ON COLUMN highest_time.observed_at IS 'the last time seen since the jump';
COMMENT ON COLUMN highest_time.ran IS 'ordinary running since the jump';
INSERT INTO highest_time DEFAULT VALUES;
"""
"""The table, for a migration of each service."""

ANNOUNCED_AT = """
ALTER TABLE highest_time ADD COLUMN announced_at timestamptz;
COMMENT ON COLUMN highest_time.announced_at IS 'the end of the last wait: what nothing can restore goes a day later';
"""
"""Its column of notices, for a later migration of each service."""

_READ = text("SELECT seen_at, jumped_to, observed_at, ran, announced_at FROM highest_time")
_STORE = text("""
    UPDATE highest_time t SET seen_at = :seen_at, jumped_to = :jumped_to, observed_at = :observed_at, ran = :ran,
        announced_at = :announced_at
    FROM (SELECT only_row FROM highest_time FOR UPDATE SKIP LOCKED) free
    WHERE t.only_row = free.only_row AND (t.seen_at, t.jumped_to, t.observed_at)
        IS NOT DISTINCT FROM (CAST(:was_seen_at AS timestamptz), CAST(:was_jumped_to AS timestamptz),
            CAST(:was_observed_at AS timestamptz))
""")
"""Another process that stores at the same time has seen the same."""

_CONFIRM = text("""
    UPDATE highest_time SET seen_at = :now, jumped_to = NULL, observed_at = NULL, ran = interval '0',
        announced_at = :now
""")


@dataclass(frozen=True, slots=True)
class HighestTime:
    """Attributes:
    seen_at: the highest time of ordinary running; None before the first.
    jumped_to: the first time that was too far away from it; None while nothing is held.
    observed_at: the last time seen since the jump; None while nothing is held.
    ran: how long the service ran in the ordinary way since the jump.
    announced_at: the end of the last wait, by which all that is due was announced; None if there was no jump.
    """

    seen_at: datetime | None = None
    jumped_to: datetime | None = None
    observed_at: datetime | None = None
    ran: timedelta = timedelta()
    announced_at: datetime | None = None

    @property
    def is_held(self) -> bool:
        """Whether final work waits."""
        return self.jumped_to is not None

    def jump_at(self, now: datetime) -> timedelta:
        """How far ``now`` is away from the highest time (negative: behind), while final work waits; else 0."""
        return now - self.seen_at if self.is_held and self.seen_at is not None else timedelta()

    def after(self, now: datetime, max_step: timedelta = MAX_STEP) -> "HighestTime":
        """What is known once ``now`` was seen, a time on which process and database agree.

        A clock that was ahead and returns ends the wait: nothing was done. Rows stored while it was behind look old
        once it is right again, so that wait goes on.
        """
        if self.seen_at is None:
            return HighestTime(now)
        is_near = abs(now - self.seen_at) <= max_step
        ordinary = HighestTime(max(now, self.seen_at), announced_at=self.announced_at)
        if self.jumped_to is None or self.observed_at is None:
            return ordinary if is_near else replace(self, jumped_to=now, observed_at=now)
        if is_near and self.jumped_to > self.seen_at:
            return ordinary
        step = now - self.observed_at
        is_ordinary = timedelta() <= step <= max_step
        ran = self.ran + step if is_ordinary else timedelta()
        if ran >= ORDINARY_RUNNING:
            return HighestTime(now, announced_at=now)
        return replace(self, observed_at=now, ran=ran)


def read_highest_time(connection: Connection) -> HighestTime:
    """What the database has stored."""
    return HighestTime(*connection.execute(_READ).one())


def observe_time(connection: Connection, now: datetime, max_step: timedelta) -> tuple[HighestTime, HighestTime]:
    """Compare ``now`` with the highest known time, and store it if that changes something, or once a minute.

    Args:
        connection: the connection of the caller's transaction.
        now: a time on which process and database agree.
        max_step: how far the time moves in the ordinary way between two observations.

    Returns:
        what was known before, and what is known now.
    """
    before = read_highest_time(connection)
    after = before.after(now, max_step)
    if _is_stored(before, after):
        values = {name: getattr(after, name) for name in HighestTime.__slots__}
        was = {f"was_{name}": getattr(before, name) for name in ("seen_at", "jumped_to", "observed_at")}
        connection.execute(_STORE, values | was)
    return before, after


def _is_stored(before: HighestTime, after: HighestTime) -> bool:
    if before.seen_at is None or after.seen_at is None or before.is_held != after.is_held:
        return True
    if after.observed_at is not None and before.observed_at is not None:
        return abs(after.observed_at - before.observed_at) >= STORED_EVERY
    return after.seen_at - before.seen_at >= STORED_EVERY


def confirm_time(connection: Connection, now: datetime) -> None:
    """Take ``now`` as right, by decision of an operator: it is the highest time from here on, also if it was behind.

    What nothing can restore still waits for a day, in which a wrong decision can be found.
    """
    connection.execute(_CONFIRM, {"now": now})
