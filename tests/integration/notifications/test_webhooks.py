"""Partners are notified once of what concerns them, signed, without any personal data."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from standardwebhooks.webhooks import Webhook

from services.notifications.webhooks.deliverer import DeliveryContext
from services.notifications.webhooks.model import OVERLAP
from shared.runtime.ids import new_id
from tests.integration.notifications.desk import ask
from tests.integration.notifications.office import ADDRESS, EVENT, Office, outcome_kinds
from tests.integration.notifications.test_erasing import erased
from tests.integration.notifications.webhooks import PARTNER, URL, Partners, deliver_all, states


def test_partner_is_told_of_confirmations_and_cancellations_alone(
    office: Office, tools: DeliveryContext, partners: Partners, webhook: dict[str, Any]
) -> None:
    one, two, three = new_id(), new_id(), new_id()
    office.hear(
        office.told("confirmed", one, partner=PARTNER),
        office.told("changed", one, 2, partner=PARTNER),
        office.told("link-requested", one, 2, partner=PARTNER),
        office.told("waitlisted", two, partner=PARTNER, person_ref="cd" * 32),
    )
    office.hear(office.told("promoted", two, 2, partner=PARTNER, person_ref="cd" * 32))
    office.hear(office.told("cancelled", one, 3, partner=PARTNER))
    office.hear(
        office.told("confirmed", three, partner="another-partner", person_ref="ef" * 32),
        office.told("confirmed", new_id(), person_ref="01" * 32),
    )
    assert deliver_all(tools) == 3
    said = [(told["type"], told["data"]) for told in partners.told]
    assert sorted(said, key=str) == sorted(
        [
            ("registration.confirmed", {"id": one, "form": EVENT, "status": "confirmed"}),
            ("registration.confirmed", {"id": two, "form": EVENT, "status": "confirmed"}),
            ("registration.cancelled", {"id": one, "form": EVENT, "status": "cancelled"}),
        ],
        key=str,
    )
    assert {tuple(told) for told in partners.told} == {("type", "timestamp", "data")}
    everything = " ".join(f"{headers} {body!r}" for _url, headers, body in partners.heard)
    assert [word for word in (ADDRESS, "A participant", "a-token", "ab" * 32) if word in everything] == []


def test_message_that_comes_again_tells_nobody_again(
    office: Office, tools: DeliveryContext, partners: Partners, webhook: dict[str, Any]
) -> None:
    told = [office.told("confirmed", new_id(), partner=PARTNER, person_ref=f"{n:064x}") for n in range(3)]
    again = [
        office.told("confirmed", one.subject, partner=PARTNER, person_ref=f"{n:064x}") for n, one in enumerate(told)
    ]
    heard = [outcome_kinds(office.hear(*messages)) for messages in (told, told, again)]
    assert heard == [["done"] * 3, ["duplicate"] * 3, ["done"] * 3]
    assert deliver_all(tools) == 3
    assert len({headers["webhook-id"] for _url, headers, _body in partners.heard}) == 3


def test_nobody_is_told_when_the_message_is_taken_back(
    office: Office, webhook: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What partners are told is stored in the transaction of its cause."""
    told = office.told("confirmed", new_id(), partner=PARTNER)
    broken = office.told("confirmed", new_id(), partner=PARTNER, sealed={"address": ""})
    office.hear(broken)
    assert states(office) == []
    office.hear(told)
    assert states(office) == [("queued", "", 0)]


def test_receivers_library_believes_the_call(
    office: Office, tools: DeliveryContext, partners: Partners, webhook: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    office.hear(office.told("confirmed", new_id(), partner=PARTNER))
    deliver_all(tools)
    [(url, headers, body)] = partners.heard
    assert url == URL
    assert int(headers["webhook-timestamp"]) == int(office.clock().timestamp())
    signed = Webhook(webhook["secret"]).sign(headers["webhook-id"], office.clock(), body.decode())
    assert headers["webhook-signature"] == signed


def test_secret_that_is_replaced_signs_for_a_day_more(
    client: FlaskClient, office: Office, tools: DeliveryContext, partners: Partners, webhook: dict[str, Any]
) -> None:
    new = ask(client, "POST", f"/v1/webhooks/{webhook['id']}/secret").get_json()["secret"]
    assert new != webhook["secret"]
    for hours in (0, 24):
        office.pass_time(hours=hours)
        office.hear(office.told("confirmed", new_id(), partner=PARTNER, person_ref=f"{hours:064x}"))
        deliver_all(tools)
    expected = [
        [Webhook(secret).sign(headers["webhook-id"], at, body.decode()) for secret in secrets]
        for (_url, headers, body), secrets, at in zip(
            partners.heard,
            ((new, webhook["secret"]), (new,)),
            (office.clock() - OVERLAP, office.clock()),
            strict=True,
        )
    ]
    assert [headers["webhook-signature"].split(" ") for _url, headers, _body in partners.heard] == expected


def test_secrets_stand_in_the_database_closed_alone_and_are_shown_once(
    client: FlaskClient, office: Office, webhook: dict[str, Any]
) -> None:
    [row] = office.rows("SELECT w.secret, w::text AS whole FROM webhook w")
    assert webhook["secret"].removeprefix("whsec_") not in row["whole"]
    assert webhook["secret"].encode() not in bytes(row["secret"])
    for path in ("/v1/webhooks", f"/v1/webhooks/{webhook['id']}"):
        assert webhook["secret"] not in ask(client, "GET", path).text
    assert webhook["secret"].startswith("whsec_")


def test_erasure_leaves_nothing_of_what_partners_were_told_or_were_to_be(
    office: Office, tools: DeliveryContext, partners: Partners, webhook: dict[str, Any]
) -> None:
    gone, stays = new_id(), new_id()
    office.hear(office.told("confirmed", gone, partner=PARTNER))
    deliver_all(tools)
    office.hear(office.told("cancelled", gone, 2, partner=PARTNER))
    office.hear(office.told("confirmed", stays, partner=PARTNER, person_ref="cd" * 32))
    assert office.hear(erased(office, gone, 3)) == ["done"]
    assert office.rows("SELECT registration_id::text AS id FROM webhook_delivery") == [{"id": stays}]
    assert deliver_all(tools) == 1
