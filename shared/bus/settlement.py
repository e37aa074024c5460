"""What happens to a delivery once its verdict is known. Nobody else acknowledges, retries or parks.

Retrying and parking publish a copy first, wait for the broker's confirm, and acknowledge then: a crash in between
leaves two copies, which the inbox makes one effect. Any trouble on the way raises and takes the connection down, so
that nothing is acknowledged that is not safe elsewhere.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from shared.bus.delivery import Delivery
from shared.bus.names import ATTEMPT_HEADER, DEAD, REASON_HEADER, RETRY, retry_key
from shared.bus.retry_plan import RetryPlan
from shared.bus.senders import whose
from shared.contracts.envelope import CONTENT_TYPE
from shared.core.errors import Poison, Retry
from shared.core.failpoints import reach
from shared.core.logs import describe
from shared.core.metrics import consumed_total, message_age_seconds

log = logging.getLogger(__name__)

CONFIRM_TIMEOUT_S = 5.0


def reason_of(verdict: str | Exception | None) -> str:
    """Why a message was refused, without personal data; empty if it was not."""
    if isinstance(verdict, str):
        return ""
    if isinstance(verdict, Poison | Retry):
        return verdict.reason
    return f"handler failed: {describe(verdict or ValueError())}"


class Settler:
    """Settles deliveries one by one.

    Args:
        plan: when to retry, when to park.
        producer: gives a producer whose publishes wait for confirms, on a connection of its own (a memory alarm
            blocks publishing connections, and consuming must go on).
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

    def settle(self, delivery: Delivery) -> str:
        """Acknowledge, send through a retry tier, or park; count it, and return which."""
        verdict, reason = delivery.verdict, reason_of(delivery.verdict)
        if isinstance(verdict, str):
            outcome = verdict
        elif isinstance(verdict, Poison):
            outcome = self._park(delivery, reason)
        elif isinstance(verdict, Retry):
            outcome = self._retry(delivery, reason, verdict.after_s, bug=False)
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
        tier = self._plan.tier_after(delivery.attempt, wish_s, bug=bug)
        if tier is None:
            return self._park(delivery, f"out of tries: {reason}")
        log.warning("message retried", extra=self._facts(delivery, reason))
        headers = {ATTEMPT_HEADER: delivery.attempt + 1, REASON_HEADER: reason}
        reach("settle.retry")
        self._publish(delivery, RETRY, retry_key(tier, delivery.queue), headers, expiration=self._plan.delay_s(tier))
        reach("settle.retried")
        return "retried"

    def _park(self, delivery: Delivery, reason: str) -> str:
        log.error("message parked", extra=self._facts(delivery, reason))
        headers = {ATTEMPT_HEADER: delivery.attempt, REASON_HEADER: reason[:200]}
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
