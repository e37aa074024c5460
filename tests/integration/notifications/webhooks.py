"""Partners with webhooks, and the outcome of deliveries."""

import json
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient

from services.notifications.webhooks.deliverer import DeliveryContext, claim_batch, deliver
from services.notifications.webhooks.model import CallResult
from tests.integration.notifications.desk import ask
from tests.integration.notifications.notification_service import NotificationService

PARTNER, URL = "example-partner", "https://hooks.example.org/troika"


@dataclass
class Partners:
    """Receivers that answer at once; ``answers`` is the answer of each URL, 200 by default."""

    answers: dict[str, CallResult] = field(default_factory=dict)
    received: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def __call__(self, url: str, headers: dict[str, str], body: bytes) -> CallResult:
        self.received.append((url, headers, body))
        return self.answers.get(url, CallResult(200))

    @property
    def payloads(self) -> list[dict[str, Any]]:
        """What was delivered, in order."""
        return [json.loads(body) for _url, _headers, body in self.received]


def added(client: FlaskClient, url: str = URL, partner: str = PARTNER) -> dict[str, Any]:
    """An address as the coordinator who notes it sees it."""
    answer = ask(client, "POST", "/v1/webhooks", {"partner": partner, "url": url})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def deliver_all(tools: DeliveryContext) -> int:
    """Deliver what is due, one after the other; returns how many calls that took."""
    calls = 0
    while claimed := claim_batch(tools, 5):
        for one in claimed:
            deliver(tools, one)
            calls += 1
    return calls


def states(notifications: NotificationService) -> list[tuple[str, str, int]]:
    """State, reason and attempts of all deliveries, in order."""
    rows = notifications.rows("SELECT state, reason, attempts FROM webhook_delivery ORDER BY created_at, id")
    return [(row["state"], row["reason"], row["attempts"]) for row in rows]
