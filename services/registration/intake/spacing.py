"""How often a mailbox is written to before its owner has acted: postponed, never dropped.

One mail tells the owner that something waits behind its link, whatever and however much. So further submissions need no
mail of their own soon: the spacing grows, and starts anew whenever the owner confirms something.
"""

from datetime import datetime, timedelta

WAITS = (
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
)
"""Between the first mail and the second, and so on; the last one repeats. That makes six mails on the first day."""

PER_DOMAIN_AN_HOUR = 100
PER_DOMAIN_A_DAY = 500
PER_NETWORK_A_DAY = 50
"""Mails that one client network may cause to mailboxes of one domain whose owners have not acted."""

RESERVE = 50
"""Mails to a domain beyond its quotas, for client networks that have caused none to it that day."""

PER_VERIFIED_MAILBOX = 10
"""How many more an hour and a day a domain gets for each of its mailboxes whose owner has confirmed something, and how
many more a client network may cause there."""

OVER_ALL_AN_HOUR = 10_000
MAX_GROWTH = 4
"""The budget over all grows up to this factor with the share of mailed mailboxes that confirm."""


def next_mail_at(step: int, sent_at: datetime) -> datetime:
    """Return when a mailbox may be written to again.

    Args:
        step: mails sent since its owner last acted, from 1.
        sent_at: when the last of them went.
    """
    return sent_at + WAITS[min(step, len(WAITS)) - 1]


def total_quota(limit: int, mailed: int, verified: int) -> int:
    """Return how many mails go in an hour to all domains together.

    Args:
        limit: while nobody has confirmed anything.
        mailed: mailboxes written to in the last day.
        verified: those of them whose owner has confirmed something.
    """
    share = verified / mailed if mailed else 0.0
    return round(limit * (1 + (MAX_GROWTH - 1) * min(1.0, share)))
