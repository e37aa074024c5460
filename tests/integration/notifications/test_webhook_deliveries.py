"""Webhook calls: failed ones are retried, and no one waits for a slow receiver."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.notifications.cleanup import DELIVERY_KEPT, RULES
from services.notifications.webhooks.deliverer import LEASE, Deliverer, DeliveryContext, claim_batch, deliver
from services.notifications.webhooks.model import DELAYS, CallResult
from shared.db.cleanup import Cleanup
from shared.runtime.ids import new_id
from tests.integration.notifications.desk import ask
from tests.integration.notifications.office import Office
from tests.integration.notifications.webhooks import PARTNER, URL, Partners, added, deliver_all, states
from tests.support.waiting import poll_until


def test_call_that_fails_comes_again_ever_later_with_the_same_id_and_is_given_up(
    office: Office, tools: DeliveryContext, partners: Partners, webhook: dict[str, Any]
) -> None:
    partners.says[URL] = CallResult(503)
    office.hear(office.told("confirmed", new_id(), partner=PARTNER))
    assert deliver_all(tools) == 1
    for delay in DELAYS:
        office.pass_time(seconds=delay.total_seconds() * 0.85)
        assert deliver_all(tools) == 0
        office.pass_time(seconds=delay.total_seconds() * 0.3)
        assert deliver_all(tools) == 1
    assert states(office) == [("failed", "answered 503", len(DELAYS) + 1)]
    assert len({headers["webhook-id"] for _url, headers, _body in partners.heard}) == 1


def test_call_that_went_well_forgets_that_others_have_failed(
    office: Office, tools: DeliveryContext, partners: Partners, webhook: dict[str, Any]
) -> None:
    partners.says[URL] = CallResult(500)
    office.hear(office.told("confirmed", new_id(), partner=PARTNER))
    deliver_all(tools)
    assert office.rows("SELECT failing_since FROM webhook")[0]["failing_since"] == office.clock()
    partners.says.clear()
    office.pass_time(seconds=10)
    deliver_all(tools)
    assert office.rows("SELECT failing_since FROM webhook") == [{"failing_since": None}]


def test_slow_receiver_keeps_nobody_else_waiting(
    client: FlaskClient, office: Office, tools: DeliveryContext, webhook: dict[str, Any]
) -> None:
    """One call at a time to an address; while it lasts, others' go on."""
    added(client, "https://other.example.org/", "another-partner")
    for _ in range(3):
        for partner in (PARTNER, "another-partner"):
            office.hear(office.told("confirmed", new_id(), partner=partner, person_ref=new_id().replace("-", "") * 2))
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
    office: Office, tools: DeliveryContext, partners: Partners, webhook: dict[str, Any]
) -> None:
    office.hear(office.told("confirmed", new_id(), partner=PARTNER))
    [lost] = claim_batch(tools, 5)
    assert claim_batch(tools, 5) == []
    office.pass_time(seconds=LEASE.total_seconds())
    [again] = claim_batch(tools, 5)
    assert (again.id, again.fence) == (lost.id, lost.fence + 1)
    partners.says[URL] = CallResult(500)
    deliver(tools, lost)
    assert states(office) == [("claimed", "", 2)]
    partners.says.clear()
    deliver(tools, again)
    assert states(office) == [("delivered", "", 2)]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Places for calls."""
    with ThreadPoolExecutor(4) as made:
        yield made


def test_deliverer_takes_what_is_due_turn_by_turn(
    office: Office, tools: DeliveryContext, partners: Partners, webhook: dict[str, Any], pool: ThreadPoolExecutor
) -> None:
    for number in range(3):
        office.hear(office.told("confirmed", new_id(), partner=PARTNER, person_ref=f"{number:064x}"))
    deliverer = Deliverer(tools, max_calls=4)

    def all_delivered() -> bool:
        deliverer.run_once(pool)
        return [state for state, _reason, _attempts in states(office)] == ["delivered"] * 3

    poll_until(all_delivered, within_s=30)


def test_what_ended_is_forgotten_after_a_while(
    office: Office, tools: DeliveryContext, partners: Partners, webhook: dict[str, Any]
) -> None:
    office.hear(office.told("confirmed", new_id(), partner=PARTNER))
    deliver_all(tools)
    office.hear(office.told("confirmed", new_id(), partner=PARTNER, person_ref="cd" * 32))
    cleanup = Cleanup(office.work_of("relay"), "notifications", RULES)
    cleanup.run_once(office.clock() + DELIVERY_KEPT)
    assert len(states(office)) == 2
    cleanup.run_once(office.clock() + DELIVERY_KEPT + timedelta(seconds=1))
    assert states(office) == [("queued", "", 0)]


def test_deliveries_are_listed_page_by_page(
    client: FlaskClient, office: Office, tools: DeliveryContext, webhook: dict[str, Any]
) -> None:
    for number in range(5):
        office.hear(office.told("confirmed", new_id(), partner=PARTNER, person_ref=f"{number:064x}"))
    deliver_all(tools)
    found, cursor = [], ""
    for _ in range(3):
        path = f"/v1/webhooks/{webhook['id']}/deliveries?limit=2&cursor={cursor}"
        page = ask(client, "GET", path, key="operator").get_json()
        found += [(line["state"], line["answer"]) for line in page["items"]]
        cursor = page["next"]
    assert (found, cursor) == ([("delivered", 200)] * 5, "")
    assert ask(client, "GET", f"/v1/webhooks/{new_id()}/deliveries").status_code == 404
