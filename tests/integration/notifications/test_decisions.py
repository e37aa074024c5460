"""Mails to proposers: about their registration, each decision once, and their side event like everyone else."""

import random as randomness
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from services.notifications.mails.model import ERASED
from services.notifications.sending.outcomes import retried
from services.notifications.sending.service import begin_handover, claim_due, finish_mails
from shared.runtime.clock import parse_rfc3339
from shared.runtime.errors import Poison, Retry
from shared.runtime.ids import new_id
from tests.integration.notifications.notification_service import (
    PERSON,
    NotificationService,
    event_message,
    outcome_kinds,
)
from tests.integration.notifications.review import (
    MAY,
    NO_DATE,
    NOVEMBER,
    mails_sent,
    settle,
    text_of,
    texts_sent,
    wait_and_announce,
)
from tests.integration.notifications.test_erasing import erased
from tests.integration.notifications.test_sending_again import refuse

SIDE_EVENT = "side-event-housing"
OTHER = "cd" * 32
VERBS = ("accepted", "returned", "declined", "scheduled")


def publish(notifications: NotificationService, revision: int = 1, **changes: Any) -> None:
    """The side event, as the events service publishes it."""
    base: dict[str, Any] = {"id": SIDE_EVENT, "kind": "side_event", "title": "Homes after the floods", **MAY}
    base |= {"time_zone": "Europe/Zurich", "mode": "in_person", "city": "Geneva", "place": "Room XXV", "join_url": None}
    notifications.consume(event_message(**{**base, "revision": revision, **changes}), queue="notifications.copies")


def propose(notifications: NotificationService, **changes: Any) -> str:
    """Someone proposes a side event, and knows that it was received; returns the proposal's id."""
    proposal = new_id()
    notifications.consume(notifications.proposal_message("confirmed", proposal, **changes))
    settle(notifications)
    return proposal


def scheduled(notifications: NotificationService, **changes: Any) -> str:
    """The same, and they know that it is scheduled."""
    proposal = propose(notifications, **changes)
    publish(notifications)
    notifications.consume(notifications.decision("scheduled", proposal, 3, SIDE_EVENT))
    settle(notifications)
    return proposal


def attend(notifications: NotificationService, person: str) -> str:
    """Someone registers for the side event, and knows it; returns the registration's id."""
    registration = new_id()
    notifications.consume(
        notifications.registration_message(
            "confirmed", registration, form="attend", event=SIDE_EVENT, person_ref=person
        )
    )
    settle(notifications)
    return registration


def going(notifications: NotificationService) -> list[tuple[str, int, str]]:
    """Kind, number and state of all mails that were not cancelled."""
    rows = notifications.rows(
        "SELECT kind, revision, state FROM mail WHERE state <> 'cancelled' ORDER BY kind, revision"
    )
    return [(row["kind"], row["revision"], row["state"]) for row in rows]


@pytest.mark.parametrize(
    ("verb", "subject"),
    [
        ("accepted", "Your proposal is accepted: Housing"),
        ("returned", "Your proposal needs some work: Housing"),
        ("declined", "Your proposal cannot be part of the programme: Housing"),
    ],
)
def test_proposer_gets_a_decision_with_its_note_and_the_read_only_link(
    notifications: NotificationService, verb: str, subject: str
) -> None:
    proposal = propose(notifications)
    notifications.consume(notifications.decision(verb, proposal, note="Please read https://example.org/rules"))
    ((found, text),) = texts_sent(notifications)
    assert found == subject
    assert "> Please read https://example.org/rules" in text
    assert ("/v/a-view" in text, "/r/" in text) == (True, False)
    message = notifications.published("mail.sent.v1")[-1]
    assert {name: message.data[name] for name in ("about", "kind", "subject", "revision")} == {
        "about": "registration",
        "kind": f"proposal-{verb}",
        "subject": proposal,
        "revision": 2,
    }


