"""Partners' webhook addresses: which are accepted, when they are switched off, and their audit records."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.notifications.webhooks.deliverer import DeliveryContext
from services.notifications.webhooks.model import OFF_AFTER, CallResult
from shared.db.readiness import CheckedClock
from shared.runtime.ids import new_id
from tests.integration.notifications.desk import ask
from tests.integration.notifications.notification_service import NotificationService
from tests.integration.notifications.webhooks import PARTNER, URL, Partners, deliver_all, states


def test_answer_410_switches_the_webhook_off_and_cancels_queued_deliveries(
    client: FlaskClient,
    notifications: NotificationService,
    tools: DeliveryContext,
    partners: Partners,
    webhook: dict[str, Any],
) -> None:
    partners.answers[URL] = CallResult(410)
    for number in range(2):
        notifications.consume(
            notifications.registration_message("confirmed", new_id(), partner=PARTNER, person_ref=f"{number:064x}")
        )
    assert deliver_all(tools) == 1
    notifications.consume(
        notifications.registration_message("confirmed", new_id(), partner=PARTNER, person_ref="cd" * 32)
    )
    assert sorted(states(notifications)) == [("cancelled", "switched off", 0), ("failed", "answered 410", 1)]
    shown = ask(client, "GET", f"/v1/webhooks/{webhook['id']}").get_json()
    assert (shown["off_reason"], shown["off_at"] is not None) == ("gone", True)
    [line] = ask(client, "GET", "/v1/service-audit/notifications?who=the system", key="operator").get_json()["items"]
    assert (line["action"], line["detail"]) == ("webhook-switched-off", {"reason": "gone"})


def test_webhook_that_fails_for_days_is_off_until_a_coordinator_switches_it_on(
    client: FlaskClient,
    notifications: NotificationService,
    tools: DeliveryContext,
    partners: Partners,
    webhook: dict[str, Any],
) -> None:
    partners.answers[URL] = CallResult(fault="no answer in time")
    for _ in range(2):
        notifications.consume(
            notifications.registration_message(
                "confirmed", new_id(), partner=PARTNER, person_ref=new_id().replace("-", "") * 2
            )
        )
        deliver_all(tools)
        notifications.pass_time(seconds=OFF_AFTER.total_seconds())
    deliver_all(tools)
    shown = ask(client, "GET", f"/v1/webhooks/{webhook['id']}").get_json()
    assert shown["off_reason"] == "failing"
    partners.answers.clear()
    on = ask(client, "PATCH", f"/v1/webhooks/{webhook['id']}", {"on": True}).get_json()
    assert (on["off_at"], on["off_reason"], on["failing_since"]) == (None, None, None)
    notifications.consume(
        notifications.registration_message("confirmed", new_id(), partner=PARTNER, person_ref="cd" * 32)
    )
    assert deliver_all(tools) == 1
    assert states(notifications)[-1] == ("delivered", "", 1)


def test_deliverer_with_a_wrong_clock_switches_no_webhook_off(
    client: FlaskClient,
    notifications: NotificationService,
    tools: DeliveryContext,
    partners: Partners,
    webhook: dict[str, Any],
) -> None:
    """Six days ahead: nothing has worked for six days, as it sees it."""
    partners.answers[URL] = CallResult(fault="no answer in time")
    notifications.consume(notifications.registration_message("confirmed", new_id(), partner=PARTNER))
    deliver_all(tools)
    right = notifications.clock

    def wrong() -> datetime:
        return right() + timedelta(days=6)

    clock = CheckedClock(wrong, tools.work, "notifications", lambda _connection: right())
    assert deliver_all(replace(tools, clock=clock)) == 1
    shown = ask(client, "GET", f"/v1/webhooks/{webhook['id']}").get_json()
    assert (shown["off_at"], [state for state, *_ in states(notifications)]) == (None, ["queued"])


@pytest.mark.parametrize(
    "url", ["http://hooks.example.org/", "https://127.0.0.1/", "https://localhost/", "https://a:b@c.d/"]
)
def test_address_that_may_not_be_called_is_not_noted(
    client: FlaskClient, notifications: NotificationService, url: str
) -> None:
    answer = ask(client, "POST", "/v1/webhooks", {"partner": PARTNER, "url": url})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "webhook-refused")
    assert notifications.rows("SELECT id FROM webhook") == []


def test_addresses_of_a_partner_are_few_and_none_twice(client: FlaskClient, webhook: dict[str, Any]) -> None:
    codes = [
        ask(client, "POST", "/v1/webhooks", {"partner": PARTNER, "url": f"{URL}{number}"}).status_code
        for number in range(10)
    ]
    assert codes == [201] * 9 + [409]
    answer = ask(client, "POST", "/v1/webhooks", {"partner": PARTNER, "url": URL})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "already-exists")


def test_changes_of_a_webhook_are_in_the_audit_log(
    client: FlaskClient, notifications: NotificationService, webhook: dict[str, Any]
) -> None:
    path = f"/v1/webhooks/{webhook['id']}"
    notifications.consume(notifications.registration_message("confirmed", new_id(), partner=PARTNER))
    ask(client, "POST", f"{path}/secret")
    for on in (False, False, True):
        assert ask(client, "PATCH", path, {"on": on}).status_code == 200
    assert ask(client, "DELETE", path).status_code == 204
    assert ask(client, "DELETE", path).status_code == 404
    lines = ask(client, "GET", "/v1/service-audit/notifications", key="operator").get_json()["items"]
    assert [line["action"] for line in lines] == [
        "webhook-deleted",
        "webhook-switched-on",
        "webhook-switched-off",
        "webhook-secret-replaced",
        "webhook-added",
    ]
    assert {(line["who"], line["detail"]["partner"]) for line in lines} == {("coordinator", PARTNER)}
    assert states(notifications) == []
