"""A person wants no bulletins any more, by the link in one of them or through a coordinator.

The link's token is the person's reference and language, encrypted with the vault's key for this one purpose. So it
needs no table (which a dump would hold), outlives the person's registrations, follows the vault's rotation and tells
whoever sees the address nothing. A random token with its hash in a table does neither of the first two, and one derived
by HMAC would need a search through everybody. An old key must stay in the vault's file for as long as links of its time
are to work: 60 days at least.
"""

import base64
import binascii
from dataclasses import dataclass

from services.notifications.store.bulletins import Suppression, allow, list_suppressions, suppress
from services.notifications.store.mails import suppress_bulletins
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.metrics import mails_total
from shared.core.sealing import Unsealable, Vault
from shared.store.unit_of_work import UnitOfWork

WANTS_NONE = "the person wants no bulletins"
_PURPOSE = "unsubscribe"


@dataclass(frozen=True, slots=True)
class Unsubscriber:
    """Whom a link belongs to, and the language of the mail it stood in."""

    person_ref: str
    language: str


def make_token(vault: Vault, person_ref: str, language: str) -> str:
    """The token of a person's link: base64url, another one each time."""
    closed = vault.close({"p": person_ref, "l": language}, row=_PURPOSE)
    return base64.urlsafe_b64encode(closed).decode().rstrip("=")


def read_token(vault: Vault, token: str) -> Unsubscriber | None:
    """Whom a token belongs to; None if it is none of ours, or of a key that is gone."""
    try:
        closed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        content = vault.open(closed, row=_PURPOSE)
        return Unsubscriber(content["p"], content["l"])
    except (binascii.Error, ValueError, Unsealable):
        return None


def unsubscribe(work: UnitOfWork, clock: Clock, person_ref: str, said_by: str) -> bool:
    """Send this person no bulletins from now on; doing it again changes nothing.

    Args:
        work: on the service's database.
        clock: of the project.
        person_ref: whose.
        said_by: ``recipient`` or ``coordinator``.

    Returns:
        whether it was not so before.

    Raises:
        Unavailable: the database is away; nothing is stored.
    """
    with work.transaction() as connection:
        now = clock()
        fresh = suppress(connection, person_ref, said_by, now)
        kept_back = suppress_bulletins(connection, person_ref, WANTS_NONE, now)
    for kind in kept_back:
        mails_total.labels(kind, "suppressed").inc()
    return fresh


def resubscribe(work: UnitOfWork, person_ref: str) -> None:
    """Send this person bulletins again.

    Raises:
        DomainError: ``not-found``: the person gets them.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        if not allow(connection, person_ref):
            raise DomainError("not-found", "this person is not suppressed")


def suppressions(work: UnitOfWork, after: str, limit: int) -> list[Suppression]:
    """Up to ``limit`` + 1 people who get no bulletins, in the order of their references.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return list_suppressions(connection, after, limit + 1)
