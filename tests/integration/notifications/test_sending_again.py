"""Mails that reached no one are sent again on request: once, with correct content and the same Message-ID."""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default as modern
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from services.notifications import mail_commands
from services.notifications.recipients.model import NO_BULLETINS
from services.notifications.rules.model import EVENT_PAST, NEWER_MAIL, NO_LONGER_TRUE, NOT_NOTIFIED_PERIOD
from services.notifications.sending.outcomes import GIVE_UP_AFTER, MIN_ATTEMPTS
from services.notifications.sending.service import GIVEN_UP_REASON, UNKNOWN_AFTER, reap_leases
from services.notifications.telemetry import people_not_notified
from services.notifications.tracking.service import (
    ACTION,
    CHUNK,
    ResendOrder,
    measure_not_notified,
    preview_resend,
    send_again,
)
from services.notifications.tracking.store import MailSelection
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_id
from shared.runtime.runner import Stop
from tests.integration.notifications.bulletins import delivered, draft, person, send
from tests.integration.notifications.desk import sign_in
from tests.integration.notifications.notification_service import PERSON, NotificationService
from tests.integration.notifications.test_erasing import erased
from tests.support.smtp_relay import CUT, Relay

PAGE = "/console/mail/not-notified"
REFUSED = "the relay answered 550 to RCPT"
EVERYTHING = MailSelection()
ACTIONS = f"SELECT done_by, kind, subject, detail FROM audit_record WHERE action = '{ACTION}' ORDER BY id"
STARTS_AT = datetime(2020, 3, 4, 19, 0, tzinfo=UTC)


def refuse(notifications: NotificationService, script: Mapping[str, str] | None = None) -> None:
    """Let a sender have everything that is due, with a relay that takes nothing."""
    with Relay(dict(script or {"RCPT": "550 no such person"})) as relay:
        while notifications.sender(relay.port).run_once(Stop()):
            pass


def refused_confirmation(notifications: NotificationService, **changes: Any) -> str:
    """Someone whose confirmation was refused; the registration's id."""
    registration = new_id()
    notifications.consume(notifications.registration_message("confirmed", registration, **changes))
    refuse(notifications)
    return registration


def again(notifications: NotificationService, selection: MailSelection = EVERYTHING, who: str = "a coordinator") -> int:
    """Preview a selection and send it again."""
    work = notifications.work_of("web")
    return send_again(work, notifications.clock, ResendOrder(who, selection, _preview(notifications, selection).mark))


def _preview(notifications: NotificationService, selection: MailSelection = EVERYTHING) -> Any:
    return preview_resend(notifications.work_of("web"), notifications.clock, selection)


def obstacles(notifications: NotificationService) -> dict[str, int]:
    """Why mails are not sent again."""
    return dict(_preview(notifications).left_by_reason)


def test_failed_mail_is_sent_again_once_with_the_same_message_id(notifications: NotificationService) -> None:
    notifications.consume_event()
    refused_confirmation(notifications)
    mail = notifications.mail()
    assert (mail["state"], mail["ended_at"]) == ("failed", notifications.clock())
    assert _preview(notifications).people == 1
    assert again(notifications) == 1
    assert again(notifications) == 0
    assert notifications.mail()["state"] == "queued"
    (received,) = delivered(notifications)
    assert received["Message-ID"] == mail["message_id"]
    sent = notifications.mail()
    assert (sent["state"], sent["message_id"], sent["attempts"]) == ("sent", mail["message_id"], 1)
    assert (sent["ended_at"], sent["requeued_at"]) == (None, notifications.clock())
    assert notifications.attempts() == [(1, "claimed", "failed"), (2, "data", "sent")]
    assert again(notifications) == 0
    (action,) = notifications.rows(ACTIONS)
    assert action == {
        "done_by": "a coordinator",
        "kind": "mail",
        "subject": mail["id"],
        "detail": {"mail": "confirmation", "was": "failed", "reason": REFUSED},
    }


