"""Partners are told once of what concerns them, without a word about anybody, until they want no more."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from standardwebhooks.webhooks import Webhook

from services.notifications.delivering import Deliverer
from services.notifications.domain.webhook import DELAYS, OFF_AFTER, OVERLAP, Called
from services.notifications.store.deliveries import forget_ended
from services.notifications.usecases.deliver import LEASE, DeliveryTools, claim_some, deliver
from shared.core.ids import new_id
from tests.integration.notifications.desk import ask
from tests.integration.notifications.office import ADDRESS, EVENT, Office, verdict_kinds
from tests.integration.notifications.test_erasing import erased
from tests.support.waiting import poll_until

PARTNER, URL = "example-partner", "https://hooks.example.org/troika"


@dataclass
class Partners:
    """Receivers that answer at once; ``says`` is what each URL answers, 200 unless told otherwise."""

    says: dict[str, Called] = field(default_factory=dict)
    heard: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def __call__(self, url: str, headers: dict[str, str], body: bytes) -> Called:
        self.heard.append((url, headers, body))
        return self.says.get(url, Called(200))

    @property
    def told(self) -> list[dict[str, Any]]:
        """What was told, in order."""
        return [json.loads(body) for _url, _headers, body in self.heard]


@pytest.fixture
def partners() -> Partners:
    """Who is called."""
    return Partners()


@pytest.fixture
def tools(office: Office, partners: Partners) -> DeliveryTools:
    """A deliverer's."""
    return DeliveryTools(office.work_of("deliver"), office.clock, office.vault, partners)


@pytest.fixture
def webhook(client: FlaskClient) -> dict[str, Any]:
    """An address of the partner, with its secret."""
    return added(client)


def added(client: FlaskClient, url: str = URL, partner: str = PARTNER) -> dict[str, Any]:
    """An address as the coordinator who notes it sees it."""
    answer = ask(client, "POST", "/v1/webhooks", {"partner": partner, "url": url})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def deliver_all(tools: DeliveryTools) -> int:
    """Deliver what is due, one after the other; returns how many calls that took."""
    calls = 0
    while claimed := claim_some(tools, 5):
        for one in claimed:
            deliver(tools, one)
            calls += 1
    return calls


def states(office: Office) -> list[tuple[str, str, int]]:
    """State, reason and attempts of all deliveries, in order."""
    rows = office.rows("SELECT state, reason, attempts FROM webhook_delivery ORDER BY created_at, id")
    return [(row["state"], row["reason"], row["attempts"]) for row in rows]


def test_partner_is_told_of_confirmations_and_cancellations_alone(
    office: Office, tools: DeliveryTools, partners: Partners, webhook: dict[str, Any]
) -> None:
    one, two, three = new_id(), new_id(), new_id()
    office.hear(
        office.told("verification-requested", one, partner=PARTNER),
        office.told("confirmed", one, 2, partner=PARTNER),
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
    office: Office, tools: DeliveryTools, partners: Partners, webhook: dict[str, Any]
) -> None:
    told = [office.told("confirmed", new_id(), partner=PARTNER, person_ref=f"{n:064x}") for n in range(3)]
    again = [
        office.told("confirmed", one.subject, partner=PARTNER, person_ref=f"{n:064x}") for n, one in enumerate(told)
    ]
    heard = [verdict_kinds(office.hear(*messages)) for messages in (told, told, again)]
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
    office: Office, tools: DeliveryTools, partners: Partners, webhook: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    office.hear(office.told("confirmed", new_id(), partner=PARTNER))
    deliver_all(tools)
    [(url, headers, body)] = partners.heard
    assert url == URL
    assert int(headers["webhook-timestamp"]) == int(office.clock().timestamp())
    signed = Webhook(webhook["secret"]).sign(headers["webhook-id"], office.clock(), body.decode())
    assert headers["webhook-signature"] == signed


