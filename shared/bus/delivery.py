"""One delivery in a consumer's hands: the raw message, what was read from it, and what became of it."""

from dataclasses import dataclass, replace
from typing import Any

from shared.bus.names import ATTEMPT_HEADER, DELIVERY_COUNT_HEADER, FACTS
from shared.bus.senders import Senders
from shared.contracts import reading
from shared.contracts.envelope import TYPE_PREFIX, Message, decode
from shared.core.errors import Poison, Unauthentic


@dataclass(slots=True)
class Delivery:
    """Mutable on purpose: a delivery passes from read to judged to settled.

    Attributes:
        raw: kombu's message.
        queue: the queue it came from.
        senders: who is believed; None where processes share a login.
        message: what was read, its data checked against the table; None if it cannot be read.
        verdict: ``done``, ``duplicate`` or an exception; None until it is known.
    """

    raw: Any
    queue: str
    senders: Senders | None = None
    message: Message | None = None
    verdict: str | Exception | None = None

    @property
    def attempt(self) -> int:
        """1 for the first time a handler sees it; counted in our own header, which outlives every queue."""
        value = self.raw.headers.get(ATTEMPT_HEADER, 1)
        return value if isinstance(value, int) and value > 0 else 1

    @property
    def suspect(self) -> bool:
        """Whether it was in a consumer's hands before that did not live to settle it."""
        return bool(self.raw.headers.get(DELIVERY_COUNT_HEADER)) or bool(self.raw.delivery_info.get("redelivered"))

    def read(self) -> None:
        """Decode and check; a fault becomes the verdict."""
        body = self.raw.body
        try:
            if self.senders is not None:
                self.senders.require_producer(self.raw, self.queue)
            message = decode(body.encode() if isinstance(body, str) else bytes(body or b""))
            content = reading.read(message)
            self._require_own_key(message)
            if self.senders is not None:
                self.senders.require(self.raw, message.type)
            self.message = replace(message, data=content)
        except Poison as reason:
            self.verdict = reason

    def _require_own_key(self, message: Message) -> None:
        """What the body says of its type is the producer's word; the routing key is the broker's.

        It lets each login write the keys of its own types alone, so a body of another's type is given away by its key.
        Copies that were retried or replayed come by another exchange, to which only the queue's own consumer and
        operators write.
        """
        info = self.raw.delivery_info
        if info.get("exchange") == FACTS and TYPE_PREFIX + info["routing_key"] != message.type:
            raise Unauthentic("said under the routing key of another type")