def test_mail_is_written_from_what_is_known_now(notifications: NotificationService) -> None:
    """The body of the first attempt was never kept: a title and an address that were corrected since are used."""
    notifications.consume_event()
    registration = refused_confirmation(notifications)
    notifications.consume_event(revision=2, title="The corrected title")
    notifications.consume(
        notifications.registration_message("confirmed", registration, sealed={"address": "corrected@example.org"})
    )
    assert again(notifications) == 1
    with Relay({}) as relay:
        notifications.sender(relay.port).run_once(Stop())
        received = message_from_bytes(relay.mails[0], policy=modern)
    assert (received["To"], received["Subject"]) == (
        "corrected@example.org",
        "You are registered: The corrected title",
    )


def test_mail_left_unknown_is_sent_again_and_the_copy_is_on_record(notifications: NotificationService) -> None:
    notifications.consume_event()
    notifications.consume(notifications.registration_message("confirmed", new_id()))
    for _ in range(2):
        refuse(notifications, {"DOT": CUT})
        assert _preview(notifications).mails == [], "the sender may still decide"
        notifications.pass_time(seconds=UNKNOWN_AFTER.total_seconds())
        reap_leases(notifications.work_of("send"), notifications.clock(), UNKNOWN_AFTER)
    mail = notifications.mail()
    assert (mail["state"], mail["reason"], mail["due_at"]) == ("unknown", GIVEN_UP_REASON, None)
    assert again(notifications) == 1
    assert len(delivered(notifications)) == 1
    assert [outcome for _number, _phase, outcome in notifications.attempts()] == ["unknown", "unknown", "sent"]
    assert (notifications.mail()["state"], notifications.mail()["unknowns"]) == ("sent", 2)


def test_time_limits_count_from_sending_again(notifications: NotificationService) -> None:
    """A relay that is down for a short time does not end a mail at once that was given up days ago."""
    notifications.consume_event()
    notifications.consume(notifications.registration_message("confirmed", new_id()))
    for _ in range(MIN_ATTEMPTS):
        refuse(notifications, {"RCPT": "450 later"})
        notifications.pass_time(seconds=(GIVE_UP_AFTER / 4).total_seconds())
    assert notifications.mail()["state"] == "failed"
    assert again(notifications) == 0, "the webinar is past by now"
    notifications.consume_event(revision=2, starts_at="2021-03-04T19:00:00Z", ends_at="2021-03-04T20:00:00Z")
    assert again(notifications) == 1
    refuse(notifications, {"RCPT": "450 later"})
    mail = notifications.mail()
    assert (mail["state"], mail["attempts"]) == ("deferred", 1)


def test_person_who_was_erased_is_not_written_to(notifications: NotificationService) -> None:
    notifications.consume_event()
    registration = refused_confirmation(notifications)
    preview = _preview(notifications)
    notifications.consume(erased(notifications, registration))
    assert (
        send_again(notifications.work_of("web"), notifications.clock, ResendOrder("x", EVERYTHING, preview.mark)) == 0
    )
    assert (notifications.mail()["state"], notifications.mail()["recipient"]) == ("failed", None)
    assert delivered(notifications) == []


def test_person_erased_after_it_was_queued_is_not_written_to(notifications: NotificationService) -> None:
    notifications.consume_event()
    registration = refused_confirmation(notifications)
    assert again(notifications) == 1
    notifications.consume(erased(notifications, registration))
    assert (notifications.mail()["state"], delivered(notifications)) == ("cancelled", [])


def test_what_is_no_longer_true_is_not_sent_again(notifications: NotificationService) -> None:
    notifications.consume_event()
    registration = refused_confirmation(notifications)
    notifications.consume(notifications.registration_message("cancelled", registration, 2))
    assert (again(notifications), obstacles(notifications)) == (0, {NO_LONGER_TRUE: 1})


def test_mail_about_a_past_event_is_not_sent_again(notifications: NotificationService) -> None:
    notifications.consume_event()
    refused_confirmation(notifications)
    notifications.clock.set(STARTS_AT + timedelta(minutes=89))
    assert _preview(notifications).people == 1
    notifications.clock.set(STARTS_AT + timedelta(minutes=90))
    assert (again(notifications), obstacles(notifications)) == (0, {EVENT_PAST: 1})


def test_mail_whose_event_passes_while_it_waits_is_cancelled(notifications: NotificationService) -> None:
    notifications.consume_event()
    refused_confirmation(notifications)
    assert again(notifications) == 1
    notifications.clock.set(STARTS_AT + timedelta(hours=2))
    assert delivered(notifications) == []
    assert (notifications.mail()["state"], notifications.mail()["reason"]) == ("cancelled", EVENT_PAST)