def test_proposer_gets_the_side_event_as_published_with_an_invitation(
    notifications: NotificationService,
) -> None:
    """Which waits until the side event's own message is here."""
    proposal = propose(notifications)
    notifications.consume(notifications.decision("scheduled", proposal, 3, SIDE_EVENT))
    assert texts_sent(notifications) == []
    publish(notifications)
    notifications.pass_time(seconds=6)
    (mail,) = mails_sent(notifications)
    assert mail["Subject"] == "Your side event is scheduled: Homes after the floods"
    text = text_of(mail)
    assert all(words in text for words in ("Room XXV, Geneva", "Geneva time", "> A note", "/v/a-view"))
    (entry,) = Calendar.from_ical(invitation(mail)).walk("VEVENT")
    assert (entry["SUMMARY"], "/v/a-view" in str(entry["URL"])) == ("Homes after the floods", True)
    assert "See my proposal" in str(entry["DESCRIPTION"])


def invitation(mail: Any) -> str:
    """The calendar part of a mail."""
    (calendar,) = (part for part in mail.walk() if part.get_content_type() == "text/calendar")
    return str(calendar.get_content())


@pytest.mark.parametrize(
    ("key", "status", "subject", "words"),
    [
        ("confirmed", "confirmed", "We have received your proposal: Housing", "will read your proposal"),
        ("changed", "confirmed", "Your proposal has changed: Housing", "Your proposal has been changed as requested"),
        ("cancelled", "cancelled", "Proposal withdrawn: Housing", "Your proposal has been withdrawn"),
        ("link-requested", "confirmed", "The link to your proposal: Housing", "asked for this link"),
    ],
)
def test_mails_about_a_proposals_registration_are_worded_for_a_proposal(
    notifications: NotificationService, key: str, status: str, subject: str, words: str
) -> None:
    notifications.consume(notifications.proposal_message(key, new_id(), status=status))
    ((found, text),) = texts_sent(notifications)
    assert found == subject
    assert words in text
    assert ("/r/a-token" in text, "registration" in text, "seat" in text) == (True, False, False)


def test_proposal_is_named_once_its_address_is_verified(notifications: NotificationService) -> None:
    notifications.consume(notifications.proposal_message("confirmed", new_id(), verified=False))
    ((subject, text),) = texts_sent(notifications)
    assert subject == "We have received your proposal"
    assert ("Housing" in text, "A participant" in text) == (False, False)


def test_decision_on_a_proposal_that_is_not_known_yet_waits(notifications: NotificationService) -> None:
    proposal = new_id()
    decision = notifications.decision("accepted", proposal)
    assert outcome_kinds(notifications.consume(decision)) == ["Retry"]
    assert outcome_kinds(notifications.consume(decision, notifications.proposal_message("confirmed", new_id()))) == [
        "Retry",
        "done",
    ]
    assert notifications.consume(notifications.proposal_message("confirmed", proposal), decision) == ["done", "done"]
    assert ("proposal-accepted", 2, "queued") in going(notifications)


