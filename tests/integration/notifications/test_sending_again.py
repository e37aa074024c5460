"""Mails that reached nobody are sent again as somebody decides: once, true, with the same Message-ID."""

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
from services.notifications.recipients.service import unsubscribe
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
from tests.integration.notifications.office import PERSON, Office
from tests.integration.notifications.test_erasing import erased
from tests.support.smtp_relay import CUT, Relay

PAGE = "/console/mail/not-notified"
REFUSED = "the relay answered 550 to RCPT"
EVERYTHING = MailSelection()
ACTIONS = f"SELECT done_by, kind, subject, detail FROM audit_record WHERE action = '{ACTION}' ORDER BY id"
STARTS_AT = datetime(2020, 3, 4, 19, 0, tzinfo=UTC)


def refuse(office: Office, script: Mapping[str, str] | None = None) -> None:
    """Let a sender have everything that is due, with a relay that takes nothing."""
    with Relay(dict(script or {"RCPT": "550 no such person"})) as relay:
        while office.sender(relay.port).run_once(Stop()):
            pass


def refused_confirmation(office: Office, **changes: Any) -> str:
    """Somebody whose confirmation was refused; the registration's id."""
    registration = new_id()
    office.hear(office.told("confirmed", registration, **changes))
    refuse(office)
    return registration


def again(office: Office, selection: MailSelection = EVERYTHING, who: str = "a coordinator") -> int:
    """Preview a selection and send it again."""
    work = office.work_of("web")
    return send_again(work, office.clock, ResendOrder(who, selection, _preview(office, selection).mark))


def _preview(office: Office, selection: MailSelection = EVERYTHING) -> Any:
    return preview_resend(office.work_of("web"), office.clock, selection)


def obstacles(office: Office) -> dict[str, int]:
    """Why mails are not sent again."""
    return dict(_preview(office).left_by_reason)


def test_failed_mail_is_sent_again_once_with_the_same_message_id(office: Office) -> None:
    office.hear_event()
    refused_confirmation(office)
    mail = office.mail()
    assert (mail["state"], mail["ended_at"]) == ("failed", office.clock())
    assert _preview(office).people == 1
    assert again(office) == 1
    assert again(office) == 0
    assert office.mail()["state"] == "queued"
    (received,) = delivered(office)
    assert received["Message-ID"] == mail["message_id"]
    sent = office.mail()
    assert (sent["state"], sent["message_id"], sent["attempts"]) == ("sent", mail["message_id"], 1)
    assert (sent["ended_at"], sent["requeued_at"]) == (None, office.clock())
    assert office.attempts() == [(1, "claimed", "failed"), (2, "data", "sent")]
    assert again(office) == 0
    (action,) = office.rows(ACTIONS)
    assert action == {
        "done_by": "a coordinator",
        "kind": "mail",
        "subject": mail["id"],
        "detail": {"mail": "confirmation", "was": "failed", "reason": REFUSED},
    }


def test_mail_is_written_from_what_is_known_now(office: Office) -> None:
    """The body of the first attempt was never kept: a title and an address that were corrected since are used."""
    office.hear_event()
    registration = refused_confirmation(office)
    office.hear_event(revision=2, title="The corrected title")
    office.hear(office.told("confirmed", registration, sealed={"address": "corrected@example.org"}))
    assert again(office) == 1
    with Relay({}) as relay:
        office.sender(relay.port).run_once(Stop())
        received = message_from_bytes(relay.mails[0], policy=modern)
    assert (received["To"], received["Subject"]) == (
        "corrected@example.org",
        "You are registered: The corrected title",
    )


def test_mail_left_unknown_is_sent_again_and_the_copy_is_on_record(office: Office) -> None:
    office.hear_event()
    office.hear(office.told("confirmed", new_id()))
    for _ in range(2):
        refuse(office, {"DOT": CUT})
        assert _preview(office).mails == [], "the sender may still decide"
        office.pass_time(seconds=UNKNOWN_AFTER.total_seconds())
        reap_leases(office.work_of("send"), office.clock(), UNKNOWN_AFTER)
    mail = office.mail()
    assert (mail["state"], mail["reason"], mail["due_at"]) == ("unknown", GIVEN_UP_REASON, None)
    assert again(office) == 1
    assert len(delivered(office)) == 1
    assert [outcome for _number, _phase, outcome in office.attempts()] == ["unknown", "unknown", "sent"]
    assert (office.mail()["state"], office.mail()["unknowns"]) == ("sent", 2)


