"""Webhook calls: failed ones are retried, and no one waits for a slow receiver."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.notifications.cleanup import DELIVERY_KEPT, RULES
from services.notifications.webhooks.deliverer import (
    LEASE,
    Deliverer,
    DeliveryContext,
    claim_batch,
    deliver,
    reap_deliveries,
)
from services.notifications.webhooks.model import DELAYS, CallResult
from shared.db.cleanup import Cleanup
from shared.http.lists import to_cursor
from shared.runtime.ids import new_id
from tests.integration.notifications.desk import ask
from tests.integration.notifications.notification_service import NotificationService
from tests.integration.notifications.webhooks import PARTNER, URL, Partners, added, deliver_all, states
from tests.support.clock import wrong
from tests.support.waiting import poll_until


def test_call_that_fails_comes_again_ever_later_with_the_same_id_and_is_given_up(
    notifications: NotificationService, tools: DeliveryContext, partners: Partners, webhook: dict[str, Any]
) -> None:
    partners.answers[URL] = CallResult(503)
    notifications.consume(notifications.registration_message("confirmed", new_id(), partner=PARTNER))
    assert deliver_all(tools) == 1
    for delay in DELAYS:
        notifications.pass_time(seconds=delay.total_seconds() * 0.85)
        assert deliver_all(tools) == 0
        notifications.pass_time(seconds=delay.total_seconds() * 0.3)
        assert deliver_all(tools) == 1
    assert states(notifications) == [("failed", "answered 503", len(DELAYS) + 1)]
    assert len({headers["webhook-id"] for _url, headers, _body in partners.received}) == 1


def test_call_that_went_well_forgets_that_others_have_failed(
    notifications: NotificationService, tools: DeliveryContext, partners: Partners, webhook: dict[str, Any]
) -> None:
    partners.answers[URL] = CallResult(500)
    notifications.consume(notifications.registration_message("confirmed", new_id(), partner=PARTNER))
    deliver_all(tools)
    assert notifications.rows("SELECT failing_since FROM webhook")[0]["failing_since"] == notifications.clock()
    partners.answers.clear()
    notifications.pass_time(seconds=10)
    deliver_all(tools)
    assert notifications.rows("SELECT failing_since FROM webhook") == [{"failing_since": None}]


def test_slow_receiver_keeps_no_one_else_waiting(
    client: FlaskClient, notifications: NotificationService, tools: DeliveryContext, webhook: dict[str, Any]
) -> None:
    """One call at a time to an address; others' calls run in parallel."""
    added(client, "https://other.example.org/", "another-partner")
    for _ in range(3):
        for partner in (PARTNER, "another-partner"):
            notifications.consume(
                notifications.registration_message(
                    "confirmed", new_id(), partner=partner, person_ref=new_id().replace("-", "") * 2
                )
            )
    held = claim_batch(tools, 16)
    assert sorted(one.url for one in held) == sorted([URL, "https://other.example.org/"])
    [slow] = [one for one in held if one.url == URL]
    for one in held:
        if one is not slow:
            deliver(tools, one)
    assert deliver_all(tools) == 2
    assert claim_batch(tools, 16) == []
    deliver(tools, slow)
    assert deliver_all(tools) == 2


def test_delivery_whose_deliverer_ended_is_called_again_and_settled_once(
    notifications: NotificationService, tools: DeliveryContext, partners: Partners, webhook: dict[str, Any]
) -> None:
    notifications.consume(notifications.registration_message("confirmed", new_id(), partner=PARTNER))
    [lost] = claim_batch(tools, 5)
    assert claim_batch(tools, 5) == []
    assert reap_deliveries(tools) == 0
    notifications.pass_time(seconds=LEASE.total_seconds())
    assert reap_deliveries(tools) == 1
    [again] = claim_batch(tools, 5)
    assert (again.id, again.fence) == (lost.id, lost.fence + 1)
    partners.answers[URL] = CallResult(500)
    deliver(tools, lost)
    assert states(notifications) == [("claimed", "", 2)]
    partners.answers.clear()
    deliver(tools, again)
    assert states(notifications) == [("delivered", "", 2)]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Places for calls."""
    with ThreadPoolExecutor(4) as made:
        yield made


def test_deliverer_takes_due_deliveries_batch_by_batch(
    notifications: NotificationService,
    tools: DeliveryContext,
    partners: Partners,
    webhook: dict[str, Any],
    pool: ThreadPoolExecutor,
) -> None:
    for number in range(3):
        notifications.consume(
            notifications.registration_message("confirmed", new_id(), partner=PARTNER, person_ref=f"{number:064x}")
        )
    deliverer = Deliverer(tools, max_calls=4)

    def all_delivered() -> bool:
        deliverer.run_once(pool)
        return [state for state, _reason, _attempts in states(notifications)] == ["delivered"] * 3

    poll_until(all_delivered, within_s=30)


MONTH = timedelta(days=30)


def shifted(tools: DeliveryContext, notifications: NotificationService, ahead: timedelta) -> DeliveryContext:
    """The same on a host whose clock is ahead of the database's."""
    return replace(tools, clock=wrong(notifications.clock, tools.work, ahead))


