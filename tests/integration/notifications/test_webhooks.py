"""Partners are notified once of what concerns them, signed, without any personal data."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from standardwebhooks.webhooks import Webhook

from services.notifications.webhooks.deliverer import DeliveryContext
from services.notifications.webhooks.model import OVERLAP
from shared.runtime.ids import new_id
from tests.integration.notifications.desk import ask
from tests.integration.notifications.notification_service import ADDRESS, EVENT, NotificationService, outcome_kinds
from tests.integration.notifications.test_erasing import erased
from tests.integration.notifications.webhooks import PARTNER, URL, Partners, deliver_all, states


def test_partner_gets_confirmations_and_cancellations_alone(
    notifications: NotificationService, tools: DeliveryContext, partners: Partners, webhook: dict[str, Any]
) -> None:
    one, two, three = new_id(), new_id(), new_id()
    notifications.consume(
        notifications.registration_message("confirmed", one, partner=PARTNER),
        notifications.registration_message("changed", one, 2, partner=PARTNER),
        notifications.registration_message("link-requested", one, 2, partner=PARTNER),
        notifications.registration_message("waitlisted", two, partner=PARTNER, person_ref="cd" * 32),
    )
    notifications.consume(notifications.registration_message("promoted", two, 2, partner=PARTNER, person_ref="cd" * 32))
    notifications.consume(notifications.registration_message("cancelled", one, 3, partner=PARTNER))
    notifications.consume(
        notifications.registration_message("confirmed", three, partner="another-partner", person_ref="ef" * 32),
        notifications.registration_message("confirmed", new_id(), person_ref="01" * 32),
    )
    assert deliver_all(tools) == 3
    payloads = [(batch["type"], batch["data"]) for batch in partners.payloads]
    assert sorted(payloads, key=str) == sorted(
        [
            ("registration.confirmed", {"id": one, "form": EVENT, "status": "confirmed"}),
            ("registration.confirmed", {"id": two, "form": EVENT, "status": "confirmed"}),
            ("registration.cancelled", {"id": one, "form": EVENT, "status": "cancelled"}),
        ],
        key=str,
    )
    assert {tuple(batch) for batch in partners.payloads} == {("type", "timestamp", "data")}
    everything = " ".join(f"{headers} {body!r}" for _url, headers, body in partners.received)
    assert [word for word in (ADDRESS, "A participant", "a-token", "ab" * 32) if word in everything] == []


def test_redelivered_message_causes_no_second_delivery(
    notifications: NotificationService, tools: DeliveryContext, partners: Partners, webhook: dict[str, Any]
) -> None:
    batch = [
        notifications.registration_message("confirmed", new_id(), partner=PARTNER, person_ref=f"{n:064x}")
        for n in range(3)
    ]
    again = [
        notifications.registration_message("confirmed", one.subject, partner=PARTNER, person_ref=f"{n:064x}")
        for n, one in enumerate(batch)
    ]
    outcomes = [outcome_kinds(notifications.consume(*messages)) for messages in (batch, batch, again)]
    assert outcomes == [["done"] * 3, ["duplicate"] * 3, ["done"] * 3]
    assert deliver_all(tools) == 3
    assert len({headers["webhook-id"] for _url, headers, _body in partners.received}) == 3


def test_rolled_back_message_causes_no_delivery(
    notifications: NotificationService, webhook: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deliveries to partners are stored in the transaction of their cause."""
    batch = notifications.registration_message("confirmed", new_id(), partner=PARTNER)
    broken = notifications.registration_message("confirmed", new_id(), partner=PARTNER, sealed={"address": ""})
    notifications.consume(broken)
    assert states(notifications) == []
    notifications.consume(batch)
    assert states(notifications) == [("queued", "", 0)]


def test_receivers_library_believes_the_call(
    notifications: NotificationService,
    tools: DeliveryContext,
    partners: Partners,
    webhook: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notifications.consume(notifications.registration_message("confirmed", new_id(), partner=PARTNER))
    deliver_all(tools)
    [(url, headers, body)] = partners.received
    assert url == URL
    assert int(headers["webhook-timestamp"]) == int(notifications.clock().timestamp())
    signed = Webhook(webhook["secret"]).sign(headers["webhook-id"], notifications.clock(), body.decode())
    assert headers["webhook-signature"] == signed


def test_secret_that_is_replaced_signs_for_a_day_more(
    client: FlaskClient,
    notifications: NotificationService,
    tools: DeliveryContext,
    partners: Partners,
    webhook: dict[str, Any],
) -> None:
    new = ask(client, "POST", f"/v1/webhooks/{webhook['id']}/secret").get_json()["secret"]
    assert new != webhook["secret"]
    for hours in (0, 24):
        notifications.pass_time(hours=hours)
        notifications.consume(
            notifications.registration_message("confirmed", new_id(), partner=PARTNER, person_ref=f"{hours:064x}")
        )
        deliver_all(tools)
    expected = [
        [Webhook(secret).sign(headers["webhook-id"], at, body.decode()) for secret in secrets]
        for (_url, headers, body), secrets, at in zip(
            partners.received,
            ((new, webhook["secret"]), (new,)),
            (notifications.clock() - OVERLAP, notifications.clock()),
            strict=True,
        )
    ]
    assert [headers["webhook-signature"].split(" ") for _url, headers, _body in partners.received] == expected


def test_secrets_are_stored_encrypted_and_shown_once(
    client: FlaskClient, notifications: NotificationService, webhook: dict[str, Any]
) -> None:
    [row] = notifications.rows("SELECT w.secret, w::text AS whole FROM webhook w")
    assert webhook["secret"].removeprefix("whsec_") not in row["whole"]
    assert webhook["secret"].encode() not in bytes(row["secret"])
    for path in ("/v1/webhooks", f"/v1/webhooks/{webhook['id']}"):
        assert webhook["secret"] not in ask(client, "GET", path).text
    assert webhook["secret"].startswith("whsec_")


def test_erasure_deletes_past_and_queued_deliveries(
    notifications: NotificationService, tools: DeliveryContext, partners: Partners, webhook: dict[str, Any]
) -> None:
    gone, stays = new_id(), new_id()
    notifications.consume(notifications.registration_message("confirmed", gone, partner=PARTNER))
    deliver_all(tools)
    notifications.consume(notifications.registration_message("cancelled", gone, 2, partner=PARTNER))
    notifications.consume(notifications.registration_message("confirmed", stays, partner=PARTNER, person_ref="cd" * 32))
    assert notifications.consume(erased(notifications, gone, 3)) == ["done"]
    assert notifications.rows("SELECT registration_id::text AS id FROM webhook_delivery") == [{"id": stays}]
    assert deliver_all(tools) == 1