def test_bulletin_to_someone_who_wants_none_is_not_sent_again(
    notifications: NotificationService, client: FlaskClient
) -> None:
    person(notifications, 1)
    person(notifications, 2)
    assert send(client, draft(client)) == 200
    notifications.schedule()
    refuse(notifications)
    assert {mail["state"] for mail in notifications.mails() if mail["kind"] == "bulletin"} == {"failed"}
    notifications.leave(f"{1:064x}")
    chosen = MailSelection(kind="bulletin")
    assert again(notifications, chosen) == 1
    assert dict(_preview(notifications, chosen).left_by_reason) == {NO_BULLETINS: 1}
    assert [mail["Subject"] for mail in delivered(notifications)] == ["Who speaks for you?"]


def test_announcement_goes_by_another_registration_of_the_person(
    notifications: NotificationService, client: FlaskClient
) -> None:
    """The one it was addressed by has been cancelled since; the person is concerned all the same."""
    first, second = sorted((new_id(), new_id()))
    for registration in (first, second):
        notifications.consume(
            notifications.registration_message("confirmed", registration, form=f"form-{registration[-1]}", event=None)
        )
    refuse(notifications)
    assert send(client, draft(client)) == 200
    notifications.schedule()
    refuse(notifications)
    notifications.consume(
        notifications.registration_message("cancelled", first, 2, form=f"form-{first[-1]}", event=None)
    )
    delivered(notifications)
    assert again(notifications, MailSelection(kind="bulletin")) == 1
    assert delivered(notifications) == [], "the sender has moved it to the other registration"
    assert [mail["Subject"] for mail in delivered(notifications)] == ["Who speaks for you?"]


def test_older_news_are_not_sent_again_beside_newer_ones(notifications: NotificationService) -> None:
    notifications.consume_event()
    notifications.consume(notifications.registration_message("confirmed", new_id()))
    delivered(notifications)
    for revision, place in ((2, "Room XX"), (3, "Room XXI")):
        notifications.pass_time(hours=1)
        notifications.consume_event(revision=revision, mode="hybrid", place=place)
        notifications.pass_time(minutes=10)
        notifications.schedule()
        refuse(notifications)
    assert [mail["state"] for mail in notifications.mails() if mail["kind"] == "event-changed"] == ["failed", "failed"]
    assert (again(notifications), obstacles(notifications)) == (1, {NEWER_MAIL: 1})
    (received,) = delivered(notifications)
    assert "Room XXI" in received.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_missed_reminder_goes_late_and_states_no_wrong_period(notifications: NotificationService) -> None:
    notifications.clock.set(STARTS_AT - timedelta(days=7, hours=1))
    notifications.consume_event()
    notifications.consume(notifications.registration_message("confirmed", new_id()))
    delivered(notifications)
    notifications.clock.set(STARTS_AT - timedelta(days=7))
    notifications.schedule()
    notifications.clock.set(STARTS_AT - timedelta(days=6))
    notifications.schedule()
    assert notifications.states()["reminder-7-days"] == "missed"
    assert again(notifications) == 1
    (received,) = delivered(notifications)
    assert received["Subject"] == "Reminder: UPR Webinar Wednesday #10"
    assert "one week" not in received.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_missed_reminder_is_missed_again_once_its_event_has_begun(notifications: NotificationService) -> None:
    notifications.clock.set(STARTS_AT - timedelta(days=1, hours=1))
    notifications.consume_event()
    notifications.consume(notifications.registration_message("confirmed", new_id()))
    delivered(notifications)
    notifications.clock.set(STARTS_AT - timedelta(days=1))
    notifications.schedule()
    notifications.clock.set(STARTS_AT - timedelta(hours=2))
    notifications.schedule()
    assert again(notifications) == 1
    notifications.clock.set(STARTS_AT)
    notifications.schedule()
    assert delivered(notifications) == []
    assert notifications.states()["reminder-1-day"] == "missed"
    assert (again(notifications), obstacles(notifications)) == (0, {EVENT_PAST: 1})


