"""What becomes of a bulletin that is sent: its outcome in numbers, whom they stand for, and stopping it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.notifications.domain.bulletin import SENDING, STOPPED
from services.notifications.store.bulletin_mails import (
    BulletinMail,
    count_mails_of,
    count_unsubscribed,
    count_without_mail,
    drop_recipients,
    mails_of,
)
from services.notifications.store.bulletins import Bulletin, lock_bulletin, mark_stopped, read_bulletin
from services.notifications.store.withdrawing import call_off_bulletin
from services.notifications.usecases.write_bulletin import found
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.metrics import mails_total
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork

CHUNK = 1000
"""Mails called off in one transaction."""

STOPPED_REASON = "the bulletin was stopped"

OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "waiting": ("queued", "claimed"),
    "sent": ("sent",),
    "deferred": ("deferred",),
    "failed": ("failed",),
    "unknown": ("unknown",),
    "suppressed": ("suppressed",),
    "called_off": ("called_off",),
    "bounced": ("bounced",),
}
"""States of a bulletin's mails by outcome; every person of the audience has one of these."""

UNSUBSCRIBED = "unsubscribed"
"""An outcome beside the others: people who got it and unsubscribed by its link."""


@dataclass(frozen=True, slots=True)
class BulletinOutcome:
    """People of a bulletin by outcome, and how many unsubscribed through it.

    ``gone`` are those of whom nothing is kept any more: they were erased before their mail was made, or their mail
    is older than a year.
    """

    counts: Mapping[str, int]
    unsubscribed: int
    gone: int


def outcome_of(work: UnitOfWork, bulletin: Bulletin) -> BulletinOutcome:
    """Count what has become of a bulletin.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        states = count_mails_of(connection, bulletin.number)
        without = count_without_mail(connection, bulletin.number)
        unsubscribed = count_unsubscribed(connection, bulletin.number)
    counts = {name: sum(states.get(state, 0) for state in of) for name, of in OUTCOMES.items()}
    counts["waiting"] += without
    counts["called_off"] += bulletin.not_made
    return BulletinOutcome(counts, unsubscribed, max(0, (bulletin.audience or 0) - sum(counts.values())))


def list_outcome(
    work: UnitOfWork, bulletin_id: str, outcome: str, before: str, limit: int
) -> tuple[Bulletin, Sequence[BulletinMail]]:
    """A bulletin and up to ``limit`` + 1 of its mails, newest first.

    Args:
        work: on the service's database.
        bulletin_id: of the bulletin.
        outcome: a key of ``OUTCOMES``, ``UNSUBSCRIBED``, or empty for all mails.
        before: only mails older than the one with this id; empty for the newest.
        limit: mails.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is away.
    """
    wanted: dict[str, Any] = {"before": before} if before else {}
    if outcome == UNSUBSCRIBED:
        wanted["unsubscribed"] = True
    elif outcome:
        wanted["states"] = list(OUTCOMES[outcome])
    with work.transaction() as connection:
        bulletin = found(read_bulletin(connection, bulletin_id))
        return bulletin, mails_of(connection, bulletin.number, wanted, limit + 1)


def stop_bulletin(work: UnitOfWork, clock: Clock, who: str, bulletin_id: str) -> Bulletin:
    """Call off what has not gone of a bulletin. A mail that is being handed over at this moment still goes.

    No mail is made or claimed once the first transaction is committed; if the process ends after that, senders call
    off what is left.

    Raises:
        DomainError: ``not-found``; ``not-sending``: it was not sent, or all of it has gone.
        Unavailable: the database went away; stop it again.
    """
    with work.transaction() as connection:
        now, bulletin = clock(), found(lock_bulletin(connection, bulletin_id))
        if bulletin.state not in (SENDING, STOPPED):
            raise DomainError("not-sending", "this bulletin is not being sent")
        if bulletin.state == SENDING:
            not_made = drop_recipients(connection, bulletin.number, now)
            mark_stopped(connection, bulletin_id, not_made, now)
            detail = {"number": bulletin.number}
            note_deed(connection, Deed(who, "bulletin-stopped", "bulletin", bulletin_id, detail), now)
    while _call_off_chunk(work, clock, bulletin.number) == CHUNK:
        pass
    with work.transaction() as connection:
        return found(read_bulletin(connection, bulletin_id))


def _call_off_chunk(work: UnitOfWork, clock: Clock, number: int) -> int:
    with work.transaction() as connection:
        called_off = call_off_bulletin(connection, number, CHUNK, STOPPED_REASON, clock())
    mails_total.labels("bulletin", "called_off").inc(called_off)
    return called_off
