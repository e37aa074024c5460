"""The real ``send`` and ``schedule``: they drain on SIGTERM, and a kill loses and duplicates nothing."""

import os
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from sqlalchemy import text

from services.notifications.recipients.service import make_unsubscribe_token, request_unsubscribing
from shared.runtime.clock import rfc3339, system_clock
from tests.integration.notifications.notification_service import ADDRESS, PERSON, NotificationService
from tests.support.processes import ProcessGroup, Program
from tests.support.smtp_relay import STALL, Relay
from tests.support.waiting import poll_until

Start = Callable[[str, int], Program]


@pytest.fixture
def start(notifications: NotificationService, processes: ProcessGroup, tmp_path: Path) -> Start:
    """Starts a sender with the service's keys, or a scheduler by that name; the service's time is the machine's."""
    notifications.clock.set(system_clock())
    vault_key = os.urandom(32)
    vault, private, access = tmp_path / "vault.key", tmp_path / "private.key", tmp_path / "access.json"
    vault.write_text(vault_key.hex())
    private.write_text(notifications.private_key.hex())
    access.write_text("[]")
    object.__setattr__(notifications, "vault", type(notifications.vault)([vault_key]))

    def start_worker(name: str, smtp_port: int) -> Program:
        environment = {
            "NOTIFICATIONS_DATABASE_URL": notifications.engine.url.render_as_string(hide_password=False),
            "TROIKA_BUS_DATABASE_URL": "postgresql://127.0.0.1/unused",
            "TROIKA_ACCESS_FILE": str(access),
            "TROIKA_NOTIFICATIONS_KEY_FILE": str(private),
            "TROIKA_NOTIFICATIONS_VAULT_FILE": str(vault),
            "TROIKA_UNSUBSCRIBE_KEY_FILE": str(vault),
            "SMTP_URL": f"smtp://127.0.0.1:{smtp_port}",
            "TROIKA_MAIL_FROM": "upr@example.org",
            "TROIKA_MAIL_UNKNOWN_AFTER_S": "1",
        }
        role = "schedule" if name.startswith("scheduler") else "send"
        return processes.start(name, f"services.notifications {role}", env=environment)

    return start_worker


def test_sender_carries_out_links_sends_what_is_due_and_drains(
    notifications: NotificationService, start: Start
) -> None:
    token = make_unsubscribe_token(notifications.vault, PERSON, "en", notifications.clock())
    request_unsubscribing(notifications.work_of("public"), notifications.clock, token)
    notifications.consume_event()
    notifications.queue_mails(3)
    with Relay({}) as relay:
        sender = start("sender", relay.port)
        poll_until(lambda: {mail["state"] for mail in notifications.mails()} == {"sent"}, 20)
        assert len(relay.mails) == 3
        assert notifications.rows("SELECT person_ref FROM suppression") == [{"person_ref": PERSON}]
        assert sender.terminate() == 0
    assert ADDRESS not in sender.log_text()


def test_relay_that_is_down_and_comes_back_gets_everything_once(
    notifications: NotificationService, start: Start
) -> None:
    notifications.consume_event()
    notifications.queue_mails(5)
    with Relay({"GREETING": "421 not now"}) as relay:
        sender = start("sender", relay.port)
        poll_until(lambda: any(mail["state"] == "deferred" for mail in notifications.mails()), 20)
        relay._script["GREETING"] = ["220 relay"]
        with notifications.engine.begin() as connection:  # instead of waiting half a minute for what is deferred
            connection.execute(text("UPDATE mail SET due_at = now() WHERE state = 'deferred'"))
        poll_until(lambda: {mail["state"] for mail in notifications.mails()} <= {"sent", "deferred"}, 30)
        with notifications.engine.begin() as connection:
            connection.execute(text("UPDATE mail SET due_at = now() WHERE state = 'deferred'"))
        poll_until(lambda: {mail["state"] for mail in notifications.mails()} == {"sent"}, 40)
        assert sender.terminate() == 0
        assert len(relay.mails) == 5


def test_sender_killed_in_the_handover_leaves_an_unknown_that_is_resent_once(
    notifications: NotificationService, start: Start
) -> None:
    notifications.consume_event()
    notifications.queue_mails(1)
    with Relay({"DOT": [STALL, "250 ok"]}) as relay:
        first = start("first", relay.port)
        poll_until(lambda: len(relay.mails) == 1, 20)
        first.kill()
        assert (notifications.mail()["state"], notifications.mail()["phase"]) == ("claimed", "data")
        with notifications.engine.begin() as connection:  # instead of waiting ten minutes
            connection.execute(text("UPDATE mail SET lease_until = :then"), {"then": system_clock() - timedelta(1)})
        second = start("second", relay.port)
        poll_until(lambda: notifications.mail()["state"] == "sent", 40)
        assert second.terminate() == 0
        names = [message_from_bytes(mail)["Message-ID"] for mail in relay.mails]
    assert names == [notifications.mail()["message_id"]] * 2
    assert notifications.attempts() == [(1, "data", "unknown"), (2, "data", "sent")]


def test_restarted_scheduler_continues_the_announcement_and_notifies_everyone_once(
    notifications: NotificationService, start: Start
) -> None:
    people, counting = (
        900,
        "SELECT count(*) AS n, count(DISTINCT recipient) AS people FROM mail WHERE kind LIKE 'event-%'",
    )
    soon = system_clock() + timedelta(days=30)  # by the clock of processes: news of what is over reach no one
    dates = {"starts_at": rfc3339(soon), "ends_at": rfc3339(soon + timedelta(hours=1))}
    notifications.consume_event(**dates)
    notifications.queue_mails(people)
    gone = "UPDATE mail SET state = 'sent', sent_at = created_at, event_revision = 1, closed = NULL"
    with notifications.engine.begin() as connection:  # their confirmations have gone: they know the room that was
        connection.execute(text(gone))
    notifications.consume_event(revision=2, place="Another room", **dates)
    with notifications.engine.begin() as connection:  # instead of waiting a minute
        connection.execute(text("UPDATE event_news SET due_at = began_at"))
    first = start("scheduler-1", 9)
    poll_until(lambda: notifications.rows(counting)[0]["n"] > 0, 30)
    first.kill()
    assert notifications.rows(counting)[0]["n"] < people
    second = start("scheduler-2", 9)
    poll_until(lambda: notifications.rows("SELECT 1 FROM announcement WHERE ended_at IS NOT NULL") != [], 30)
    assert second.terminate() == 0
    assert notifications.rows(counting) == [{"n": people, "people": people}]


def test_unusable_settings_end_the_process_with_all_faults(processes: ProcessGroup) -> None:
    sound = "postgresql://127.0.0.1/unused"
    environment = {"NOTIFICATIONS_DATABASE_URL": sound, "TROIKA_BUS_DATABASE_URL": sound}
    wrong = {"SMTP_URL": "http://x", "TROIKA_MAIL_FROM": "x", "TROIKA_MAIL_UNKNOWN_AFTER_S": "soon"}
    sender = processes.start("sender", "services.notifications send", env={**environment, **wrong})
    assert sender.wait() == 2
    faults = {line.partition(":")[0].partition(" (")[0].strip() for line in sender.log_text().splitlines()[1:-1]}
    assert faults == {
        *wrong,
        "TROIKA_NOTIFICATIONS_VAULT_FILE",
        "TROIKA_UNSUBSCRIBE_KEY_FILE",
    }
