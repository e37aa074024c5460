"""Delivers webhooks: claims due deliveries, calls outside of any transaction, stores the outcome.

The deliverer makes up to ``MAX_CALLS`` calls at once, never two to the same webhook. So a slow receiver delays others
only if slow receivers take all of them. Any number of deliverers can run.
"""

import json
import logging
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import timedelta

from services.notifications.telemetry import (
    CALL_WEBHOOK,
    webhook_deliveries_total,
    webhook_oldest_due_age_seconds,
    webhooks_dead,
)
from services.notifications.webhooks.http_client import signed_headers
from services.notifications.webhooks.model import (
    DELAYS,
    DELIVERED,
    FAILED,
    QUEUED,
    CallResult,
    outcome_of_call,
    postponed,
)
from services.notifications.webhooks.store import (
    ClaimedDelivery,
    claim_deliveries,
    count_dead,
    make_due,
    oldest_due_delivery,
    requeue_expired,
    store_delivery,
    switch_off,
    update_health,
)
from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.clock import rfc3339
from shared.runtime.errors import Unavailable
from shared.runtime.runner import Stop
from shared.runtime.tracing import span
from shared.security.audit_log import AuditRecord, add_audit_record
from shared.security.sealing import Unsealable, Vault

LEASE = timedelta(minutes=2)
"""Longer than name resolution, connection and call together."""

LATEST_LEASE = 2 * LEASE
"""A lease that ends later was set by a wrong clock: two clocks that are right differ by seconds."""

LATEST_DUE = 2 * DELAYS[-1]
"""No delivery waits longer: the longest delay with its jitter, and the difference between two clocks."""

UNREADABLE = "the secret does not open"
SYSTEM = "the system"
OUTCOMES = {DELIVERED: "delivered", FAILED: "given_up", QUEUED: "retried"}

Call = Callable[[str, dict[str, str], bytes], CallResult]


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """What a deliverer needs.

    Attributes:
        work: the unit of work on the service's database.
        clock: the process's clock, compared with the database's.
        vault: decrypts secrets.
        call: sends headers and body to a URL; never raises because of a receiver.
    """

    work: UnitOfWork
    clock: CheckedClock
    vault: Vault
    call: Call


def claim_batch(context: DeliveryContext, limit: int) -> Sequence[ClaimedDelivery]:
    """Claim up to ``limit`` due deliveries, each of another webhook.

    Raises:
        Unavailable: the database is down. A claim whose commit got no answer ends with its lease.
    """
    with context.work.transaction() as connection:
        now = context.clock()
        return claim_deliveries(connection, limit, now, now + LEASE)


def deliver(context: DeliveryContext, claimed: ClaimedDelivery) -> None:
    """Call, and store the outcome. If it cannot be stored, the call is repeated with the same ``webhook-id``.

    Raises:
        Unavailable: the database is down.
    """
    with span(CALL_WEBHOOK, "POST", {"troika.webhook.type": claimed.type}, (claimed.traceparent,)) as seen:
        called = _call(context, claimed)
        if called.answer is not None:
            seen.set({"http.response.status_code": called.answer})
    with context.work.ungated.transaction() as connection:
        now = context.clock()
        spread = random.uniform(0.9, 1.1)  # noqa: S311 - spreads load, guards nothing
        after = outcome_of_call(called, claimed.attempts, claimed.failing_since, now, spread)
        if after.is_by_time and context.clock.final_now("webhook-give-up", connection) is None:
            after = postponed(after, now)
        counts = store_delivery(connection, claimed, after, called.answer, now)
        if counts:
            update_health(connection, claimed.webhook_id, after.state == DELIVERED, now)
        if counts and after.off and switch_off(connection, claimed.webhook_id, after.off, now):
            record = AuditRecord(SYSTEM, "webhook-switched-off", "webhook", claimed.webhook_id, {"reason": after.off})
            add_audit_record(connection, record, now)
    if counts:
        webhook_deliveries_total.labels(OUTCOMES[after.state]).inc()


