"""Mails of each kind of form; none quotes the form before its address is verified."""

from typing import Any

from shared.runtime.ids import new_id
from tests.integration.notifications.notification_service import EVENT, NotificationService
from tests.integration.notifications.review import texts_sent


def test_name_is_used_once_the_address_is_verified(notifications: NotificationService) -> None:
    notifications.consume_event()
    notifications.consume(notifications.registration_message("confirmed", new_id(), 2, verified=True))
    notifications.consume(notifications.registration_message("confirmed", new_id(), 1, person_ref="01" * 32))
    assert [text.splitlines()[2] for _subject, text in texts_sent(notifications)] == ["Hello A participant,", "Hello,"]


def test_delegation_mail_names_the_webinar_to_attend(notifications: NotificationService) -> None:
    notifications.consume_event()
    notifications.consume_event(id="upr-review", kind="review", title="The review", mode="in_person", join_url=None)
    delegate: dict[str, Any] = {
        "form": "geneva-delegation",
        "form_kind": "delegation",
        "event": "upr-review",
        "attend": EVENT,
    }
    notifications.consume(notifications.registration_message("confirmed", new_id(), **delegate))
    ((subject, text),) = texts_sent(notifications)
    assert subject == "You are on the list of the Geneva delegation: The review"
    asked = text[text.index("Please also attend") :]
    assert "UPR Webinar Wednesday #10" in asked
    assert "New York time (EST, UTC−5)" in asked
    assert "https://register.example.org/programme/upr-webinar-10?lang=en" in asked


def test_working_group_is_named_and_the_mail_waits_for_its_message(notifications: NotificationService) -> None:
    member: dict[str, Any] = {"form": "join", "form_kind": "working_group", "event": None, "working_group": "housing"}
    notifications.consume(notifications.registration_message("confirmed", new_id(), **member))
    assert texts_sent(notifications) == []
    assert notifications.mail()["state"] == "deferred"
    notifications.consume_group()
    notifications.pass_time(seconds=6)
    ((subject, text),) = texts_sent(notifications)
    assert subject == "You have joined a working group"
    assert "Housing" in text
