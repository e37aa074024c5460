"""A registration ends while an announcement waits: its person gets it by another one, once, or not at all."""

import time
from collections.abc import Callable
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.notifications.consumers import MAIL
from services.notifications.mails.model import ClaimedMail, HandoverOutcome
from services.notifications.sending.outcomes import retried, sent
from services.notifications.sending.service import begin_handover, claim_due, finish_mails
from shared.messaging.contracts import registry
from shared.messaging.contracts.schemas import Message
from tests.integration.notifications.bulletins import draft, send
from tests.integration.notifications.office import Office
from tests.integration.notifications.review import NOVEMBER, REVIEW, registered, send_all, tell, wait_and_tell
from tests.support.locks import WAITING
from tests.support.smtp_relay import Relay

KINDS = ("attendance", "delegation")
"""Of the forms, best first."""


def cancellation(office: Office, registration_id: str, form_kind: str) -> Message:
    """The person of number 1 is no longer on this form."""
    form = {"form": f"a-{form_kind}", "form_kind": form_kind, "event": REVIEW, "person_ref": f"{1:064x}"}
    return office.told("cancelled", registration_id, 2, **form)


def on_forms(office: Office, *form_kinds: str, **changes: Any) -> dict[str, str]:
    """One person on several forms for the review, who has their confirmations; ids by kind of form."""
    tell(office, 1)
    told = {kind: registered(office, 1, kind, sealed={"view": f"link-of-{kind}"}, **changes) for kind in form_kinds}
    office.pass_time(seconds=1)
    return told


def move_review(office: Office, **changes: Any) -> None:
    """The review has another date, and the news of it wait for a sender."""
    tell(office, 2, **{**NOVEMBER, **changes})
    wait_and_tell(office)


def announced(office: Office) -> list[tuple[str, str, str]]:
    """Kind, subject and state of what was announced, in order of making."""
    mails = [mail for mail in office.mails() if mail["kind"] not in ("confirmation", "cancelled-by-you")]
    return [(mail["kind"], str(mail["subject"]), mail["state"]) for mail in mails]


def links(office: Office) -> list[str]:
    """By which form's link the mails go that are sent now, but for those about a cancellation."""
    with Relay({}) as relay:
        send_all(office, relay)
    found = [mail.decode() for mail in relay.mails if b"Registration cancelled" not in mail]
    return [kind for mail in found for kind in (*KINDS, "interest") if f"link-of-{kind}" in mail]


@pytest.mark.parametrize("order", [KINDS, KINDS[::-1]])
def test_news_go_by_what_is_left_and_are_cancelled_with_the_last(office: Office, order: tuple[str, str]) -> None:
    who = on_forms(office, *KINDS)
    move_review(office)
    assert announced(office) == [("event-rescheduled", who["attendance"], "queued")]
    ended, left = order
    office.hear(cancellation(office, who[ended], ended))
    assert announced(office) == [("event-rescheduled", who[left], "queued")]
    office.hear(cancellation(office, who[left], left))
    assert announced(office) == [("event-rescheduled", who[left], "cancelled")]


@pytest.mark.parametrize("order", [KINDS, KINDS[::-1]])
def test_mail_goes_once_with_the_link_that_works(office: Office, order: tuple[str, str]) -> None:
    who = on_forms(office, *KINDS)
    move_review(office)
    office.hear(cancellation(office, who[order[0]], order[0]))
    office.schedule()
    assert links(office) == [order[1]]
    office.hear(cancellation(office, who[order[1]], order[1]))
    assert announced(office) == [("event-rescheduled", who[order[1]], "sent")]


def test_best_of_those_that_are_left_is_taken(office: Office) -> None:
    who = on_forms(office, "delegation", "webinar", "attendance")
    move_review(office)
    assert announced(office) == [("event-rescheduled", who["webinar"], "queued")]
    office.hear(cancellation(office, who["webinar"], "webinar"))
    assert announced(office) == [("event-rescheduled", who["attendance"], "queued")]


@pytest.mark.parametrize(
    ("mode", "kind", "form_kind", "state"),
    [
        ("hybrid", "remote-possible", "interest", "queued"),
        ("in_person", "event-rescheduled", "delegation", "cancelled"),
    ],
)
def test_whoever_only_asked_about_remote_attendance_is_told_of_that_alone(
    office: Office, mode: str, kind: str, form_kind: str, state: str
) -> None:
    who = on_forms(office, "delegation", "interest")
    move_review(office, mode=mode)
    assert announced(office) == [("event-rescheduled", who["delegation"], "queued")]
    office.hear(cancellation(office, who["delegation"], "delegation"))
    assert announced(office) == [(kind, who[form_kind], state)]


@pytest.mark.parametrize(
    ("segment", "moved"), [({}, True), ({"event": REVIEW}, True), ({"form": "a-attendance"}, False)]
)
def test_bulletin_goes_by_another_registration_of_its_segment(
    office: Office, client: FlaskClient, segment: dict[str, str], moved: bool
) -> None:
    who = on_forms(office, *KINDS)
    assert send(client, draft(client, segment)) == 200
    office.schedule()
    assert announced(office) == [("bulletin", who["attendance"], "queued")]
    office.hear(cancellation(office, who["attendance"], "attendance"))
    left = ("delegation", "queued") if moved else ("attendance", "cancelled")
    assert announced(office) == [("bulletin", who[left[0]], left[1])]