def test_place_without_a_side_event_is_poison(notifications: NotificationService) -> None:
    (outcome,) = notifications.consume(notifications.decision("scheduled", propose(notifications)))
    assert isinstance(outcome, Poison)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    verbs=st.lists(st.sampled_from(VERBS), max_size=5),
    leaves=st.booleans(),
    batch=st.integers(1, 4),
    random=st.randoms(use_true_random=False),
)
def test_any_order_and_any_duplicates_end_with_the_newest_decision(
    notifications: NotificationService, verbs: list[str], leaves: bool, batch: int, random: randomness.Random
) -> None:
    proposal, event, expected = new_id(), None, {"proposal-received": 1, "changed": 2}
    messages = [
        notifications.proposal_message("confirmed", proposal),
        notifications.proposal_message("changed", proposal, 2),
    ]
    for revision, verb in enumerate(verbs, start=2):
        event = SIDE_EVENT if verb == "scheduled" else event
        messages.append(notifications.decision(verb, proposal, revision, event))
    if verbs and (verbs[-1], event) != ("accepted", SIDE_EVENT):
        expected[f"proposal-{verbs[-1]}"] = len(verbs) + 1
    if leaves:
        messages.append(notifications.proposal_message("cancelled", proposal, 3))
        expected = {"cancelled-by-you": 3}
    waiting = [*messages, *random.choices(messages, k=len(messages))]
    random.shuffle(waiting)
    while waiting:
        batch_messages = [replace(message, id=new_id()) for message in waiting[:batch]]
        outcomes = notifications.consume(*batch_messages)
        assert {outcome for outcome in outcomes if not isinstance(outcome, Retry)} <= {"done"}
        again = [
            message for message, outcome in zip(batch_messages, outcomes, strict=True) if isinstance(outcome, Retry)
        ]
        waiting = [*waiting[batch:], *again]
    mails = notifications.rows(f"SELECT kind, revision FROM mail WHERE subject = '{proposal}' AND state <> 'cancelled'")
    assert sorted((mail["kind"], mail["revision"]) for mail in mails) == sorted(expected.items())
    (entry,) = notifications.rows(f"SELECT event, decision, revision FROM recipient WHERE subject = '{proposal}'")
    newest = len(verbs) + 1 if verbs else 0
    assert entry == {"event": event, "decision": newest, "revision": 3 if leaves else 2}


def test_note_of_a_decision_that_another_replaced_is_kept_nowhere(notifications: NotificationService) -> None:
    proposal = propose(notifications)
    notifications.consume(notifications.decision("returned", proposal, 2, note="Older"))
    (mail,) = notifications.rows("SELECT id::text, closed FROM mail WHERE closed IS NOT NULL")
    assert notifications.vault.open(mail["closed"], row=mail["id"]) == {"note": "Older"}
    notifications.consume(notifications.decision("accepted", proposal, 3, note="Newer"))
    assert texts_sent(notifications)[0][1].count("Newer") == 1
    assert notifications.rows("SELECT closed FROM mail WHERE closed IS NOT NULL") == []


def test_note_stays_with_a_mail_that_may_be_sent_again(notifications: NotificationService) -> None:
    proposal = propose(notifications)
    notifications.consume(notifications.decision("accepted", proposal))
    refuse(notifications)
    (mail,) = notifications.rows("SELECT id::text, closed, state FROM mail WHERE kind = 'proposal-accepted'")
    assert mail["state"] == "failed"
    assert notifications.vault.open(mail["closed"], row=mail["id"]) == {"note": "A note"}


def test_place_is_announced_once_and_each_move_by_the_news_of_the_side_event_alone(
    notifications: NotificationService,
) -> None:
    """Once to the proposer and once to everyone who attends."""
    proposal = scheduled(notifications)
    attendee = attend(notifications, OTHER)
    for revision, date in ((2, NOVEMBER), (3, MAY)):
        publish(notifications, revision, **date)
        notifications.consume(notifications.decision("scheduled", proposal, 2 + revision, SIDE_EVENT))
        wait_and_announce(notifications)
        mails = notifications.rows("SELECT subject::text, kind FROM mail WHERE state = 'queued' ORDER BY subject")
        recipients = sorted((proposal, attendee))
        assert [(mail["subject"], mail["kind"]) for mail in mails] == [(one, "event-rescheduled") for one in recipients]
        settle(notifications)


def test_unsent_first_place_is_announced_in_its_current_state(notifications: NotificationService) -> None:
    proposal = propose(notifications)
    publish(notifications)
    notifications.consume(notifications.decision("scheduled", proposal, 3, SIDE_EVENT))
    publish(notifications, 2, place="Room XX")
    notifications.consume(notifications.decision("scheduled", proposal, 4, SIDE_EVENT))
    wait_and_announce(notifications)
    ((subject, text),) = texts_sent(notifications)
    assert subject == "Your side event is scheduled: Homes after the floods"
    assert ("Room XX," in text, "Room XXV" in text) == (True, False)


