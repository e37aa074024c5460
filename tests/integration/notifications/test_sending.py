"""A sender with a scripted relay: each answer leads to its state, and is reported once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default as modern
from typing import Any

import pytest
from sqlalchemy import text

from services.notifications.sending.composer import EVENT_MISSING, NO_EVENT
from services.notifications.sending.outcomes import FIRST_DELAY_S, GIVE_UP_AFTER, MIN_ATTEMPTS, NO_ANSWER, NOT_REACHED
from services.notifications.sending.sender import Sender
from services.notifications.sending.service import begin_handover, claim_due
from services.notifications.telemetry import mail_handover_seconds, mails_total
from shared.db.readiness import CheckedClock
from shared.messaging.contracts import registry
from shared.messaging.contracts.schemas import Message, decode
from shared.runtime.ids import new_id
from shared.runtime.metrics import final_work_refused_total
from shared.runtime.runner import Stop
from tests.integration.notifications.notification_service import ADDRESS, EVENT, NotificationService
from tests.support.clock import agreeing
from tests.support.ports import free_port
from tests.support.smtp_relay import CUT, STALL, Relay
from tests.support.waiting import poll_until


def counted(kind: str, outcome: str) -> float:
    """How many mails of that kind had that outcome so far."""
    value: float = mails_total.labels(kind, outcome)._value.get()
    return value


def test_mail_is_handed_over_and_reported_as_sent(notifications: NotificationService) -> None:
    notifications.consume_event()
    registration_id = new_id()
    notifications.consume(notifications.registration_message("confirmed", registration_id))
    notifications.pass_time(seconds=3)
    before = counted("confirmation", "sent")
    timed = mail_handover_seconds.labels("confirmation")._sum.get()
    with Relay({}) as relay:
        assert notifications.sender(relay.port).run_once(Stop()) == 1
        (content,) = relay.mails
        assert f"rcpt to:<{ADDRESS}>" in [line.lower() for line in relay.commands]
    mail = notifications.mail()
    assert (mail["state"], mail["sent_at"], mail["attempts"], mail["reason"]) == (
        "sent",
        notifications.clock(),
        1,
        None,
    )
    assert notifications.attempts() == [(1, "data", "sent")]
    received = message_from_bytes(content, policy=modern)
    assert received["Message-ID"] == mail["message_id"]
    assert received["To"] == ADDRESS
    (row,) = notifications.rows("SELECT body FROM outbox")
    message = decode(bytes(row["body"]))
    assert message.correlation_id == "a-correlation"
    assert registry.read(message) == {
        "mail_id": mail["id"],
        "revision": 1,
        "kind": "confirmation",
        "about": "registration",
        "subject": registration_id,
        "event": EVENT,
        "caused_at": notifications.clock() - timedelta(seconds=3),
        "occurred_at": notifications.clock(),
    }
    assert counted("confirmation", "sent") == before + 1
    assert mail_handover_seconds.labels("confirmation")._sum.get() == timed + 3


BY_MODE = {
    None: "We will write to you as soon as there is one for you.",
    "in-order": "it goes to the next person on the list",
    "offers": "we offer it to the next person on the list",
    "by-hand": "The organisers decide who gets a seat",
}
"""By promotion mode: what the mail to a person who waits says; None in messages of versions that did not state it."""


@pytest.mark.parametrize("mode", BY_MODE)
def test_waiting_list_mail_states_the_promotion_mode(notifications: NotificationService, mode: str | None) -> None:
    stated: dict[str, Any] = {} if mode is None else {"promotion_mode": mode}
    [shown] = texts_of(notifications, notifications.registration_message("waitlisted", new_id(), **stated))
    assert [known for known, sentence in BY_MODE.items() if sentence in shown] == [mode]


KEPT_BY_A_LINK = "To keep your place, follow the link to your own page in this e-mail by"


def texts_of(notifications: NotificationService, *messages: Message) -> list[str]:
    """The plain text of the mail that each message causes, in order, in one line."""
    notifications.consume_event()
    found = []
    for message in messages:
        notifications.consume(message)
        with Relay({}) as relay:
            assert notifications.sender(relay.port).run_once(Stop()) == 1
            body = message_from_bytes(relay.mails[0], policy=modern).get_body(("plain",))
        assert body is not None
        found.append(" ".join(body.get_content().split()))
    return found


def test_mails_about_a_place_that_lapses_state_until_when(notifications: NotificationService) -> None:
    """Those with the link that keeps it, and in the zone of the person; no other mail, and none about a place that
    does not lapse.
    """
    kinds = ("confirmed", "waitlisted", "promoted", "link-requested", "changed")
    for lapses_at, stating in (("2020-03-10T09:00:00Z", [True] * 4 + [False]), (None, [False] * 5)):
        messages = [notifications.registration_message(kind, new_id(), lapses_at=lapses_at) for kind in kinds]
        found = texts_of(notifications, *messages)
        assert [KEPT_BY_A_LINK in text for text in found] == stating
        assert ["12:00" in text for text in found] == stating


@pytest.mark.parametrize("lapsed", [True, False])
def test_mail_about_a_cancellation_states_that_it_has_lapsed(notifications: NotificationService, lapsed: bool) -> None:
    [text] = texts_of(notifications, notifications.registration_message("cancelled", new_id(), lapsed=lapsed))
    assert ("No one has used the links" in text, "has been cancelled" in text) == (lapsed, not lapsed)


def test_every_kind_is_handed_over_in_one_session(notifications: NotificationService) -> None:
    notifications.consume_event()
    for key in ("confirmed", "waitlisted", "promoted", "cancelled", "changed", "link-requested"):
        notifications.consume(notifications.registration_message(key, new_id()))
    notifications.consume(notifications.wanted(new_id()))
    with Relay({}) as relay:
        assert notifications.sender(relay.port).run_once(Stop()) == 7
        assert relay.connections == 1
        subjects = [message_from_bytes(mail, policy=modern)["Subject"] for mail in relay.mails]
    assert [subject.partition(":")[0] for subject in subjects] == [
        "You are registered",
        "You are on the waiting list",
        "You now have a seat",
        "Registration cancelled",
        "Your registration has changed",
        "The link to your registration",
        "Please confirm what was entered with your address",
    ]
    assert set(notifications.states().values()) == {"sent"}


@pytest.mark.parametrize(
    ("script", "state", "attempt", "reason"),
    [
        ({"RCPT": "550 no such person"}, "failed", ("claimed", "failed"), "the relay answered 550 to RCPT"),
        ({"DATA": "554 no"}, "failed", ("data", "failed"), "the relay answered 554 to DATA"),
        ({"DOT": "550 spam"}, "failed", ("data", "failed"), "the relay answered 550 to DOT"),
        ({"MAIL": "550 not you"}, "deferred", ("claimed", "deferred"), "the relay answered 550 to MAIL"),
        ({"RCPT": "450 later"}, "deferred", ("claimed", "deferred"), "the relay answered 450 to RCPT"),
        ({"DOT": "451 disk full"}, "deferred", ("data", "deferred"), "the relay answered 451 to DOT"),
        ({"RCPT": "421 bye"}, "deferred", ("claimed", "deferred"), "the relay answered 421 to RCPT"),
        ({"GREETING": "554 go away"}, "deferred", ("claimed", "deferred"), NOT_REACHED),
        ({"RCPT": CUT}, "deferred", ("claimed", "deferred"), NOT_REACHED),
        ({"RCPT": STALL}, "deferred", ("claimed", "deferred"), NOT_REACHED),
        ({"DATA": CUT}, "deferred", ("data", "deferred"), NOT_REACHED),
        ({"DOT": CUT}, "unknown", ("data", "unknown"), NO_ANSWER),
        ({"DOT": STALL}, "unknown", ("data", "unknown"), NO_ANSWER),
    ],
)
def test_outcome_leads_to_its_state(
    notifications: NotificationService,
    script: dict[str, str | list[str]],
    state: str,
    attempt: tuple[str, str],
    reason: str,
) -> None:
    notifications.consume_event()
    notifications.queue_mails(1)
    before = counted("confirmation", state)
    with Relay(script) as relay:
        notifications.sender(relay.port).run_once(Stop())
    mail = notifications.mail()
    assert (mail["state"], mail["reason"], mail["attempts"]) == (state, reason, 1)
    assert notifications.attempts() == [(1, *attempt)]
    assert notifications.reported_sent() == []
    bounced = [message.data["refused"] for message in notifications.published("mail.bounced.v1")]
    assert bounced == (["RCPT" in script] if state == "failed" else [])
    assert counted("confirmation", state) == before + 1
    if state == "deferred":
        assert timedelta() <= mail["due_at"] - notifications.clock() <= timedelta(seconds=FIRST_DELAY_S)


def test_refused_mail_does_not_hold_up_the_next(notifications: NotificationService) -> None:
    notifications.consume_event()
    notifications.queue_mails(3)
    with Relay({"RCPT": ["250 ok", "550 no", "250 ok"]}) as relay:
        notifications.sender(relay.port).run_once(Stop())
    assert [mail["state"] for mail in notifications.mails()] == ["sent", "failed", "sent"]


def test_relay_that_limits_a_session_gets_another(notifications: NotificationService) -> None:
    notifications.consume_event()
    notifications.queue_mails(3)
    with Relay({"MAIL": ["250 ok", "250 ok", "250 ok"], "RCPT": ["250 ok", "421 enough", "250 ok"]}) as relay:
        notifications.sender(relay.port).run_once(Stop())
        assert relay.connections == 2
    assert [mail["state"] for mail in notifications.mails()] == ["sent", "deferred", "sent"]


def test_quit_that_fails_changes_nothing(notifications: NotificationService) -> None:
    notifications.consume_event()
    notifications.queue_mails(1)
    with Relay({"QUIT": CUT}) as relay:
        notifications.sender(relay.port).run_once(Stop())
    assert notifications.mail()["state"] == "sent"


def test_mail_is_given_up_after_three_days_and_ten_attempts(notifications: NotificationService) -> None:
    """By a sender that was down for three days it is tried as often as any other."""
    notifications.consume_event()
    notifications.queue_mails(1)
    notifications.clock.advance(GIVE_UP_AFTER)
    with Relay({"RCPT": "450 later"}) as relay:
        sender = notifications.sender(relay.port)
        for _ in range(MIN_ATTEMPTS):
            assert notifications.mail()["state"] in ("queued", "deferred")
            assert sender.run_once(Stop()) == 1
            notifications.pass_time(hours=4)
    mail = notifications.mail()
    assert (mail["state"], mail["reason"]) == ("failed", "given up after 72 hours: the relay answered 450 to RCPT")
    assert [message.data["refused"] for message in notifications.published("mail.bounced.v1")] == [False]
    assert mail["attempts"] == MIN_ATTEMPTS


@pytest.mark.parametrize("days", [4, -4])
def test_sender_with_a_wrong_clock_gives_up_nothing_and_takes_no_mail_from_others(
    notifications: NotificationService, days: int
) -> None:
    """Nor does it decide the outcome of mails that another sender has claimed."""
    notifications.consume_event()
    notifications.queue_mails(2)
    with notifications.engine.begin() as connection:
        connection.execute(text("UPDATE mail SET attempts = 50, fence = 50"))
    (other, *_) = claim_due(notifications.work, notifications.clock, 1)
    begin_handover(notifications.work, notifications.clock, other.mail)
    work, right = notifications.work_of("send"), notifications.clock

    def wrong() -> datetime:
        return right() + timedelta(days=days)

    clock = CheckedClock(wrong, work, "notifications", lambda _connection: right())
    refused = final_work_refused_total.labels("notifications", "leases")._value.get
    before, stop = refused(), Stop()
    with Relay({"RCPT": "450 later"}) as relay, ThreadPoolExecutor(1) as pool:
        tools = notifications.tools(relay.port)
        sender = Sender(replace(tools, clock=clock, composer=replace(tools.composer, clock=clock)))
        running = pool.submit(sender.run, stop)
        poll_until(lambda: refused() > before, 10, what="the sender was refused to check leases")
        stop.now()
        running.result()
    states = sorted((mail["state"], mail["phase"]) for mail in notifications.mails())
    assert states == [("claimed", "data"), ("deferred" if days > 0 else "queued", None)]


def test_mail_waits_for_its_event(notifications: NotificationService) -> None:
    notifications.queue_mails(1)
    with Relay({}) as relay:
        sender = notifications.sender(relay.port)
        sender.run_once(Stop())
        mail = notifications.mail()
        assert (mail["state"], mail["reason"], mail["attempts"]) == ("deferred", EVENT_MISSING, 0)
        assert mail["due_at"] == notifications.clock() + timedelta(seconds=5)
        notifications.consume_event()
        assert sender.run_once(Stop()) == 0
        notifications.pass_time(seconds=5)
        assert sender.run_once(Stop()) == 1
    assert notifications.mail()["state"] == "sent"


def test_form_without_event_has_nothing_to_write_about(notifications: NotificationService) -> None:
    notifications.consume(notifications.registration_message("confirmed", new_id(), event=None))
    with Relay({}) as relay:
        notifications.sender(relay.port).run_once(Stop())
        assert relay.connections == 0
    assert (notifications.mail()["state"], notifications.mail()["reason"]) == ("failed", NO_EVENT)


def test_mail_that_cannot_be_composed_stops_no_other(notifications: NotificationService) -> None:
    notifications.consume_event()
    notifications.consume_event(id="broken", time_zone="Nowhere/Land")
    notifications.consume(notifications.registration_message("confirmed", new_id(), event="broken"))
    notifications.queue_mails(1)
    with Relay({}) as relay:
        notifications.sender(relay.port).run_once(Stop())
    assert [mail["state"] for mail in notifications.mails()] == ["deferred", "sent"]


def test_address_that_is_none_fails(notifications: NotificationService) -> None:
    notifications.consume_event()
    notifications.consume(
        notifications.registration_message("confirmed", new_id(), sealed={"address": "a@example.org, b@example.org"})
    )
    with Relay({}) as relay:
        notifications.sender(relay.port).run_once(Stop())
        assert relay.mails == []
    assert notifications.mail()["state"] == "failed"


def test_relay_outage_costs_one_attempt_and_all_mails_go_afterwards(notifications: NotificationService) -> None:
    notifications.consume_event()
    notifications.queue_mails(25)
    down = notifications.sender(free_port())
    assert down.run_once(Stop()) == 10
    states = [mail["state"] for mail in notifications.mails()]
    assert (states.count("deferred"), states.count("queued")) == (1, 24)
    assert down.run_once(Stop()) == 1
    states = [mail["state"] for mail in notifications.mails()]
    assert (states.count("deferred"), states.count("queued")) == (2, 23)
    notifications.pass_time(seconds=FIRST_DELAY_S)
    with Relay({}) as relay:
        up = notifications.sender(relay.port)
        while up.run_once(Stop()):
            pass
        assert len(relay.mails) == 25
    assert {mail["state"] for mail in notifications.mails()} == {"sent"}
    assert len(set(notifications.reported_sent())) == 25


def test_stop_ends_between_two_mails_and_gives_back_the_rest(notifications: NotificationService) -> None:
    notifications.consume_event()
    notifications.queue_mails(3)
    stop = Stop()

    def asked_to_stop() -> float:
        stop.now()
        return 0.0

    with Relay({}) as relay:
        sender = notifications.sender(relay.port, monotonic=asked_to_stop)  # checked just before a handover
        sender.run_once(stop)
        assert len(relay.mails) == 1
    assert [mail["state"] for mail in notifications.mails()] == ["sent", "queued", "queued"]
    assert notifications.attempts() == [(1, "data", "sent"), (1, "claimed", "released"), (1, "claimed", "released")]


def test_mail_cancelled_while_claimed_is_not_sent(notifications: NotificationService) -> None:
    notifications.consume_event()
    registration_id = new_id()
    notifications.consume(notifications.registration_message("confirmed", registration_id))
    with Relay({}) as relay:
        composer = notifications.tools(relay.port).composer
        cancelled = notifications.registration_message("cancelled", registration_id, 2)

        def cancelled_before_handover() -> datetime:
            notifications.consume(cancelled)
            return notifications.clock()

        notifications.sender(
            relay.port, composer=replace(composer, clock=agreeing(cancelled_before_handover, notifications.work))
        ).run_once(Stop())
        assert relay.mails == []
    assert notifications.states() == {"confirmation": "cancelled", "cancelled-by-you": "queued"}
    assert notifications.attempts() == [(1, "claimed", "cancelled")]
