"""A person wants no bulletins any more, by the link in one of them or through a coordinator.

The link's token is the person's reference and language and the day it was made, encrypted with the vault's key for this
one purpose. So it needs no table (which a dump would hold), outlives the person's registrations, follows the vault's
rotation and tells whoever sees the address nothing. A random token with its hash in a table does neither of the first
two, and one derived by HMAC would need a search through everybody.

It is good for two years: RFC 8058 names no end, laws want a month at least, and a mailbox keeps a bulletin for longer;
whoever finds no way out that works reports the mail as unwanted, which is worse for everybody who waits for theirs. It
is not used up: mail programs may send it twice, and all that whoever has stolen one can do is to keep news from
somebody, which coordinators see and take back. An old key must stay in the vault's file for as long as links of its
time are to work.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.notifications.domain.resending import NO_BULLETINS
from services.notifications.store.suppressions import Suppression, allow, list_suppressions, suppress
from services.notifications.store.withdrawing import take_back_bulletins
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.sealing import Unsealable, Vault
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork

WANTS_NONE = NO_BULLETINS
UNSUBSCRIBE_SAMPLE = "of-each-person-alone"
"""In place of a token, where a bulletin is shown to whoever writes it."""

GOOD_FOR = timedelta(days=730)
_PURPOSE = "unsubscribe"
_DAYS_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 1000
"""Characters of a token, generously."""


@dataclass(frozen=True, slots=True)
class Unsubscriber:
    """Whom a link belongs to, and the language and the number of the bulletin that it stood in."""

    person_ref: str
    language: str
    bulletin: int | None = None


def make_token(vault: Vault, person_ref: str, language: str, now: datetime, bulletin: int | None = None) -> str:
    """The token of a person's link in the bulletin with this number: base64url, another one each time."""
    content = {"p": person_ref, "l": language, "d": (now - _DAYS_BEGIN).days, "b": bulletin}
    return _written(vault.close(content, row=_PURPOSE))


def read_token(vault: Vault, token: str, now: datetime) -> Unsubscriber | None:
    """Whom a token belongs to; None if it is none of ours, two years old, or of a key that is gone.

    One without a day is from before they had one: it is good for as long as its key is.
    """
    if len(token) > _LONGEST:
        return None
    try:
        closed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        content = vault.open(closed, row=_PURPOSE)
    except (binascii.Error, ValueError, Unsealable):
        return None
    made_on = content.get("d")
    if _written(closed) != token or (made_on is not None and _DAYS_BEGIN + timedelta(made_on) + GOOD_FOR <= now):
        return None
    return Unsubscriber(content["p"], content["l"], content.get("b"))


def _written(closed: bytes) -> str:
    return base64.urlsafe_b64encode(closed).decode().rstrip("=")


def unsubscribe(
    work: UnitOfWork, clock: Clock, person_ref: str, who: str | None = None, bulletin: int | None = None
) -> bool:
    """Send this person no bulletins from now on; doing it again changes nothing.

    Those that wait are suppressed by the next sender, with the message that says so.

    Args:
        work: on the service's database.
        clock: of the project.
        person_ref: whose.
        who: name of the coordinator who says so; None: the person themselves, by the link.
        bulletin: number of the bulletin that the link stood in.

    Returns:
        whether it was not so before.

    Raises:
        Unavailable: the database is away; nothing is stored.
    """
    with work.transaction() as connection:
        now = clock()
        fresh = suppress(connection, person_ref, who, now, bulletin)
        take_back_bulletins(connection, person_ref, now)
        if fresh and who is not None:
            note_deed(connection, Deed(who, "suppression-added"), now)
    return fresh


def resubscribe(work: UnitOfWork, clock: Clock, person_ref: str, who: str) -> None:
    """Send this person bulletins again, as ``who`` says.

    Raises:
        DomainError: ``not-found``: the person gets them.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        if not allow(connection, person_ref):
            raise DomainError("not-found", "this person is not suppressed")
        note_deed(connection, Deed(who, "suppression-taken-back"), clock())


def suppressions(work: UnitOfWork, after: str, limit: int) -> list[Suppression]:
    """Up to ``limit`` + 1 people who get no bulletins, in the order of their references.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return list_suppressions(connection, after, limit + 1)