def test_first_place_that_comes_back_from_the_relay_goes_again_unless_it_was_lost(
    notifications: NotificationService,
) -> None:
    proposal = propose(notifications)
    publish(notifications)
    notifications.consume(notifications.decision("scheduled", proposal, 3, SIDE_EVENT))
    (claim,) = claim_due(notifications.work, notifications.clock, 10)
    assert begin_handover(notifications.work, notifications.clock, claim.mail)
    notifications.consume(notifications.decision("scheduled", proposal, 4, SIDE_EVENT))
    finish_mails(
        notifications.work, [retried(claim.mail, "the relay answered 451 to DATA", notifications.checked_clock)]
    )
    notifications.pass_time(minutes=2)
    (claim,) = claim_due(notifications.work, notifications.clock, 10)
    assert (claim.mail.kind, claim.mail.revision) == ("proposal-scheduled", 4)
    assert begin_handover(notifications.work, notifications.clock, claim.mail)
    notifications.consume(notifications.decision("declined", proposal, 5, SIDE_EVENT))
    finish_mails(
        notifications.work, [retried(claim.mail, "the relay answered 451 to DATA", notifications.checked_clock)]
    )
    notifications.pass_time(hours=1)
    assert [subject for subject, _text in texts_sent(notifications)] == [
        "Your proposal cannot be part of the programme: Housing"
    ]


def test_lost_and_new_places_are_announced_by_the_side_event(notifications: NotificationService) -> None:
    proposal = scheduled(notifications)
    publish(notifications, 2, status="postponed", **NO_DATE)
    notifications.consume(notifications.decision("accepted", proposal, 4, SIDE_EVENT))
    wait_and_announce(notifications)
    (mail,) = mails_sent(notifications)
    assert mail["Subject"] == "Event postponed: Homes after the floods"
    assert ("Your side event has been postponed" in text_of(mail), "registration" in text_of(mail)) == (True, False)
    assert "METHOD:CANCEL" in invitation(mail)
    publish(notifications, 3, **NOVEMBER)
    notifications.consume(notifications.decision("scheduled", proposal, 5, SIDE_EVENT))
    wait_and_announce(notifications)
    assert [subject for subject, _text in texts_sent(notifications)] == ["New date: Homes after the floods"]


def test_place_that_was_lost_before_its_announcement_is_not_announced(notifications: NotificationService) -> None:
    proposal = propose(notifications)
    publish(notifications)
    notifications.consume(notifications.decision("scheduled", proposal, 3, SIDE_EVENT))
    notifications.consume(notifications.decision("accepted", proposal, 4, SIDE_EVENT))
    assert texts_sent(notifications) == []
    notifications.consume(notifications.decision("scheduled", proposal, 5, SIDE_EVENT))
    assert [subject for subject, _text in texts_sent(notifications)] == [
        "Your side event is scheduled: Homes after the floods"
    ]


def test_proposer_who_attends_has_one_calendar_entry_and_gets_news_once(
    notifications: NotificationService,
) -> None:
    proposal = propose(notifications)
    publish(notifications)
    notifications.consume(notifications.decision("scheduled", proposal, 3, SIDE_EVENT))
    (first,) = mails_sent(notifications)
    notifications.consume(notifications.registration_message("confirmed", new_id(), form="attend", event=SIDE_EVENT))
    (second,) = mails_sent(notifications)
    publish(notifications, 2, **NOVEMBER)
    wait_and_announce(notifications)
    (moved,) = mails_sent(notifications)
    entries = [Calendar.from_ical(invitation(mail)).walk("VEVENT")[0] for mail in (first, second, moved)]
    assert len({str(entry["UID"]) for entry in entries}) == 1
    sequences = [entry.decoded("SEQUENCE") for entry in entries]
    assert sequences == sorted(set(sequences))