def test_all_of_a_period_and_a_reason(notifications: NotificationService) -> None:
    notifications.consume_event()
    for day, script in enumerate(({"RCPT": "550 a"}, {"RCPT": "550 a"}, {"DATA": "554 b"})):
        notifications.consume(notifications.registration_message("confirmed", new_id(), person_ref=f"{day:064x}"))
        refuse(notifications, script)
        notifications.pass_time(hours=12)
    ended = [mail["ended_at"] for mail in notifications.mails()]
    assert _preview(notifications).people == 3
    chosen = MailSelection(since=ended[0], until=ended[2], reason=REFUSED)
    assert _preview(notifications, replace(chosen, since=ended[1])).people == 1
    assert again(notifications, chosen) == 2
    assert [mail["state"] for mail in notifications.mails()] == ["queued", "queued", "failed"]
    (action,) = notifications.rows(ACTIONS)
    assert action["detail"] == {
        "mails": 2,
        "since": ended[0].isoformat(),
        "until": ended[2].isoformat(),
        "reason": REFUSED,
    }


def test_more_than_one_transaction_holds_are_all_sent_again(notifications: NotificationService) -> None:
    notifications.consume_event()
    notifications.queue_mails(CHUNK + 5)
    refuse(notifications)
    assert again(notifications) == CHUNK + 5
    assert [action["detail"] for action in notifications.rows(ACTIONS)] == [{"mails": CHUNK}, {"mails": 5}]
    assert {mail["state"] for mail in notifications.mails()} == {"queued"}


def test_two_who_press_at_once_send_once(notifications: NotificationService) -> None:
    notifications.consume_event()
    notifications.queue_mails(50)
    refuse(notifications)
    order = ResendOrder("both", EVERYTHING, _preview(notifications).mark)
    with ThreadPoolExecutor(2) as both:
        done = list(both.map(lambda _: _or_refused(notifications, order), range(2)))
    assert sum(done) == 50
    assert len(delivered(notifications)) == 50
    assert sum(action["detail"]["mails"] for action in notifications.rows(ACTIONS)) == 50


def _or_refused(notifications: NotificationService, order: ResendOrder) -> int:
    try:
        return send_again(notifications.work_of("web"), notifications.clock, order)
    except DomainError:
        return 0


def test_other_mails_than_the_preview_showed_are_refused(notifications: NotificationService) -> None:
    notifications.consume_event()
    refused_confirmation(notifications)
    mark = _preview(notifications).mark
    refused_confirmation(notifications, person_ref="01" * 32)
    with pytest.raises(DomainError) as refusal:
        send_again(notifications.work_of("web"), notifications.clock, ResendOrder("x", EVERYTHING, mark))
    assert refusal.value.code == "preview-outdated"
    assert {mail["state"] for mail in notifications.mails()} == {"failed"}


def test_alert_counts_people_of_the_last_days(notifications: NotificationService) -> None:
    notifications.consume_event(starts_at="2021-03-04T19:00:00Z", ends_at=None)
    for registration in range(2):
        notifications.consume(notifications.registration_message("confirmed", new_id(), form=f"form-{registration}"))
    notifications.consume(notifications.registration_message("confirmed", new_id(), person_ref="01" * 32))
    refuse(notifications)
    assert len(notifications.mails()) == 3
    assert measure_not_notified(notifications.work_of("schedule"), notifications.clock) == 2
    assert people_not_notified._value.get() == 2
    notifications.pass_time(seconds=NOT_NOTIFIED_PERIOD.total_seconds() + 1)
    assert measure_not_notified(notifications.work_of("schedule"), notifications.clock) == 0


def _hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))