def test_secret_that_is_replaced_signs_for_a_day_more(
    client: FlaskClient, office: Office, tools: DeliveryTools, partners: Partners, webhook: dict[str, Any]
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


def test_call_that_fails_comes_again_ever_later_with_the_same_id_and_is_given_up(
    office: Office, tools: DeliveryTools, partners: Partners, webhook: dict[str, Any]
) -> None:
    partners.says[URL] = Called(503)
    office.hear(office.told("confirmed", new_id(), partner=PARTNER))
    assert deliver_all(tools) == 1
    for delay in DELAYS:
        office.pass_time(seconds=delay.total_seconds() * 0.85)
        assert deliver_all(tools) == 0
        office.pass_time(seconds=delay.total_seconds() * 0.3)
        assert deliver_all(tools) == 1
    assert states(office) == [("failed", "answered 503", len(DELAYS) + 1)]
    assert len({headers["webhook-id"] for _url, headers, _body in partners.heard}) == 1


def test_answer_gone_turns_the_address_off_and_calls_off_what_waits(
    client: FlaskClient, office: Office, tools: DeliveryTools, partners: Partners, webhook: dict[str, Any]
) -> None:
    partners.says[URL] = Called(410)
    for number in range(2):
        office.hear(office.told("confirmed", new_id(), partner=PARTNER, person_ref=f"{number:064x}"))
    assert deliver_all(tools) == 1
    office.hear(office.told("confirmed", new_id(), partner=PARTNER, person_ref="cd" * 32))
    assert sorted(states(office)) == [("called_off", "switched off", 0), ("failed", "answered 410", 1)]
    shown = ask(client, "GET", f"/v1/webhooks/{webhook['id']}").get_json()
    assert (shown["off_reason"], shown["off_at"] is not None) == ("gone", True)
    [line] = ask(client, "GET", "/v1/trail/notifications?who=the system", key="operator").get_json()["items"]
    assert (line["deed"], line["detail"]) == ("webhook-switched-off", {"reason": "gone"})


def test_address_at_which_nothing_works_for_days_is_turned_off_until_somebody_turns_it_on(
    client: FlaskClient, office: Office, tools: DeliveryTools, partners: Partners, webhook: dict[str, Any]
) -> None:
    partners.says[URL] = Called(fault="no answer in time")
    for _ in range(2):
        office.hear(office.told("confirmed", new_id(), partner=PARTNER, person_ref=new_id().replace("-", "") * 2))
        deliver_all(tools)
        office.pass_time(seconds=OFF_AFTER.total_seconds())
    deliver_all(tools)
    shown = ask(client, "GET", f"/v1/webhooks/{webhook['id']}").get_json()
    assert shown["off_reason"] == "failing"
    partners.says.clear()
    on = ask(client, "PATCH", f"/v1/webhooks/{webhook['id']}", {"on": True}).get_json()
    assert (on["off_at"], on["off_reason"], on["failing_since"]) == (None, None, None)
    office.hear(office.told("confirmed", new_id(), partner=PARTNER, person_ref="cd" * 32))
    assert deliver_all(tools) == 1
    assert states(office)[-1] == ("delivered", "", 1)


def test_call_that_went_well_forgets_that_others_have_failed(
    office: Office, tools: DeliveryTools, partners: Partners, webhook: dict[str, Any]
) -> None:
    partners.says[URL] = Called(500)
    office.hear(office.told("confirmed", new_id(), partner=PARTNER))
    deliver_all(tools)
    assert office.rows("SELECT failing_since FROM webhook")[0]["failing_since"] == office.clock()
    partners.says.clear()
    office.pass_time(seconds=10)
    deliver_all(tools)
    assert office.rows("SELECT failing_since FROM webhook") == [{"failing_since": None}]


def test_slow_receiver_keeps_nobody_else_waiting(
    client: FlaskClient, office: Office, tools: DeliveryTools, webhook: dict[str, Any]
) -> None:
    """One call at a time to an address; while it lasts, others' go on."""
    added(client, "https://other.example.org/", "another-partner")
    for _ in range(3):
        for partner in (PARTNER, "another-partner"):
            office.hear(office.told("confirmed", new_id(), partner=partner, person_ref=new_id().replace("-", "") * 2))
    held = claim_some(tools, 16)
    assert sorted(one.url for one in held) == sorted([URL, "https://other.example.org/"])
    [slow] = [one for one in held if one.url == URL]
    for one in held:
        if one is not slow:
            deliver(tools, one)
    assert deliver_all(tools) == 2
    assert claim_some(tools, 16) == []
    deliver(tools, slow)
    assert deliver_all(tools) == 2


def test_delivery_whose_deliverer_ended_is_called_again_and_settled_once(
    office: Office, tools: DeliveryTools, partners: Partners, webhook: dict[str, Any]
) -> None:
    office.hear(office.told("confirmed", new_id(), partner=PARTNER))
    [lost] = claim_some(tools, 5)
    assert claim_some(tools, 5) == []
    office.pass_time(seconds=LEASE.total_seconds())
    [again] = claim_some(tools, 5)
    assert (again.id, again.fence) == (lost.id, lost.fence + 1)
    partners.says[URL] = Called(500)
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
    office: Office, tools: DeliveryTools, partners: Partners, webhook: dict[str, Any], pool: ThreadPoolExecutor
) -> None:
    for number in range(3):
        office.hear(office.told("confirmed", new_id(), partner=PARTNER, person_ref=f"{number:064x}"))
    deliverer = Deliverer(tools, places=4)

    def all_delivered() -> bool:
        deliverer.turn(pool)
        return [state for state, _reason, _attempts in states(office)] == ["delivered"] * 3

    poll_until(all_delivered, within_s=30)


