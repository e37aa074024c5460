"""The authenticity of a message: its producer's relay published it, or its consumer or an operator copied it.

The broker checks the login that a message names as its sender (``user_id``); in the embedded bus's table a trigger
writes the session's login into each row. Neither can be chosen by the sender. The rights on exchanges and routing keys
say the same already, so this catches what gets past them: rights that somebody has loosened, a login with more than its
own.

A copy (retried, parked, replayed) names the original sender in a header. The header is believed only if the copy comes
from a login that makes copies; whatever else carries it is judged by its own sender, now and when it is copied.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, cast

from shared.bus.address import BusAddress
from shared.bus.names import FACTS
from shared.contracts.registry import BY_TYPE, SERVICES, producers
from shared.core.database_url import read_database_url
from shared.core.errors import Unauthentic
from shared.core.rights import login

log = logging.getLogger(__name__)

SENDER_HEADER = "x-troika-sender"
OPERATOR, OPERATOR_PROCESS = "troika-operator", "operator"
FOREIGN = "sent with a login other than its producer's"


def relay_user(service: str) -> str:
    """The broker's login of a service's relay."""
    return f"troika-{service}-relay"


def consumer_user(service: str) -> str:
    """The broker's login of a service's consumer."""
    return f"troika-{service}-consumer"


def own_user(address: BusAddress) -> str | None:
    """What messages name as their sender where the broker checks it; None on the embedded bus, which writes it down."""
    return None if address.embedded else address.user


def copiers(service: str, *, embedded: bool) -> frozenset[str]:
    """Logins that store copies for the queues of ``service``: its consumer's and the operators'."""
    if embedded:
        return frozenset({login(service, "consume"), login(service, OPERATOR_PROCESS)})
    return frozenset({consumer_user(service), OPERATOR})


def whose(raw: Any, copying: frozenset[str]) -> dict[str, str]:
    """Headers of a copy of ``raw`` that name its original sender, for whoever stores the copy.

    Args:
        raw: kombu's message.
        copying: logins whose word about the original sender is believed.
    """
    sender = raw.properties.get("user_id")
    if sender in copying:
        sender = raw.headers.get(SENDER_HEADER)
    return {SENDER_HEADER: sender} if isinstance(sender, str) else {}


@dataclass(frozen=True, slots=True)
class Senders:
    """Attributes:
    relays: logins by service.
    copying: logins that send copies to this consumer's queues.
    """

    relays: Mapping[str, str]
    copying: frozenset[str]

    @classmethod
    def of(cls, address: BusAddress, service: str) -> Self | None:
        """Those whom a consumer of ``service`` believes; None, and a warning, where processes share a login.

        Then nobody can be told apart, as with a broker that has one user for everything.
        """
        if address.embedded:
            own, usual = read_database_url(address.database_url).username or "", login(service, "consume")
            relays = {each: login(each, "relay") for each in SERVICES}
        else:
            own, usual = address.user, consumer_user(service)
            relays = {each: relay_user(each) for each in SERVICES}
        if own != usual:
            log.warning(
                "senders of messages are not checked: this login is not the consumer's own", extra={"login": own}
            )
            return None
        return cls(relays, copiers(service, embedded=address.embedded))

    def require_producer(self, raw: Any, queue: str) -> None:
        """Refuse a message of anybody who publishes nothing for ``queue``, before its body is looked at.

        Raises:
            Unauthentic: the sender is missing, or produces no type that this queue gets.
        """
        if self._origin(raw) not in {self.relays[service] for service in producers(queue)}:
            raise Unauthentic(FOREIGN)

    def require(self, raw: Any, message_type: str) -> None:
        """Refuse a message of ``message_type`` that its producer did not publish.

        Raises:
            Unauthentic: the sender is missing, or somebody else.
        """
        if self._origin(raw) != self.relays[BY_TYPE[message_type].producer]:
            raise Unauthentic(FOREIGN)

    def _origin(self, raw: Any) -> str | None:
        """The login that published the message first; None if nobody who may say so has said it.

        The embedded bus knows no exchange: a row of a copier is a copy. On the broker a copy comes through another
        exchange than the producers', and nobody but a copier publishes there.
        """
        exchange, sender = raw.delivery_info.get("exchange"), raw.properties.get("user_id")
        is_copy = exchange != FACTS if exchange is not None else sender in self.copying
        if not is_copy:
            return cast("str | None", sender)
        return cast("str | None", raw.headers.get(SENDER_HEADER)) if sender in self.copying else None