@pytest.mark.parametrize(("key", "moved"), [("confirmed", True), ("waitlisted", False)])
def test_recording_goes_by_another_seat_alone(office: Office, key: str, moved: bool) -> None:
    who = on_forms(office, "attendance") | on_forms(office, "delegation", key=key)
    office.hear_resource(event=REVIEW)
    office.schedule()
    assert announced(office)[-1] == ("recording-available", who["attendance"], "queued")
    office.hear(cancellation(office, who["attendance"], "attendance"))
    left = ("delegation", "queued") if moved else ("attendance", "cancelled")
    assert announced(office)[-1] == ("recording-available", who[left[0]], left[1])


def test_registration_that_has_the_same_mail_is_not_given_another(office: Office) -> None:
    who = on_forms(office, *KINDS)
    move_review(office)
    with office.work.transaction() as connection:
        connection.exec_driver_sql(f"""
            INSERT INTO mail (id, kind, subject, revision, recipient, event, lane, state, reason, message_id, cause_at,
                created_at, correlation_id)
            SELECT gen_random_uuid(), kind, '{who["delegation"]}', revision, recipient, event, lane, 'cancelled', 'x',
                '<another@example.org>', cause_at, created_at, '' FROM mail WHERE kind = 'event-rescheduled'
        """)
    assert office.hear(cancellation(office, who["attendance"], "attendance")) == ["done"]
    assert {state for _kind, _subject, state in announced(office)} == {"cancelled"}


def test_news_in_a_senders_hands_are_taken_out_of_them(office: Office) -> None:
    """They were written with the link that ended."""
    who = on_forms(office, *KINDS)
    move_review(office)
    (claim,) = claim_due(office.work, office.clock, 10)
    office.hear(cancellation(office, who["attendance"], "attendance"))
    assert announced(office) == [("event-rescheduled", who["delegation"], "queued")]
    assert not begin_handover(office.work, office.clock, claim.mail)
    assert finish_mails(office.work, [sent(claim.mail, office.clock())]) == []
    assert links(office) == ["delegation"]
    outcomes = office.rows(f"SELECT outcome FROM mail_attempt WHERE mail_id = '{claim.mail.id}' ORDER BY number")
    assert [row["outcome"] for row in outcomes] == ["released", "sent"]


def _taken(mail: ClaimedMail, office: Office) -> HandoverOutcome:
    return sent(mail, office.clock())


def _refused(mail: ClaimedMail, office: Office) -> HandoverOutcome:
    return retried(mail, "the relay answered 451 to DATA", office.checked_clock)


@pytest.mark.parametrize(("outcome", "again"), [(_taken, []), (_refused, ["delegation"])])
def test_news_that_are_being_handed_over_go_again_only_if_they_come_back(
    office: Office, outcome: Callable[[ClaimedMail, Office], HandoverOutcome], again: list[str]
) -> None:
    who = on_forms(office, *KINDS)
    move_review(office)
    (claim,) = claim_due(office.work, office.clock, 10)
    assert begin_handover(office.work, office.clock, claim.mail)
    office.hear(cancellation(office, who["attendance"], "attendance"))
    assert announced(office) == [("event-rescheduled", who["attendance"], "claimed")]
    finish_mails(office.work, [outcome(claim.mail, office)])
    office.pass_time(hours=1)
    assert links(office) == again
    assert [(kind, state) for kind, _subject, state in announced(office)] == [("event-rescheduled", "sent")]


def test_news_that_came_back_are_cancelled_without_another_registration(office: Office) -> None:
    who = on_forms(office, "attendance")
    move_review(office)
    (claim,) = claim_due(office.work, office.clock, 10)
    assert begin_handover(office.work, office.clock, claim.mail)
    office.hear(cancellation(office, who["attendance"], "attendance"))
    finish_mails(office.work, [_refused(claim.mail, office)])
    office.pass_time(hours=1)
    assert links(office) == []
    assert announced(office) == [("event-rescheduled", who["attendance"], "cancelled")]


def test_registration_that_ends_at_the_same_moment_is_not_chosen(office: Office) -> None:
    """The cancellation of the next best is stored already, but not committed."""
    who = on_forms(office, "webinar", "attendance", "delegation")
    move_review(office)
    first, second = (cancellation(office, who[kind], kind) for kind in ("webinar", "attendance"))
    at_once = Thread(target=office.hear, args=(first,))
    with office.work.transaction() as connection:
        office.effects[MAIL](connection, replace(second, data=registry.read(second)))
        at_once.start()
        deadline = time.monotonic() + 20
        while at_once.is_alive() and not _somebody_waits(office):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    at_once.join(20)
    assert announced(office) == [("event-rescheduled", who["delegation"], "queued")]


def _somebody_waits(office: Office) -> bool:
    return office.rows(WAITING) != [{"count": 0}]