def test_time_limits_count_from_sending_again(office: Office) -> None:
    """A relay that is away for a moment does not end a mail at once that was given up days ago."""
    office.hear_event()
    office.hear(office.told("confirmed", new_id()))
    for _ in range(MIN_ATTEMPTS):
        refuse(office, {"RCPT": "450 later"})
        office.pass_time(seconds=(GIVE_UP_AFTER / 4).total_seconds())
    assert office.mail()["state"] == "failed"
    assert again(office) == 0, "the webinar is past by now"
    office.hear_event(revision=2, starts_at="2021-03-04T19:00:00Z", ends_at="2021-03-04T20:00:00Z")
    assert again(office) == 1
    refuse(office, {"RCPT": "450 later"})
    mail = office.mail()
    assert (mail["state"], mail["attempts"]) == ("deferred", 1)


def test_person_who_was_erased_is_not_written_to(office: Office) -> None:
    office.hear_event()
    registration = refused_confirmation(office)
    preview = _preview(office)
    office.hear(erased(office, registration))
    assert send_again(office.work_of("web"), office.clock, ResendOrder("x", EVERYTHING, preview.mark)) == 0
    assert (office.mail()["state"], office.mail()["recipient"]) == ("failed", None)
    assert delivered(office) == []


def test_person_erased_after_it_was_queued_is_not_written_to(office: Office) -> None:
    office.hear_event()
    registration = refused_confirmation(office)
    assert again(office) == 1
    office.hear(erased(office, registration))
    assert (office.mail()["state"], delivered(office)) == ("cancelled", [])


def test_what_is_no_longer_true_is_not_sent_again(office: Office) -> None:
    office.hear_event()
    registration = refused_confirmation(office)
    office.hear(office.told("cancelled", registration, 2))
    assert (again(office), obstacles(office)) == (0, {NO_LONGER_TRUE: 1})


def test_mail_about_a_past_event_is_not_sent_again(office: Office) -> None:
    office.hear_event()
    refused_confirmation(office)
    office.clock.set(STARTS_AT + timedelta(minutes=89))
    assert _preview(office).people == 1
    office.clock.set(STARTS_AT + timedelta(minutes=90))
    assert (again(office), obstacles(office)) == (0, {EVENT_PAST: 1})


def test_mail_whose_event_passes_while_it_waits_is_cancelled(office: Office) -> None:
    office.hear_event()
    refused_confirmation(office)
    assert again(office) == 1
    office.clock.set(STARTS_AT + timedelta(hours=2))
    assert delivered(office) == []
    assert (office.mail()["state"], office.mail()["reason"]) == ("cancelled", EVENT_PAST)


def test_bulletin_to_somebody_who_wants_none_is_not_sent_again(office: Office, client: FlaskClient) -> None:
    person(office, 1)
    person(office, 2)
    assert send(client, draft(client)) == 200
    office.schedule()
    refuse(office)
    assert {mail["state"] for mail in office.mails() if mail["kind"] == "bulletin"} == {"failed"}
    unsubscribe(office.work_of("web"), office.clock, f"{1:064x}")
    chosen = MailSelection(kind="bulletin")
    assert again(office, chosen) == 1
    assert dict(_preview(office, chosen).left_by_reason) == {NO_BULLETINS: 1}
    assert [mail["Subject"] for mail in delivered(office)] == ["Who speaks for you?"]


def test_announcement_goes_by_another_registration_of_the_person(office: Office, client: FlaskClient) -> None:
    """The one it was addressed by has been cancelled since; the person is concerned all the same."""
    first, second = sorted((new_id(), new_id()))
    for registration in (first, second):
        office.hear(office.told("confirmed", registration, form=f"form-{registration[-1]}", event=None))
    refuse(office)
    assert send(client, draft(client)) == 200
    office.schedule()
    refuse(office)
    office.hear(office.told("cancelled", first, 2, form=f"form-{first[-1]}", event=None))
    delivered(office)
    assert again(office, MailSelection(kind="bulletin")) == 1
    assert delivered(office) == [], "the sender has moved it to the other registration"
    assert [mail["Subject"] for mail in delivered(office)] == ["Who speaks for you?"]