def body_of(claimed: ClaimedDelivery) -> bytes:
    """Return the body of a call. It contains no name, no address and no answer from the form."""
    data = {"id": claimed.registration_id, "form": claimed.form, "status": claimed.status}
    content = {"type": claimed.type, "timestamp": rfc3339(claimed.occurred_at), "data": data}
    return json.dumps(content, separators=(",", ":")).encode()


def reap_deliveries(context: DeliveryContext) -> int:
    """Requeue deliveries of deliverers that ended, and make those due that a wrong clock has delayed.

    Any number of deliverers can run this; one whose clock is wrong changes nothing.

    Returns:
        the number of deliveries that were changed.

    Raises:
        Unavailable: the database is down.
    """
    with context.work.transaction() as connection:
        now = context.clock.compared_now("leases", connection)
        if now is None:
            return 0
        return requeue_expired(connection, now, now + LATEST_LEASE) + make_due(connection, now, now + LATEST_DUE)


def measure_deliveries(context: DeliveryContext) -> None:
    """Set the gauges: age of the oldest due delivery, and number of webhooks that were switched off by failures.

    Raises:
        Unavailable: the database is down.
    """
    with context.work.transaction() as connection:
        now = context.clock()
        oldest, dead = oldest_due_delivery(connection, now), count_dead(connection)
    webhook_oldest_due_age_seconds.set(max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)
    webhooks_dead.set(dead)


def _call(context: DeliveryContext, claimed: ClaimedDelivery) -> CallResult:
    try:
        signing = [
            str(context.vault.open(closed, row=claimed.webhook_id)["secret"])
            for closed in (claimed.secret, claimed.secret_before)
            if closed is not None
        ]
    except Unsealable:
        return CallResult(fault=UNREADABLE)
    body = body_of(claimed)
    return context.call(claimed.url, signed_headers(claimed.id, context.clock(), body, signing), body)


log = logging.getLogger(__name__)

MAX_CALLS = 16
IDLE_S = 0.5
OUTAGE_DELAY_S = 1.0
CLEANUP_EVERY_S = 5.0


@dataclass(slots=True)
class Deliverer:
    """A deliverer with its running calls.

    Attributes:
        context: the dependencies of the deliverer.
        max_calls: parallel calls.
        monotonic: clock in seconds that time changes do not affect.
    """

    context: DeliveryContext
    max_calls: int = MAX_CALLS
    monotonic: Callable[[], float] = time.monotonic
    _running: set[Future[None]] = field(default_factory=set)
    _cleaned_at_s: float = float("-inf")

    def run(self, stop: Stop) -> None:
        """Work until ``stop``; running calls end first."""
        with ThreadPoolExecutor(self.max_calls, thread_name_prefix="call") as pool:
            while not stop:
                try:
                    busy = self.run_once(pool)
                except Unavailable as error:
                    log.warning("deliverer waits", extra={"reason": error.reason})
                    stop.wait(OUTAGE_DELAY_S)
                    continue
                if not busy:
                    self._wait(stop)

    def run_once(self, pool: ThreadPoolExecutor) -> bool:
        """Start due deliveries on free threads; returns whether there may be more.

        Raises:
            Unavailable: the database is down; nothing is lost.
        """
        if self.monotonic() - self._cleaned_at_s >= CLEANUP_EVERY_S:
            self._cleaned_at_s = self.monotonic()
            reap_deliveries(self.context)
            measure_deliveries(self.context)
        done, self._running = wait(self._running, timeout=0, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
        free = self.max_calls - len(self._running)
        claimed = claim_batch(self.context, free) if free else []
        self._running |= {pool.submit(self._deliver, delivery) for delivery in claimed}
        return bool(claimed)

    def _wait(self, stop: Stop) -> None:
        """Wait for the next tick, or until a call has ended: its webhook may have more deliveries."""
        if self._running:
            wait(self._running, timeout=IDLE_S, return_when=FIRST_COMPLETED)
        else:
            stop.wait(IDLE_S)

    def _deliver(self, claimed: ClaimedDelivery) -> None:
        try:
            deliver(self.context, claimed)
        except Unavailable as error:
            log.warning("what came of a call is not stored", extra={"reason": error.reason, "delivery": claimed.id})