@pytest.mark.parametrize("ahead", [MONTH, -MONTH], ids=["ahead", "behind"])
def test_lease_of_a_wrong_clock_blocks_no_webhook(
    notifications: NotificationService,
    tools: DeliveryContext,
    webhook: dict[str, Any],
    pool: ThreadPoolExecutor,
    ahead: timedelta,
) -> None:
    notifications.pass_time(days=-30)  # so that the delivery is due by each clock
    notifications.consume(notifications.registration_message("confirmed", new_id(), partner=PARTNER))
    notifications.pass_time(days=30)
    [_lost] = claim_batch(shifted(tools, notifications, ahead), 5)
    deliverer = Deliverer(tools)

    def is_delivered() -> bool:
        deliverer.run_once(pool)
        return states(notifications) == [("delivered", "", 2)]

    poll_until(is_delivered, within_s=30)


@pytest.mark.parametrize("ahead", [MONTH, -MONTH], ids=["ahead", "behind"])
def test_deliverer_with_a_wrong_clock_takes_no_delivery_of_another(
    notifications: NotificationService,
    tools: DeliveryContext,
    webhook: dict[str, Any],
    pool: ThreadPoolExecutor,
    ahead: timedelta,
) -> None:
    notifications.consume(notifications.registration_message("confirmed", new_id(), partner=PARTNER))
    [claimed] = claim_batch(tools, 5)
    assert not Deliverer(shifted(tools, notifications, ahead)).run_once(pool)
    deliver(tools, claimed)
    assert states(notifications) == [("delivered", "", 1)]


def queued_ahead(notifications: NotificationService) -> None:
    """A consumer queues a delivery while its clock is a month ahead."""
    notifications.pass_time(days=30)
    notifications.consume(notifications.registration_message("confirmed", new_id(), partner=PARTNER))
    notifications.pass_time(days=-30)


def test_delivery_that_a_wrong_clock_has_queued_is_made(
    notifications: NotificationService, tools: DeliveryContext, webhook: dict[str, Any]
) -> None:
    queued_ahead(notifications)
    assert deliver_all(tools) == 0
    assert reap_deliveries(shifted(tools, notifications, -MONTH)) == 0
    assert reap_deliveries(tools) == 1
    assert deliver_all(tools) == 1
    assert states(notifications) == [("delivered", "", 1)]


def test_retry_that_a_wrong_clock_has_put_off_is_made(
    notifications: NotificationService, tools: DeliveryContext, partners: Partners, webhook: dict[str, Any]
) -> None:
    notifications.consume(notifications.registration_message("confirmed", new_id(), partner=PARTNER))
    [claimed] = claim_batch(tools, 5)
    partners.answers[URL] = CallResult(503)
    deliver(shifted(tools, notifications, MONTH), claimed)
    partners.answers.clear()
    assert deliver_all(tools) == 0
    assert reap_deliveries(tools) == 1
    assert deliver_all(tools) == 1
    assert states(notifications) == [("delivered", "", 2)]


def test_longest_delay_is_not_shortened(
    notifications: NotificationService, tools: DeliveryContext, partners: Partners, webhook: dict[str, Any]
) -> None:
    partners.answers[URL] = CallResult(503)
    notifications.consume(notifications.registration_message("confirmed", new_id(), partner=PARTNER))
    for delay in DELAYS:
        assert deliver_all(tools) == 1
        assert reap_deliveries(tools) == 0
        notifications.pass_time(seconds=delay.total_seconds() * 1.2)


def test_what_ended_is_forgotten_after_a_while(
    notifications: NotificationService, tools: DeliveryContext, partners: Partners, webhook: dict[str, Any]
) -> None:
    notifications.consume(notifications.registration_message("confirmed", new_id(), partner=PARTNER))
    deliver_all(tools)
    notifications.consume(
        notifications.registration_message("confirmed", new_id(), partner=PARTNER, person_ref="cd" * 32)
    )
    cleanup = Cleanup(notifications.work_of("relay"), "notifications", RULES)
    cleanup.run_once(notifications.clock() + DELIVERY_KEPT)
    assert len(states(notifications)) == 2
    cleanup.run_once(notifications.clock() + DELIVERY_KEPT + timedelta(seconds=1))
    assert states(notifications) == [("queued", "", 0)]


def test_deliveries_are_listed_page_by_page(
    client: FlaskClient, notifications: NotificationService, tools: DeliveryContext, webhook: dict[str, Any]
) -> None:
    for number in range(5):
        notifications.consume(
            notifications.registration_message("confirmed", new_id(), partner=PARTNER, person_ref=f"{number:064x}")
        )
    deliver_all(tools)
    found, cursor = [], ""
    for _ in range(3):
        path = f"/v1/webhooks/{webhook['id']}/deliveries?limit=2&cursor={cursor}"
        page = ask(client, "GET", path, key="operator").get_json()
        found += [(line["state"], line["answer"]) for line in page["items"]]
        cursor = page["next"]
    assert (found, cursor) == ([("delivered", 200)] * 5, "")
    far = to_cursor(["0001-01-01T00:00:00+14:00", new_id()])
    assert ask(client, "GET", f"/v1/webhooks/{webhook['id']}/deliveries?cursor={far}").status_code == 400
    assert ask(client, "GET", f"/v1/webhooks/{new_id()}/deliveries").status_code == 404