def test_console_shows_previews_and_sends_again(notifications: NotificationService, client: FlaskClient) -> None:
    notifications.consume_event()
    registration = refused_confirmation(notifications)
    sign_in(client)
    assert PAGE in client.get("/console/mail").text
    page = client.get(PAGE).text
    assert "1 person can be notified" in page
    assert "UPR Webinar Wednesday #10" in page
    assert f'href="/console/registrations/{registration}"' in page
    assert REFUSED in page
    sign_in(client, "viewer")
    assert registration not in client.get(PAGE).text
    sign_in(client)
    one = client.get(f"{PAGE}/send-again?id={notifications.mail()['id']}").text
    assert "Send to 1 person again" in one
    assert notifications.mail()["state"] == "failed"
    stale = client.post(f"{PAGE}/send-again", data={"mark": "0" * 64})
    assert (stale.status_code, "Not sent" in stale.text, notifications.mail()["state"]) == (409, True, "failed")
    done = client.post(f"{PAGE}/send-again", data=_hidden(one))
    assert (done.status_code, done.location) == (303, f"{PAGE}?sent=1")
    assert "1 mail is queued again" in client.get(done.location).text
    twice = client.post(f"{PAGE}/send-again", data=_hidden(one))
    assert (twice.status_code, twice.location) == (303, f"{PAGE}?sent=0")
    assert "There was nothing to send again" in client.get(twice.location).text
    assert len(delivered(notifications)) == 1
    entries = client.get("/v1/service-audit/notifications", headers={"Authorization": "Bearer coordinator"}).get_json()[
        "items"
    ]
    assert "mails-sent-again" in {entry["action"] for entry in entries}


def test_console_filters_by_period_and_reason(notifications: NotificationService, client: FlaskClient) -> None:
    notifications.consume_event()
    refused_confirmation(notifications)
    day = notifications.clock().date()
    sign_in(client)

    def people(query: str) -> str:
        found = re.search(r'<p class="big">(\d+) ', client.get(f"{PAGE}?{query}").text)
        assert found is not None
        return found[1]

    assert [people(f"since={day}"), people(f"until={day}"), people(f"since={day}&until={day}")] == ["1", "1", "1"]
    assert people(f"since={day + timedelta(days=1)}") == "0"
    assert people(f"until={day - timedelta(days=1)}") == "0"
    assert [people("since=9999-12-31"), people("until=9999-12-31")] == ["0", "1"]
    assert [people("reason=another"), people("reason=the+relay+answered+550+to+RCPT")] == ["0", "1"]
    for query in ("since=tomorrow", "id=7", "kind=letter", "reason=%00", "since=9999-12-32"):
        assert client.get(f"{PAGE}?{query}").status_code == 400


@pytest.mark.parametrize(
    ("key", "read", "sends"),
    [("viewer", 200, 403), ("operator", 200, 303), ("limited", 403, 403), ("partner", 403, 403)],
)
def test_who_may_read_and_send_again(client: FlaskClient, key: str, read: int, sends: int) -> None:
    sign_in(client, key)
    assert client.get(PAGE).status_code == read
    assert client.post(f"{PAGE}/send-again", data={"mark": ""}).status_code == sends


@pytest.fixture
def run(notifications: NotificationService, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command with an operator's login."""
    url = notifications.logins["operator"].url.render_as_string(hide_password=False)
    monkeypatch.setenv("NOTIFICATIONS_DATABASE_URL", url)
    monkeypatch.setenv("TROIKA_OPERATOR", "Op Erator")
    monkeypatch.setattr("shared.runtime.clock.system_clock", notifications.clock)
    return lambda *words: CliRunner().invoke(mail_commands.mails, words, catch_exceptions=False)


def test_command_lists_and_sends_again(notifications: NotificationService, run: Any) -> None:
    notifications.consume_event()
    refused_confirmation(notifications)
    mail_id = notifications.mail()["id"]
    listed = run("list").output
    assert mail_id in listed
    assert PERSON[:10] in listed
    assert "1 person can be notified by sending 1 of 1 mails again." in listed
    assert mail_id in run("list", "--until", "9999-12-31").output
    assert "0 of 0 mails" in run("list", "--since", "9999-12-31").output
    assert run("send-again", "--yes").exit_code == 2, "it names which"
    assert run("send-again", "--everything").exit_code == 2, "nobody can be asked here"
    assert "0 mails to 0 people" in run("send-again", "--reason", "another", "--yes").output
    done = run("send-again", "--id", mail_id, "--yes").output
    assert "1 mails to 1 person would be sent again." in done
    assert done.endswith("1 queued again.\n")
    assert [action["done_by"] for action in notifications.rows(ACTIONS)] == ["Op Erator"]
    assert len(delivered(notifications)) == 1
    assert "0 of 0 mails" in run("list").output
