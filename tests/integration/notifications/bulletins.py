"""People, bulletins to them and the mails sent, for tests."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from typing import Any

from flask.testing import FlaskClient

from shared.runtime.ids import new_id
from shared.runtime.runner import Stop
from tests.integration.notifications.desk import ask
from tests.integration.notifications.notification_service import NotificationService
from tests.support.smtp_relay import Relay

TEXTS = {
    "en": {"subject": "Who speaks for you?", "text": "Please choose.\n\nHere: https://register.example.org/embed/a."},
    "ar": {
        "subject": "\u0645\u0646 \u064a\u0645\u062b\u0644\u0643\u0645\u061f",
        "text": "\u0627\u062e\u062a\u0627\u0631\u0648\u0627.",
    },
}


def person(notifications: NotificationService, number: int, key: str = "confirmed", **changes: Any) -> str:
    """Someone with a registration; returns their reference."""
    reference = f"{number:064x}"
    content: dict[str, Any] = {"person_ref": reference, "working_group": "housing", **changes}
    notifications.consume(notifications.registration_message(key, content.pop("id", None) or new_id(), **content))
    return reference


def draft(client: FlaskClient, segment: dict[str, Any] | None = None, **changes: Any) -> str:
    """A draft's id; a text in the segment means one value."""
    given = {part: [value] if isinstance(value, str) else value for part, value in (segment or {}).items()}
    answer = ask(client, "POST", "/v1/bulletins", {"segment": given, "texts": TEXTS, **changes})
    assert answer.status_code == 201, answer.get_json()
    return str(answer.get_json()["id"])


def preview(client: FlaskClient, bulletin: str) -> dict[str, Any]:
    """What it would be if it were sent now."""
    shown: dict[str, Any] = ask(client, "POST", f"/v1/bulletins/{bulletin}/preview").get_json()
    return shown


def audience(client: FlaskClient, bulletin: str) -> int:
    """People counted now."""
    return int(preview(client, bulletin)["audience"])


def order_for(shown: dict[str, Any]) -> dict[str, Any]:
    """The order to send what a preview has shown."""
    return {"expected": shown["audience"], "mark": shown["mark"], "confirmed": shown["warnings"]}


def send(client: FlaskClient, bulletin: str, **changes: Any) -> int:
    """Send to as many as are counted; returns the status."""
    order = order_for(preview(client, bulletin)) | changes
    return ask(client, "POST", f"/v1/bulletins/{bulletin}/send", order).status_code


def delivered(notifications: NotificationService) -> list[EmailMessage]:
    """The mails that go now."""
    notifications.schedule()
    with Relay({}) as relay:
        while notifications.sender(relay.port).run_once(Stop()):
            pass
        found = [message_from_bytes(mail, policy=modern) for mail in relay.mails]
    return [mail for mail in found if isinstance(mail, EmailMessage)]


def bulletins(notifications: NotificationService) -> list[tuple[str, str]]:
    """Recipient and state of all mails of bulletins."""
    rows = notifications.rows("SELECT recipient, state FROM mail WHERE kind = 'bulletin' ORDER BY recipient")
    return [(row["recipient"], row["state"]) for row in rows]
