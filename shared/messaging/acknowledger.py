"""Acknowledger: acknowledges, retries or parks a delivery once its outcome is known. Nothing else does.

Retrying and parking publish a copy first, wait for the broker's confirm, and then acknowledge: a crash in between
leaves two copies, of which the inbox makes one effect. Any error on the way closes the connection, so that only what is
stored elsewhere is acknowledged. The retry plan sets after what delay a message returns, and when it stops returning.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from shared.messaging.broker import (
    ATTEMPT_HEADER,
    DEAD,
    DELIVERY_COUNT_HEADER,
    FACTS,
    REASON_HEADER,
    RETRY,
    RETRY_TIERS,
    Senders,
    attempt_of,
    retry_key,
    whose,
)
from shared.messaging.contracts import registry
from shared.messaging.contracts.schemas import CONTENT_TYPE, TYPE_PREFIX, Message, decode
from shared.messaging.halts import REASON_LENGTH
from shared.runtime.errors import Poison, Retry, Unauthentic
from shared.runtime.failpoints import reach
from shared.runtime.logs import describe
from shared.runtime.metrics import consumed_total, message_age_seconds


@dataclass(slots=True)
class Delivery:
    """Mutable on purpose: a delivery passes from read to judged to settled.

    Attributes:
        raw: kombu's message.
        queue: the queue it came from.
        senders: trusted senders; None where processes share a login.
        message: what was read, its data checked against the table; None if it cannot be read.
        result: ``done``, ``duplicate`` or an exception; None until it is known.
    """

    raw: Any
    queue: str
    senders: Senders | None = None
    message: Message | None = None
    result: str | Exception | None = None

    @property
    def attempt(self) -> int:
        """1 for the first time a handler sees it; counted in our own header, which survives every queue."""
        return attempt_of(self.raw.headers)

    @property
    def suspect(self) -> bool:
        """Whether an earlier consumer got it and died before settling it."""
        return bool(self.raw.headers.get(DELIVERY_COUNT_HEADER)) or bool(self.raw.delivery_info.get("redelivered"))

    def read(self) -> None:
        """Decode and check; a fault becomes the result."""
        body = self.raw.body
        try:
            if self.senders is not None:
                self.senders.require_producer(self.raw, self.queue)
            message = decode(body.encode() if isinstance(body, str) else bytes(body or b""))
            content = registry.read(message)
            self._require_own_key(message)
            if self.senders is not None:
                self.senders.require(self.raw, message.type)
            self.message = replace(message, data=content)
        except Poison as reason:
            self.result = reason

    def _require_own_key(self, message: Message) -> None:
        """Require the body's type to match the routing key: the producer writes the body, the broker checks the key.

        A login may only use the keys of the types that it produces, so the key exposes a body of another's type.
        Copies that were retried or replayed come by another exchange, to which only the queue's own consumer and
        operators write.
        """
        info = self.raw.delivery_info
        if info.get("exchange") == FACTS and TYPE_PREFIX + info["routing_key"] != message.type:
            raise Unauthentic("published under the routing key of another type")


_TIERS_BY_ATTEMPT = ("10s", "10s", "1m", "1m", "10m", "10m", "10m", "10m")


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """The tiers a message passes through.

    Attributes:
        tiers: name of the tier after attempt 1, 2, …; after the last one the message is parked.
        tries_of_a_bug: attempts granted to a message whose handler fails in an unforeseen way.
        delays_s: longest stay in each tier, seconds (tests shorten it; the tier's own limit stays the upper bound).
    """

    tiers: tuple[str, ...] = _TIERS_BY_ATTEMPT
    tries_of_a_bug: int = 3
    delays_s: tuple[tuple[str, float], ...] = tuple(RETRY_TIERS.items())

    def tier_after(self, attempt: int, wish_s: float, *, bug: bool) -> str | None:
        """The tier after failed ``attempt`` (counted from 1) for a handler that asks for ``wish_s``; None: park it."""
        if attempt > len(self.tiers) or (bug and attempt >= self.tries_of_a_bug):
            return None
        planned = self.tiers[attempt - 1]
        long_enough = [tier for tier, delay in RETRY_TIERS.items() if delay >= min(wish_s, RETRY_TIERS["10m"])]
        return max(planned, long_enough[0], key=lambda tier: RETRY_TIERS[tier])

    def delay_s(self, tier: str) -> float:
        """Seconds a message stays in ``tier``."""
        return dict(self.delays_s)[tier]


log = logging.getLogger(__name__)

CONFIRM_TIMEOUT_S = 5.0


def reason_of(result: str | Exception | None) -> str:
    """Why a message was refused, without personal data; empty if it was not."""
    if isinstance(result, str):
        return ""
    if isinstance(result, Poison | Retry):
        return result.reason
    return f"handler failed: {describe(result or ValueError())}"


def _exhausted(reason: str) -> str:
    return f"out of tries: {reason}"[:REASON_LENGTH]


class Acknowledger:
    """Settles deliveries one by one.

    Args:
        plan: when to retry, when to park.
        producer: gives a producer whose publishes wait for confirms, on a separate connection (a memory alarm
            blocks publishing connections, and consuming must continue).
        sender: the login of those connections, where a message has to name it.
        copying: logins whose copies name the original sender.
    """

    def __init__(
        self,
        plan: RetryPlan,
        producer: Callable[[], Any],
        sender: str | None = None,
        copying: frozenset[str] = frozenset(),
    ) -> None:
        self._plan = plan
        self._producer = producer
        self._sender, self._copying = sender, copying

    def parking_reason(self, delivery: Delivery) -> str:
        """The reason with which ``settle`` would park a message; empty if it would not park it."""
        match delivery.result:
            case Poison() as poison:
                return poison.reason[:REASON_LENGTH]
            case Retry() as retry if self._tier(delivery, retry.after_s, bug=False) is not None:
                return ""
            case Retry() as retry:
                return _exhausted(reason_of(retry))
            case Exception() as error if self._tier(delivery, 0.0, bug=True) is None:
                return _exhausted(reason_of(error))
            case _:
                return ""

    def settle(self, delivery: Delivery) -> str:
        """Acknowledge, send through a retry tier, or park; count it, and return which."""
        result, reason = delivery.result, reason_of(delivery.result)
        if isinstance(result, str):
            outcome = result
        elif isinstance(result, Poison):
            outcome = self._park(delivery, reason)
        elif isinstance(result, Retry):
            outcome = self._retry(delivery, reason, result.after_s, bug=False)
        else:
            outcome = self._retry(delivery, reason, 0.0, bug=True)
        reach("settle.ack")
        delivery.raw.ack()
        reach("settle.acked")
        consumed_total.labels(delivery.queue, outcome).inc()
        if delivery.message is not None and outcome == "done":
            message_age_seconds.labels(delivery.queue).observe(
                max(0.0, time.time() - delivery.message.time.timestamp())
            )
        return outcome

    def _retry(self, delivery: Delivery, reason: str, wish_s: float, *, bug: bool) -> str:
        tier = self._tier(delivery, wish_s, bug=bug)
        if tier is None:
            return self._park(delivery, _exhausted(reason))
        log.warning("message retried", extra=self._facts(delivery, reason))
        headers = {ATTEMPT_HEADER: delivery.attempt + 1, REASON_HEADER: reason}
        reach("settle.retry")
        self._publish(delivery, RETRY, retry_key(tier, delivery.queue), headers, expiration=self._plan.delay_s(tier))
        reach("settle.retried")
        return "retried"

    def _tier(self, delivery: Delivery, wish_s: float, *, bug: bool) -> str | None:
        return self._plan.tier_after(delivery.attempt, wish_s, bug=bug)

    def _park(self, delivery: Delivery, reason: str) -> str:
        log.error("message parked", extra=self._facts(delivery, reason))
        headers = {ATTEMPT_HEADER: delivery.attempt, REASON_HEADER: reason[:REASON_LENGTH]}
        reach("settle.park")
        self._publish(delivery, DEAD, delivery.queue, headers)
        reach("settle.parked")
        return "parked"

    def _publish(self, delivery: Delivery, exchange: str, key: str, headers: dict[str, Any], **options: Any) -> None:
        raw = delivery.raw
        kept = {name: value for name, value in raw.headers.items() if not name.startswith("x-")}
        body = raw.body.encode() if isinstance(raw.body, str) else bytes(raw.body or b"")
        self._producer().publish(
            body,
            exchange=exchange,
            routing_key=key,
            headers={**kept, **headers, **whose(raw, self._copying)},
            content_type=raw.content_type or CONTENT_TYPE,
            content_encoding="binary",
            delivery_mode=2,
            mandatory=True,
            timeout=CONFIRM_TIMEOUT_S,
            confirm_timeout=CONFIRM_TIMEOUT_S,
            message_id=raw.properties.get("message_id"),
            type=raw.properties.get("type"),
            app_id=raw.properties.get("app_id"),
            user_id=self._sender,
            **options,
        )

    @staticmethod
    def _facts(delivery: Delivery, reason: str) -> dict[str, Any]:
        message = delivery.message
        return {
            "queue": delivery.queue,
            "reason": reason,
            "attempt": delivery.attempt,
            "message_id": message.id if message else None,
            "message_type": message.type if message else None,
        }