def test_older_news_are_not_sent_again_beside_newer_ones(office: Office) -> None:
    office.hear_event()
    office.hear(office.told("confirmed", new_id()))
    delivered(office)
    for revision, place in ((2, "Room XX"), (3, "Room XXI")):
        office.pass_time(hours=1)
        office.hear_event(revision=revision, mode="hybrid", place=place)
        office.pass_time(minutes=10)
        office.schedule()
        refuse(office)
    assert [mail["state"] for mail in office.mails() if mail["kind"] == "event-changed"] == ["failed", "failed"]
    assert (again(office), obstacles(office)) == (1, {NEWER_MAIL: 1})
    (received,) = delivered(office)
    assert "Room XXI" in received.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_missed_reminder_goes_late_and_says_no_wrong_distance(office: Office) -> None:
    office.clock.set(STARTS_AT - timedelta(days=7, hours=1))
    office.hear_event()
    office.hear(office.told("confirmed", new_id()))
    delivered(office)
    office.clock.set(STARTS_AT - timedelta(days=7))
    office.schedule()
    office.clock.set(STARTS_AT - timedelta(days=6))
    office.schedule()
    assert office.states()["reminder-7-days"] == "missed"
    assert again(office) == 1
    (received,) = delivered(office)
    assert received["Subject"] == "Reminder: UPR Webinar Wednesday #10"
    assert "one week" not in received.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_missed_reminder_is_missed_again_once_its_event_has_begun(office: Office) -> None:
    office.clock.set(STARTS_AT - timedelta(days=1, hours=1))
    office.hear_event()
    office.hear(office.told("confirmed", new_id()))
    delivered(office)
    office.clock.set(STARTS_AT - timedelta(days=1))
    office.schedule()
    office.clock.set(STARTS_AT - timedelta(hours=2))
    office.schedule()
    assert again(office) == 1
    office.clock.set(STARTS_AT)
    office.schedule()
    assert delivered(office) == []
    assert office.states()["reminder-1-day"] == "missed"
    assert (again(office), obstacles(office)) == (0, {EVENT_PAST: 1})


def test_all_of_a_period_and_a_reason(office: Office) -> None:
    office.hear_event()
    for day, script in enumerate(({"RCPT": "550 a"}, {"RCPT": "550 a"}, {"DATA": "554 b"})):
        office.hear(office.told("confirmed", new_id(), person_ref=f"{day:064x}"))
        refuse(office, script)
        office.pass_time(hours=12)
    ended = [mail["ended_at"] for mail in office.mails()]
    assert _preview(office).people == 3
    chosen = MailSelection(since=ended[0], until=ended[2], reason=REFUSED)
    assert _preview(office, replace(chosen, since=ended[1])).people == 1
    assert again(office, chosen) == 2
    assert [mail["state"] for mail in office.mails()] == ["queued", "queued", "failed"]
    (action,) = office.rows(ACTIONS)
    assert action["detail"] == {
        "mails": 2,
        "since": ended[0].isoformat(),
        "until": ended[2].isoformat(),
        "reason": REFUSED,
    }


def test_more_than_one_transaction_holds_are_all_sent_again(office: Office) -> None:
    office.hear_event()
    office.queue_mails(CHUNK + 5)
    refuse(office)
    assert again(office) == CHUNK + 5
    assert [action["detail"] for action in office.rows(ACTIONS)] == [{"mails": CHUNK}, {"mails": 5}]
    assert {mail["state"] for mail in office.mails()} == {"queued"}


def test_two_who_press_at_once_send_once(office: Office) -> None:
    office.hear_event()
    office.queue_mails(50)
    refuse(office)
    order = ResendOrder("both", EVERYTHING, _preview(office).mark)
    with ThreadPoolExecutor(2) as both:
        done = list(both.map(lambda _: _or_refused(office, order), range(2)))
    assert sum(done) == 50
    assert len(delivered(office)) == 50
    assert sum(action["detail"]["mails"] for action in office.rows(ACTIONS)) == 50


def _or_refused(office: Office, order: ResendOrder) -> int:
    try:
        return send_again(office.work_of("web"), office.clock, order)
    except DomainError:
        return 0


def test_other_mails_than_the_preview_showed_are_refused(office: Office) -> None:
    office.hear_event()
    refused_confirmation(office)
    mark = _preview(office).mark
    refused_confirmation(office, person_ref="01" * 32)
    with pytest.raises(DomainError) as refusal:
        send_again(office.work_of("web"), office.clock, ResendOrder("x", EVERYTHING, mark))
    assert refusal.value.code == "preview-outdated"
    assert {mail["state"] for mail in office.mails()} == {"failed"}