def test_withdrawal_takes_the_entry_out_of_the_calendar_and_ends_all_news(notifications: NotificationService) -> None:
    proposal = scheduled(notifications)
    notifications.consume(notifications.decision("declined", proposal, 4, SIDE_EVENT))
    notifications.consume(notifications.proposal_message("cancelled", proposal, 2))
    (mail,) = mails_sent(notifications)
    assert mail["Subject"] == "Proposal withdrawn: Homes after the floods"
    assert "METHOD:CANCEL" in invitation(mail)
    publish(notifications, 2, status="cancelled")
    notifications.consume(notifications.decision("scheduled", proposal, 5, SIDE_EVENT))
    wait_and_announce(notifications)
    assert texts_sent(notifications) == []


def test_change_of_a_scheduled_proposal_keeps_its_side_event(notifications: NotificationService) -> None:
    proposal = scheduled(notifications)
    notifications.consume(notifications.proposal_message("changed", proposal, 2))
    (mail,) = mails_sent(notifications)
    assert mail["Subject"] == "Your proposal has changed: Homes after the floods"
    assert "METHOD:REQUEST" in invitation(mail)
    publish(notifications, 2, **NOVEMBER)
    wait_and_announce(notifications)
    assert [subject for subject, _text in texts_sent(notifications)] == ["New date: Homes after the floods"]


def test_proposer_gets_a_reminder_worded_for_the_organiser(notifications: NotificationService) -> None:
    scheduled(notifications)
    notifications.clock.set(parse_rfc3339(MAY["starts_at"]) - timedelta(days=1))
    notifications.schedule()
    ((subject, text),) = texts_sent(notifications)
    assert subject == "Tomorrow: Homes after the floods"
    assert ("please tell the coordinators" in text, "your registration" in text) == (True, False)


def test_decision_that_waits_goes_to_a_changed_address_and_links_of_the_former_do_not(
    notifications: NotificationService,
) -> None:
    proposal = new_id()
    notifications.consume(
        notifications.proposal_message("confirmed", proposal), notifications.decision("accepted", proposal)
    )
    notifications.consume(
        notifications.proposal_message(
            "changed", proposal, 2, person_ref=OTHER, sealed={"address": "another@example.org"}
        )
    )
    assert going(notifications) == [("changed", 2, "queued"), ("proposal-accepted", 2, "queued")]
    assert {mail["To"] for mail in mails_sent(notifications)} == {"another@example.org"}


Before = Callable[[NotificationService, str], object]


@pytest.mark.parametrize(
    "before",
    [
        lambda _notifications, _proposal: None,
        lambda notifications, proposal: notifications.consume(notifications.proposal_message("confirmed", proposal)),
        lambda notifications, proposal: notifications.consume(
            notifications.proposal_message("confirmed", proposal),
            notifications.decision("scheduled", proposal, 3, SIDE_EVENT),
        ),
    ],
)
def test_erased_proposer_leaves_the_same_after_any_history(notifications: NotificationService, before: Before) -> None:
    """And nothing that comes later makes a mail: notes that waited are gone."""
    proposal = new_id()
    before(notifications, proposal)
    gone: dict[str, Any] = {"form": "side-event-proposal", "form_kind": "proposal", "event": None}
    assert notifications.consume(erased(notifications, proposal, **gone)) == ["done"]
    late = [notifications.decision(verb, proposal, 4, SIDE_EVENT) for verb in VERBS]
    assert notifications.consume(*late, notifications.proposal_message("changed", proposal, 5)) == ["done"] * 5
    (entry,) = notifications.rows("SELECT event, decision, person_ref, closed, form_kind, revision FROM recipient")
    assert entry == {**dict.fromkeys(entry), "form_kind": "proposal", "decision": 0, "revision": 2}
    assert {(mail["state"], mail["reason"], mail["closed"]) for mail in notifications.mails()} <= {
        ("cancelled", ERASED, None)
    }
    assert PERSON not in str(notifications.mails())
