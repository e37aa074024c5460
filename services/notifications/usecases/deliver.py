"""Calls the addresses of partners: claims what is due, calls outside of any transaction, stores what came of it."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.notifications.calling.signing import signed_headers
from services.notifications.domain.webhook import DELIVERED, FAILED, QUEUED, Called, next_of, postponed
from services.notifications.store import deliveries, webhooks
from services.notifications.store.deliveries import ClaimedDelivery, Settlement
from shared.core.clock import rfc3339
from shared.core.metrics import webhook_deliveries_total, webhook_oldest_due_age_seconds, webhooks_dead
from shared.core.sealing import Unsealable, Vault
from shared.core.spans import CALL_WEBHOOK
from shared.core.tracing import span
from shared.store.checked_clock import CheckedClock
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork

LEASE = timedelta(minutes=2)
"""Longer than a name takes to resolve, a connection to be made and a call to end, all together."""

UNREADABLE = "the secret does not open"
US = "the system"
OUTCOMES = {DELIVERED: "delivered", FAILED: "given_up", QUEUED: "retried"}

Call = Callable[[str, dict[str, str], bytes], Called]


@dataclass(frozen=True, slots=True)
class DeliveryTools:
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


def claim_some(tools: DeliveryTools, most: int) -> Sequence[ClaimedDelivery]:
    """Take up to ``most`` due deliveries into one's hands, each of another address.

    Raises:
        Unavailable: the database is away. A claim whose commit was not answered ends with its lease.
    """
    with tools.work.transaction() as connection:
        now = tools.clock()
        return deliveries.claim(connection, most, now, now + LEASE)


def deliver(tools: DeliveryTools, claimed: ClaimedDelivery) -> None:
    """Call, and store what came of it. If that cannot be stored, somebody calls again: with the same ``webhook-id``.

    Raises:
        Unavailable: the database is away.
    """
    with span(CALL_WEBHOOK, "POST", {"troika.webhook.type": claimed.type}, (claimed.traceparent,)) as seen:
        called = _called(tools, claimed)
        if called.answer is not None:
            seen.set({"http.response.status_code": called.answer})
    with tools.work.ungated.transaction() as connection:
        now = tools.clock()
        spread = random.uniform(0.9, 1.1)  # noqa: S311 - spreads load, guards nothing
        after = next_of(called, claimed.attempts, claimed.failing_since, now, spread)
        if after.is_by_time and tools.clock.final_now("webhook-give-up", connection) is None:
            after = postponed(after, now)
        settlement = Settlement(after.state, after.due_at, called.answer, after.reason)
        counts = deliveries.settle(connection, claimed, settlement, now)
        if counts:
            webhooks.note_health(connection, claimed.webhook_id, after.state == DELIVERED, now)
        if counts and after.off and webhooks.turn_off(connection, claimed.webhook_id, after.off, now):
            deed = Deed(US, "webhook-switched-off", "webhook", claimed.webhook_id, {"reason": after.off})
            note_deed(connection, deed, now)
    if counts:
        webhook_deliveries_total.labels(OUTCOMES[after.state]).inc()


def body_of(claimed: ClaimedDelivery) -> bytes:
    """What is sent: no name, no address, nothing that was written on the form."""
    data = {"id": claimed.registration_id, "form": claimed.form, "status": claimed.status}
    content = {"type": claimed.type, "timestamp": rfc3339(claimed.occurred_at), "data": data}
    return json.dumps(content, separators=(",", ":")).encode()


def measure(tools: DeliveryTools) -> None:
    """Say how long the oldest due delivery has waited, and how many addresses are called no more.

    Raises:
        Unavailable: the database is away.
    """
    with tools.work.transaction() as connection:
        now = tools.clock()
        oldest, dead = deliveries.oldest_due(connection, now), webhooks.count_dead(connection)
    webhook_oldest_due_age_seconds.set(max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)
    webhooks_dead.set(dead)


def _called(tools: DeliveryTools, claimed: ClaimedDelivery) -> Called:
    try:
        signing = [
            str(tools.vault.open(closed, row=claimed.webhook_id)["secret"])
            for closed in (claimed.secret, claimed.secret_before)
            if closed is not None
        ]
    except Unsealable:
        return Called(fault=UNREADABLE)
    body = body_of(claimed)
    return tools.call(claimed.url, signed_headers(claimed.id, tools.clock(), body, signing), body)
