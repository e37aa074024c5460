"""Who may have sent a message: the speaker's relay said it, or this service's consumer or an operator sent it again.

The broker checks the login that a message names as its sender (``user_id``); in the embedded bus's table a trigger
writes the session's login into each row. Neither can be chosen by whoever sends. The rights on exchanges and routing
keys say the same already, so this catches what gets past them: rights that somebody has loosened, a login with more
than its own.

A copy that comes again (retried, replayed) says in a header whose it was, which is believed of those alone who
make copies. Copies from before that header existed are believed: for them the rights on the exchanges are what counts.
"""

import logging
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import make_url

from shared.bus.address import BusAddress
from shared.bus.names import FACTS
from shared.contracts.registry import BY_TYPE, SERVICES
from shared.core.errors import Poison
from shared.core.rights import login, migrator

log = logging.getLogger(__name__)

SENDER_HEADER = "x-troika-sender"
OPERATOR = "troika-operator"
FOREIGN = "sent by somebody else than its speaker"


def relay_user(service: str) -> str:
    """The broker's login of a service's relay."""
    return f"troika-{service}-relay"


def consumer_user(service: str) -> str:
    """The broker's login of a service's consumer."""
    return f"troika-{service}-consumer"


def own_user(address: BusAddress) -> str | None:
    """What messages name as their sender where the broker checks it; None on the embedded bus, which writes it down."""
    return None if address.embedded else address.user


def whose(raw: Any) -> dict[str, str]:
    """Headers of a copy of ``raw`` that say whose message it is, whoever sends it again."""
    sender = raw.headers.get(SENDER_HEADER) or raw.properties.get("user_id")
    return {SENDER_HEADER: sender} if sender else {}


@dataclass(frozen=True, slots=True)
class Senders:
    """Attributes:
    relays: logins by service.
    copying: logins that send copies to this consumer's queues.
    owner: whose the embedded bus is: every process was before each had a login, and nothing can be kept from it.
    """

    relays: dict[str, str]
    copying: frozenset[str]
    owner: str = ""

    @classmethod
    def of(cls, address: BusAddress, service: str) -> Self | None:
        """Those whom a consumer of ``service`` believes; None, and a warning, where processes share a login.

        Then nobody can be told apart, as with a broker that has one user for everything.
        """
        if address.embedded:
            own = make_url(address.database_url).username or ""
            relays = {each: login(each, "relay") for each in SERVICES}
            senders = cls(relays, frozenset({own, login(service, "operator")}), migrator("bus"))
            usual = login(service, "consume")
        else:
            own, usual = address.user, consumer_user(service)
            senders = cls({each: relay_user(each) for each in SERVICES}, frozenset({own, OPERATOR}))
        if own != usual:
            log.warning(
                "senders of messages are not checked: this login is not the consumer's own", extra={"login": own}
            )
            return None
        return senders

    def require(self, raw: Any, message_type: str) -> None:
        """Refuse a message of ``message_type`` that its speaker did not say.

        Raises:
            Poison: somebody else sent it.
        """
        exchange, came_from = raw.delivery_info.get("exchange"), raw.properties.get("user_id")
        if self.owner and came_from in (None, self.owner):
            return
        said_by = came_from
        if came_from in self.copying if exchange is None else exchange != FACTS:
            if came_from is not None and came_from not in self.copying:
                raise Poison(FOREIGN)
            said_by = raw.headers.get(SENDER_HEADER)
            if said_by is None:
                return
        if said_by != self.relays[BY_TYPE[message_type].speaker]:
            raise Poison(FOREIGN)
