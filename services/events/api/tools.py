"""What the routes work with, and who sees what."""

from dataclasses import dataclass

from werkzeug.exceptions import Unauthorized

from services.events.store.events import Audience
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import ROLES, holder, holder_if_any, refuse

READERS = ("viewer", "coordinator")
"""Roles that see drafts, meeting links, counts and rosters."""

INTERNAL_READERS = ("coordinator", "operator")
"""Roles that may ask for the system's own events, such as the canary's."""


@dataclass(frozen=True, slots=True)
class Tools:
    """Attributes:
    work: transactions on the service's database.
    clock: of the project.
    """

    work: UnitOfWork
    clock: Clock


def audience() -> Audience:
    """For whom a public route answers: coordinators when one of the ``READERS`` calls.

    Raises:
        Unauthorized: a key was sent and nobody holds it.
    """
    return Audience.COORDINATORS if holder_if_any(*READERS) else Audience.PUBLIC


def own_forms(who: Audience) -> frozenset[str] | None:
    """The forms to which the caller's key is limited, an event counting as the form of its name; None: to none.

    The public has no key, so nothing is limited there: it is shown no more than what is public anyway.
    """
    return None if who is Audience.PUBLIC else holder().forms


def require_internal() -> None:
    """Refuse a caller of a public route who asks for what is internal and is no coordinator or operator.

    Raises:
        Unauthorized: nobody holds the key that was sent, or there was none.
        Forbidden: the holder has another role.
    """
    if holder_if_any(*ROLES) is None:
        raise Unauthorized
    require_one_of(*INTERNAL_READERS)


def require_counts() -> None:
    """Refuse a caller of a public route who asks for an order by numbers of registrations and does not see them all.

    Raises:
        Unauthorized: the key that was sent is unknown, or there was none.
        Forbidden: the holder has another role, or a key that is limited to some forms.
    """
    if holder_if_any(*ROLES) is None:
        raise Unauthorized
    require_one_of(*READERS)
    if holder().forms is not None:
        refuse(holder())


def require_one_of(*roles: str) -> None:
    """Refuse a holder without any of ``roles``, where the route alone does not say which are needed.

    Raises:
        Forbidden: the holder has none of them.
    """
    if holder().roles.isdisjoint(roles):
        refuse(holder())
