"""After any change in between, no mail is sent that is untrue at that time, and none is sent twice."""

from dataclasses import replace
from email import message_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.notifications.mails.kinds import KINDS
from services.notifications.sending import composer
from shared.runtime.ids import new_id
from shared.runtime.runner import Stop
from tests.integration.notifications.notification_service import NotificationService
from tests.integration.notifications.test_consuming import history
from tests.support.smtp_relay import Relay

SEND = 5
"""A step that is not a message: a sender runs."""


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.integers(0, SEND), max_size=16))
def test_no_untrue_mail_goes_out_and_none_twice(notifications: NotificationService, steps: list[int]) -> None:
    notifications.consume_event()
    registration_id = new_id()
    messages = history(notifications, registration_id)
    sent_of_this = f"SELECT kind, message_id FROM mail WHERE subject = '{registration_id}' AND state = 'sent'"
    status = f"SELECT status FROM recipient WHERE subject = '{registration_id}'"
    sent: dict[str, str] = {}
    with Relay({}) as relay:
        for step in [*steps, *range(SEND + 1)]:
            if step != SEND:
                notifications.consume(replace(messages[step], id=new_id()))
                continue
            notifications.sender(relay.port).run_once(Stop())
            now_sent = {row["message_id"]: row["kind"] for row in notifications.rows(sent_of_this)}
            for kind in (kind for message_id, kind in now_sent.items() if message_id not in sent):
                assert notifications.rows(status)[0]["status"] in KINDS[kind].true_while
            sent = now_sent
        received = [str(message_from_bytes(mail)["Message-ID"]) for mail in relay.mails]
    assert sorted(received) == sorted(sent)
    assert "cancelled-by-you" in sent.values()


@pytest.mark.parametrize("asked_when_written", [True, False])
def test_without_the_rule_an_untrue_mail_would_go_out(
    notifications: NotificationService, monkeypatch: pytest.MonkeyPatch, asked_when_written: bool
) -> None:
    """The negative control: the same cancellation, with the cancelling rolled back. The statement is repeated."""
    notifications.consume_event()
    if not asked_when_written:
        monkeypatch.setattr(composer, "is_outdated", lambda *_: False)
    registration_id = new_id()
    notifications.consume(
        notifications.registration_message("confirmed", registration_id),
        notifications.registration_message("cancelled", registration_id, 2),
    )
    with notifications.work.transaction() as connection:
        connection.exec_driver_sql("UPDATE mail SET state = 'queued', reason = NULL WHERE state = 'cancelled'")
    with Relay({}) as relay:
        notifications.sender(relay.port).run_once(Stop())
        subjects = [str(message_from_bytes(mail)["Subject"]) for mail in relay.mails]
    untrue = [] if asked_when_written else ["You are registered"]
    assert [subject.partition(":")[0] for subject in subjects] == [*untrue, "Registration cancelled"]
