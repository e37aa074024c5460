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

from services.notifications.webhooks.http_client import signed_headers
from services.notifications.webhooks.model import DELIVERED, FAILED, QUEUED, CallResult, outcome_of_call, postponed
from services.notifications.webhooks.store import (
    ClaimedDelivery,
    DeliverySettlement,
    claim_deliveries,
    count_dead,
    oldest_due_delivery,
    store_delivery,
    switch_off,
    update_health,
)
from shared.core.clock import rfc3339
from shared.core.errors import Unavailable
from shared.core.metrics import webhook_deliveries_total, webhook_oldest_due_age_seconds, webhooks_dead
from shared.core.sealing import Unsealable, Vault
from shared.core.spans import CALL_WEBHOOK
from shared.core.tracing import span
from shared.process.runner import Stop
from shared.store.checked_clock import CheckedClock
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork

LEASE = timedelta(minutes=2)
"""Longer than a name takes to resolve, a connection to be made and a call to end, all together."""

UNREADABLE = "the secret does not open"
SYSTEM = "the system"
OUTCOMES = {DELIVERED: "delivered", FAILED: "given_up", QUEUED: "retried"}

Call = Callable[[str, dict[str, str], bytes], CallResult]


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """What a deliverer works with.

    Attributes:
        work: on the service's database.
        clock: of this process.
        vault: opens secrets.
        call: sends headers and body to a URL; never raises for what a receiver does.
    """

    work: UnitOfWork
    clock: CheckedClock
    vault: Vault
    call: Call


def claim_batch(tools: DeliveryContext, most: int) -> Sequence[ClaimedDelivery]:
    """Take up to ``most`` due deliveries into one's hands, each of another address.

    Raises:
        Unavailable: the database is away. A claim whose commit was not answered ends with its lease.
    """
    with tools.work.transaction() as connection:
        now = tools.clock()
        return claim_deliveries(connection, most, now, now + LEASE)


def deliver(tools: DeliveryContext, claimed: ClaimedDelivery) -> None:
    """Call, and store what came of it. If that cannot be stored, somebody calls again: with the same ``webhook-id``.

    Raises:
        Unavailable: the database is away.
    """
    with span(CALL_WEBHOOK, "POST", {"troika.webhook.type": claimed.type}, (claimed.traceparent,)) as seen:
        called = _call(tools, claimed)
        if called.answer is not None:
            seen.set({"http.response.status_code": called.answer})
    with tools.work.ungated.transaction() as connection:
        now = tools.clock()
        spread = random.uniform(0.9, 1.1)  # noqa: S311 - spreads load, guards nothing
        after = outcome_of_call(called, claimed.attempts, claimed.failing_since, now, spread)
        if after.is_by_time and tools.clock.final_now("webhook-give-up", connection) is None:
            after = postponed(after, now)
        settlement = DeliverySettlement(after.state, after.due_at, called.answer, after.reason)
        counts = store_delivery(connection, claimed, settlement, now)
        if counts:
            update_health(connection, claimed.webhook_id, after.state == DELIVERED, now)
        if counts and after.off and switch_off(connection, claimed.webhook_id, after.off, now):
            deed = Deed(SYSTEM, "webhook-switched-off", "webhook", claimed.webhook_id, {"reason": after.off})
            note_deed(connection, deed, now)
    if counts:
        webhook_deliveries_total.labels(OUTCOMES[after.state]).inc()


def body_of(claimed: ClaimedDelivery) -> bytes:
    """What is sent: no name, no address, nothing that was written on the form."""
    data = {"id": claimed.registration_id, "form": claimed.form, "status": claimed.status}
    content = {"type": claimed.type, "timestamp": rfc3339(claimed.occurred_at), "data": data}
    return json.dumps(content, separators=(",", ":")).encode()


def measure_deliveries(tools: DeliveryContext) -> None:
    """Say how long the oldest due delivery has waited, and how many addresses are called no more.

    Raises:
        Unavailable: the database is away.
    """
    with tools.work.transaction() as connection:
        now = tools.clock()
        oldest, dead = oldest_due_delivery(connection, now), count_dead(connection)
    webhook_oldest_due_age_seconds.set(max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)
    webhooks_dead.set(dead)


def _call(tools: DeliveryContext, claimed: ClaimedDelivery) -> CallResult:
    try:
        signing = [
            str(tools.vault.open(closed, row=claimed.webhook_id)["secret"])
            for closed in (claimed.secret, claimed.secret_before)
            if closed is not None
        ]
    except Unsealable:
        return CallResult(fault=UNREADABLE)
    body = body_of(claimed)
    return tools.call(claimed.url, signed_headers(claimed.id, tools.clock(), body, signing), body)


log = logging.getLogger(__name__)

MAX_CALLS = 16
IDLE_S = 0.5
OUTAGE_DELAY_S = 1.0
MEASURE_EVERY_S = 5.0


@dataclass(slots=True)
class Deliverer:
    """One deliverer. Changes with each turn.

    Attributes:
        tools: to work with.
        places: calls at once.
        monotonic: seconds that no change of the machine's time touches.
    """

    tools: DeliveryContext
    places: int = MAX_CALLS
    monotonic: Callable[[], float] = time.monotonic
    _running: set[Future[None]] = field(default_factory=set)
    _measured_at_s: float = float("-inf")

    def run(self, stop: Stop) -> None:
        """Work until ``stop``; calls that are on their way end first."""
        with ThreadPoolExecutor(self.places, thread_name_prefix="call") as pool:
            while not stop:
                try:
                    busy = self.turn(pool)
                except Unavailable as error:
                    log.warning("deliverer waits", extra={"reason": error.reason})
                    stop.wait(OUTAGE_DELAY_S)
                    continue
                if not busy:
                    self._rest(stop)

    def turn(self, pool: ThreadPoolExecutor) -> bool:
        """Give what is due to free places; returns whether there may be more at once.

        Raises:
            Unavailable: the database is away; nothing is lost.
        """
        if self.monotonic() - self._measured_at_s >= MEASURE_EVERY_S:
            self._measured_at_s = self.monotonic()
            measure_deliveries(self.tools)
        done, self._running = wait(self._running, timeout=0, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
        free = self.places - len(self._running)
        claimed = claim_batch(self.tools, free) if free else []
        self._running |= {pool.submit(self._deliver, one) for one in claimed}
        return bool(claimed)

    def _rest(self, stop: Stop) -> None:
        """Until the next look, or until a call has ended: its address may have more to be told."""
        if self._running:
            wait(self._running, timeout=IDLE_S, return_when=FIRST_COMPLETED)
        else:
            stop.wait(IDLE_S)

    def _deliver(self, claimed: ClaimedDelivery) -> None:
        try:
            deliver(self.tools, claimed)
        except Unavailable as error:
            log.warning("what came of a call is not stored", extra={"reason": error.reason, "delivery": claimed.id})