def test_what_ended_is_forgotten_after_a_while(
    office: Office, tools: DeliveryTools, partners: Partners, webhook: dict[str, Any]
) -> None:
    office.hear(office.told("confirmed", new_id(), partner=PARTNER))
    deliver_all(tools)
    office.hear(office.told("confirmed", new_id(), partner=PARTNER, person_ref="cd" * 32))
    with office.work_of("relay").transaction() as connection:
        assert forget_ended(connection, office.clock(), 10) == 0
        assert forget_ended(connection, office.clock() + timedelta(seconds=1), 10) == 1
    assert states(office) == [("queued", "", 0)]


def test_deliveries_are_listed_page_by_page(
    client: FlaskClient, office: Office, tools: DeliveryTools, webhook: dict[str, Any]
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


@pytest.mark.parametrize(
    "url", ["http://hooks.example.org/", "https://127.0.0.1/", "https://localhost/", "https://a:b@c.d/"]
)
def test_address_that_may_not_be_called_is_not_noted(client: FlaskClient, office: Office, url: str) -> None:
    answer = ask(client, "POST", "/v1/webhooks", {"partner": PARTNER, "url": url})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "webhook-refused")
    assert office.rows("SELECT id FROM webhook") == []


def test_addresses_of_a_partner_are_few_and_none_twice(client: FlaskClient, webhook: dict[str, Any]) -> None:
    codes = [
        ask(client, "POST", "/v1/webhooks", {"partner": PARTNER, "url": f"{URL}{number}"}).status_code
        for number in range(10)
    ]
    assert codes == [201] * 9 + [409]
    answer = ask(client, "POST", "/v1/webhooks", {"partner": PARTNER, "url": URL})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "already-exists")


def test_life_of_an_address_stands_in_the_trail(client: FlaskClient, office: Office, webhook: dict[str, Any]) -> None:
    path = f"/v1/webhooks/{webhook['id']}"
    office.hear(office.told("confirmed", new_id(), partner=PARTNER))
    ask(client, "POST", f"{path}/secret")
    for on in (False, False, True):
        assert ask(client, "PATCH", path, {"on": on}).status_code == 200
    assert ask(client, "DELETE", path).status_code == 204
    assert ask(client, "DELETE", path).status_code == 404
    lines = ask(client, "GET", "/v1/trail/notifications", key="operator").get_json()["items"]
    assert [line["deed"] for line in lines] == [
        "webhook-deleted",
        "webhook-switched-on",
        "webhook-switched-off",
        "webhook-secret-replaced",
        "webhook-added",
    ]
    assert {(line["who"], line["detail"]["partner"]) for line in lines} == {("coordinator", PARTNER)}
    assert states(office) == []


def test_erasure_leaves_nothing_of_what_partners_were_told_or_were_to_be(
    office: Office, tools: DeliveryTools, partners: Partners, webhook: dict[str, Any]
) -> None:
    gone, stays = new_id(), new_id()
    office.hear(office.told("confirmed", gone, partner=PARTNER))
    deliver_all(tools)
    office.hear(office.told("cancelled", gone, 2, partner=PARTNER))
    office.hear(office.told("confirmed", stays, partner=PARTNER, person_ref="cd" * 32))
    assert office.hear(erased(office, gone, 3)) == ["done"]
    assert office.rows("SELECT registration_id::text AS id FROM webhook_delivery") == [{"id": stays}]
    assert deliver_all(tools) == 1