def test_alert_counts_people_of_the_last_days(office: Office) -> None:
    office.hear_event(starts_at="2021-03-04T19:00:00Z", ends_at=None)
    for registration in range(2):
        office.hear(office.told("confirmed", new_id(), form=f"form-{registration}"))
    office.hear(office.told("confirmed", new_id(), person_ref="01" * 32))
    refuse(office)
    assert len(office.mails()) == 3
    assert measure_not_notified(office.work_of("schedule"), office.clock) == 2
    assert people_not_notified._value.get() == 2
    office.pass_time(seconds=NOT_NOTIFIED_PERIOD.total_seconds() + 1)
    assert measure_not_notified(office.work_of("schedule"), office.clock) == 0


def _hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))


def test_console_shows_previews_and_sends_again(office: Office, client: FlaskClient) -> None:
    office.hear_event()
    registration = refused_confirmation(office)
    sign_in(client)
    assert PAGE in client.get("/console/mail").text
    page = client.get(PAGE).text
    assert "1 person can be notified" in page
    assert "UPR Webinar Wednesday #10" in page
    assert f'href="/console/registrations/{registration}"' in page
    assert REFUSED in page
    one = client.get(f"{PAGE}/send-again?id={office.mail()['id']}").text
    assert "Send to 1 person again" in one
    assert office.mail()["state"] == "failed"
    stale = client.post(f"{PAGE}/send-again", data={"mark": "0" * 64})
    assert (stale.status_code, "Not sent" in stale.text, office.mail()["state"]) == (409, True, "failed")
    done = client.post(f"{PAGE}/send-again", data=_hidden(one))
    assert (done.status_code, done.location) == (303, f"{PAGE}?sent=1")
    assert "1 mail is queued again" in client.get(done.location).text
    twice = client.post(f"{PAGE}/send-again", data=_hidden(one))
    assert (twice.status_code, twice.location) == (303, f"{PAGE}?sent=0")
    assert "There was nothing to send again" in client.get(twice.location).text
    assert len(delivered(office)) == 1
    entries = client.get("/v1/service-audit/notifications", headers={"Authorization": "Bearer coordinator"}).get_json()[
        "items"
    ]
    assert "mails-sent-again" in {entry["action"] for entry in entries}


def test_console_filters_by_period_and_reason(office: Office, client: FlaskClient) -> None:
    office.hear_event()
    refused_confirmation(office)
    day = office.clock().date()
    sign_in(client)

    def people(query: str) -> str:
        found = re.search(r'<p class="big">(\d+) ', client.get(f"{PAGE}?{query}").text)
        assert found is not None
        return found[1]

    assert [people(f"since={day}"), people(f"until={day}"), people(f"since={day}&until={day}")] == ["1", "1", "1"]
    assert people(f"since={day + timedelta(days=1)}") == "0"
    assert people(f"until={day - timedelta(days=1)}") == "0"
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
def run(office: Office, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command with an operator's login."""
    url = office.logins["operator"].url.render_as_string(hide_password=False)
    monkeypatch.setenv("NOTIFICATIONS_DATABASE_URL", url)
    monkeypatch.setenv("TROIKA_OPERATOR", "Op Erator")
    monkeypatch.setattr("shared.runtime.clock.system_clock", office.clock)
    return lambda *words: CliRunner().invoke(mail_commands.mails, words, catch_exceptions=False)


def test_command_lists_and_sends_again(office: Office, run: Any) -> None:
    office.hear_event()
    refused_confirmation(office)
    mail_id = office.mail()["id"]
    listed = run("list").output
    assert mail_id in listed
    assert PERSON[:10] in listed
    assert "1 person can be notified by sending 1 of 1 mails again." in listed
    assert run("send-again", "--yes").exit_code == 2, "it says which"
    assert run("send-again", "--everything").exit_code == 2, "nobody can be asked here"
    assert "0 mails to 0 people" in run("send-again", "--reason", "another", "--yes").output
    done = run("send-again", "--id", mail_id, "--yes").output
    assert "1 mails to 1 person would be sent again." in done
    assert done.endswith("1 queued again.\n")
    assert [action["done_by"] for action in office.rows(ACTIONS)] == ["Op Erator"]
    assert len(delivered(office)) == 1
    assert "0 of 0 mails" in run("list").output
