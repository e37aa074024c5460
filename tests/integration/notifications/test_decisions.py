"""What proposers are told: of their registration, of each decision once, and of their side event like everybody."""

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
from tests.integration.notifications.office import PERSON, Office, event_message, outcome_kinds
from tests.integration.notifications.review import (
    MAY,
    NO_DATE,
    NOVEMBER,
    mails_sent,
    settle,
    text_of,
    texts_sent,
    wait_and_tell,
)
from tests.integration.notifications.test_erasing import erased
from tests.integration.notifications.test_sending_again import refuse

SIDE_EVENT = "side-event-housing"
OTHER = "cd" * 32
VERBS = ("accepted", "returned", "declined", "scheduled")


def publish(office: Office, revision: int = 1, **changes: Any) -> None:
    """The side event, as the events service publishes it."""
    base: dict[str, Any] = {"id": SIDE_EVENT, "kind": "side_event", "title": "Homes after the floods", **MAY}
    base |= {"time_zone": "Europe/Zurich", "mode": "in_person", "city": "Geneva", "place": "Room XXV", "join_url": None}
    office.hear(event_message(**{**base, "revision": revision, **changes}), queue="notifications.copies")


def propose(office: Office, **changes: Any) -> str:
    """Somebody proposes a side event, and knows that it was received; returns the proposal's id."""
    proposal = new_id()
    office.hear(office.told_proposal("confirmed", proposal, **changes))
    settle(office)
    return proposal


def scheduled(office: Office, **changes: Any) -> str:
    """The same, and they know that it is scheduled."""
    proposal = propose(office, **changes)
    publish(office)
    office.hear(office.decision("scheduled", proposal, 3, SIDE_EVENT))
    settle(office)
    return proposal


def attend(office: Office, person: str) -> str:
    """Somebody registers for the side event, and knows it; returns the registration's id."""
    registration = new_id()
    office.hear(office.told("confirmed", registration, form="attend", event=SIDE_EVENT, person_ref=person))
    settle(office)
    return registration


def going(office: Office) -> list[tuple[str, int, str]]:
    """Kind, number and state of all mails that were not cancelled."""
    rows = office.rows("SELECT kind, revision, state FROM mail WHERE state <> 'cancelled' ORDER BY kind, revision")
    return [(row["kind"], row["revision"], row["state"]) for row in rows]


@pytest.mark.parametrize(
    ("verb", "subject"),
    [
        ("accepted", "Your proposal is accepted: Housing"),
        ("returned", "Your proposal needs some work: Housing"),
        ("declined", "Your proposal cannot be part of the programme: Housing"),
    ],
)
def test_proposer_is_told_of_a_decision_with_its_note_and_the_read_only_link(
    office: Office, verb: str, subject: str
) -> None:
    proposal = propose(office)
    office.hear(office.decision(verb, proposal, note="Please read https://example.org/rules"))
    ((found, text),) = texts_sent(office)
    assert found == subject
    assert "> Please read https://example.org/rules" in text
    assert ("/v/a-view" in text, "/r/" in text) == (True, False)
    message = office.published("mail.sent.v1")[-1]
    assert {name: message.data[name] for name in ("about", "kind", "subject", "revision")} == {
        "about": "registration",
        "kind": f"proposal-{verb}",
        "subject": proposal,
        "revision": 2,
    }


def test_proposer_is_told_of_the_side_event_as_it_was_published_with_an_invitation(office: Office) -> None:
    """Which waits until the side event's own message is here."""
    proposal = propose(office)
    office.hear(office.decision("scheduled", proposal, 3, SIDE_EVENT))
    assert texts_sent(office) == []
    publish(office)
    office.pass_time(seconds=6)
    (mail,) = mails_sent(office)
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
        ("changed", "confirmed", "Your proposal has changed: Housing", "Your proposal has been changed as asked"),
        ("cancelled", "cancelled", "Proposal withdrawn: Housing", "Your proposal has been withdrawn"),
        ("link-requested", "confirmed", "The link to your proposal: Housing", "has asked for this link"),
    ],
)
def test_mails_about_a_proposals_registration_speak_of_a_proposal(
    office: Office, key: str, status: str, subject: str, words: str
) -> None:
    office.hear(office.told_proposal(key, new_id(), status=status))
    ((found, text),) = texts_sent(office)
    assert found == subject
    assert words in text
    assert ("/r/a-token" in text, "registration" in text, "seat" in text) == (True, False, False)


def test_proposal_is_named_once_its_address_is_verified(office: Office) -> None:
    office.hear(office.told_proposal("confirmed", new_id(), verified=False))
    ((subject, text),) = texts_sent(office)
    assert subject == "We have received your proposal"
    assert ("Housing" in text, "A participant" in text) == (False, False)


def test_decision_on_a_proposal_that_is_not_known_yet_waits(office: Office) -> None:
    proposal = new_id()
    decision = office.decision("accepted", proposal)
    assert outcome_kinds(office.hear(decision)) == ["Retry"]
    assert outcome_kinds(office.hear(decision, office.told_proposal("confirmed", new_id()))) == ["Retry", "done"]
    assert office.hear(office.told_proposal("confirmed", proposal), decision) == ["done", "done"]
    assert ("proposal-accepted", 2, "queued") in going(office)


def test_place_without_a_side_event_is_poison(office: Office) -> None:
    (verdict,) = office.hear(office.decision("scheduled", propose(office)))
    assert isinstance(verdict, Poison)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    verbs=st.lists(st.sampled_from(VERBS), max_size=5),
    leaves=st.booleans(),
    batch=st.integers(1, 4),
    random=st.randoms(use_true_random=False),
)
def test_any_order_and_any_duplicates_end_with_the_newest_decision(
    office: Office, verbs: list[str], leaves: bool, batch: int, random: randomness.Random
) -> None:
    proposal, event, expected = new_id(), None, {"proposal-received": 1, "changed": 2}
    messages = [office.told_proposal("confirmed", proposal), office.told_proposal("changed", proposal, 2)]
    for revision, verb in enumerate(verbs, start=2):
        event = SIDE_EVENT if verb == "scheduled" else event
        messages.append(office.decision(verb, proposal, revision, event))
    if verbs and (verbs[-1], event) != ("accepted", SIDE_EVENT):
        expected[f"proposal-{verbs[-1]}"] = len(verbs) + 1
    if leaves:
        messages.append(office.told_proposal("cancelled", proposal, 3))
        expected = {"cancelled-by-you": 3}
    waiting = [*messages, *random.choices(messages, k=len(messages))]
    random.shuffle(waiting)
    while waiting:
        heard = [replace(message, id=new_id()) for message in waiting[:batch]]
        verdicts = office.hear(*heard)
        assert {verdict for verdict in verdicts if not isinstance(verdict, Retry)} <= {"done"}
        again = [message for message, verdict in zip(heard, verdicts, strict=True) if isinstance(verdict, Retry)]
        waiting = [*waiting[batch:], *again]
    mails = office.rows(f"SELECT kind, revision FROM mail WHERE subject = '{proposal}' AND state <> 'cancelled'")
    assert sorted((mail["kind"], mail["revision"]) for mail in mails) == sorted(expected.items())
    (entry,) = office.rows(f"SELECT event, decision, revision FROM recipient WHERE subject = '{proposal}'")
    newest = len(verbs) + 1 if verbs else 0
    assert entry == {"event": event, "decision": newest, "revision": 3 if leaves else 2}


def test_note_of_a_decision_that_another_replaced_is_kept_nowhere(office: Office) -> None:
    proposal = propose(office)
    office.hear(office.decision("returned", proposal, 2, note="Older"))
    (mail,) = office.rows("SELECT id::text, closed FROM mail WHERE closed IS NOT NULL")
    assert office.vault.open(mail["closed"], row=mail["id"]) == {"note": "Older"}
    office.hear(office.decision("accepted", proposal, 3, note="Newer"))
    assert texts_sent(office)[0][1].count("Newer") == 1
    assert office.rows("SELECT closed FROM mail WHERE closed IS NOT NULL") == []


def test_note_stays_with_a_mail_that_may_be_sent_again(office: Office) -> None:
    proposal = propose(office)
    office.hear(office.decision("accepted", proposal))
    refuse(office)
    (mail,) = office.rows("SELECT id::text, closed, state FROM mail WHERE kind = 'proposal-accepted'")
    assert mail["state"] == "failed"
    assert office.vault.open(mail["closed"], row=mail["id"]) == {"note": "A note"}


def test_place_is_told_once_and_each_move_by_the_news_of_the_side_event_alone(office: Office) -> None:
    """Once to the proposer and once to everybody who attends."""
    proposal = scheduled(office)
    attendee = attend(office, OTHER)
    for revision, date in ((2, NOVEMBER), (3, MAY)):
        publish(office, revision, **date)
        office.hear(office.decision("scheduled", proposal, 2 + revision, SIDE_EVENT))
        wait_and_tell(office)
        mails = office.rows("SELECT subject::text, kind FROM mail WHERE state = 'queued' ORDER BY subject")
        told = sorted((proposal, attendee))
        assert [(mail["subject"], mail["kind"]) for mail in mails] == [(one, "event-rescheduled") for one in told]
        settle(office)


def test_first_place_that_has_not_gone_is_told_as_it_is_by_then(office: Office) -> None:
    proposal = propose(office)
    publish(office)
    office.hear(office.decision("scheduled", proposal, 3, SIDE_EVENT))
    publish(office, 2, place="Room XX")
    office.hear(office.decision("scheduled", proposal, 4, SIDE_EVENT))
    wait_and_tell(office)
    ((subject, text),) = texts_sent(office)
    assert subject == "Your side event is scheduled: Homes after the floods"
    assert ("Room XX," in text, "Room XXV" in text) == (True, False)


def test_first_place_that_comes_back_from_the_relay_goes_again_unless_it_was_lost(office: Office) -> None:
    proposal = propose(office)
    publish(office)
    office.hear(office.decision("scheduled", proposal, 3, SIDE_EVENT))
    (claim,) = claim_due(office.work, office.clock, 10)
    assert begin_handover(office.work, office.clock, claim.mail)
    office.hear(office.decision("scheduled", proposal, 4, SIDE_EVENT))
    finish_mails(office.work, [retried(claim.mail, "the relay answered 451 to DATA", office.checked_clock)])
    office.pass_time(minutes=2)
    (claim,) = claim_due(office.work, office.clock, 10)
    assert (claim.mail.kind, claim.mail.revision) == ("proposal-scheduled", 4)
    assert begin_handover(office.work, office.clock, claim.mail)
    office.hear(office.decision("declined", proposal, 5, SIDE_EVENT))
    finish_mails(office.work, [retried(claim.mail, "the relay answered 451 to DATA", office.checked_clock)])
    office.pass_time(hours=1)
    assert [subject for subject, _text in texts_sent(office)] == [
        "Your proposal cannot be part of the programme: Housing"
    ]


def test_lost_place_is_told_by_the_side_event_and_a_new_one_too(office: Office) -> None:
    proposal = scheduled(office)
    publish(office, 2, status="postponed", **NO_DATE)
    office.hear(office.decision("accepted", proposal, 4, SIDE_EVENT))
    wait_and_tell(office)
    (mail,) = mails_sent(office)
    assert mail["Subject"] == "Event postponed: Homes after the floods"
    assert ("Your side event has been postponed" in text_of(mail), "registration" in text_of(mail)) == (True, False)
    assert "METHOD:CANCEL" in invitation(mail)
    publish(office, 3, **NOVEMBER)
    office.hear(office.decision("scheduled", proposal, 5, SIDE_EVENT))
    wait_and_tell(office)
    assert [subject for subject, _text in texts_sent(office)] == ["New date: Homes after the floods"]


def test_place_that_was_lost_before_it_was_told_is_not_told(office: Office) -> None:
    proposal = propose(office)
    publish(office)
    office.hear(office.decision("scheduled", proposal, 3, SIDE_EVENT))
    office.hear(office.decision("accepted", proposal, 4, SIDE_EVENT))
    assert texts_sent(office) == []
    office.hear(office.decision("scheduled", proposal, 5, SIDE_EVENT))
    assert [subject for subject, _text in texts_sent(office)] == [
        "Your side event is scheduled: Homes after the floods"
    ]


def test_whoever_proposes_and_attends_has_one_entry_in_the_calendar_and_is_told_news_once(office: Office) -> None:
    proposal = propose(office)
    publish(office)
    office.hear(office.decision("scheduled", proposal, 3, SIDE_EVENT))
    (first,) = mails_sent(office)
    office.hear(office.told("confirmed", new_id(), form="attend", event=SIDE_EVENT))
    (second,) = mails_sent(office)
    publish(office, 2, **NOVEMBER)
    wait_and_tell(office)
    (moved,) = mails_sent(office)
    entries = [Calendar.from_ical(invitation(mail)).walk("VEVENT")[0] for mail in (first, second, moved)]
    assert len({str(entry["UID"]) for entry in entries}) == 1
    sequences = [entry.decoded("SEQUENCE") for entry in entries]
    assert sequences == sorted(set(sequences))


def test_withdrawal_takes_the_entry_out_of_the_calendar_and_ends_all_news(office: Office) -> None:
    proposal = scheduled(office)
    office.hear(office.decision("declined", proposal, 4, SIDE_EVENT))
    office.hear(office.told_proposal("cancelled", proposal, 2))
    (mail,) = mails_sent(office)
    assert mail["Subject"] == "Proposal withdrawn: Homes after the floods"
    assert "METHOD:CANCEL" in invitation(mail)
    publish(office, 2, status="cancelled")
    office.hear(office.decision("scheduled", proposal, 5, SIDE_EVENT))
    wait_and_tell(office)
    assert texts_sent(office) == []


def test_change_of_a_scheduled_proposal_keeps_its_side_event(office: Office) -> None:
    proposal = scheduled(office)
    office.hear(office.told_proposal("changed", proposal, 2))
    (mail,) = mails_sent(office)
    assert mail["Subject"] == "Your proposal has changed: Homes after the floods"
    assert "METHOD:REQUEST" in invitation(mail)
    publish(office, 2, **NOVEMBER)
    wait_and_tell(office)
    assert [subject for subject, _text in texts_sent(office)] == ["New date: Homes after the floods"]


def test_proposer_is_reminded_in_words_for_whoever_holds_the_side_event(office: Office) -> None:
    scheduled(office)
    office.clock.set(parse_rfc3339(MAY["starts_at"]) - timedelta(days=1))
    office.schedule()
    ((subject, text),) = texts_sent(office)
    assert subject == "Tomorrow: Homes after the floods"
    assert ("please tell the coordinators" in text, "your registration" in text) == (True, False)


def test_decision_that_waits_goes_to_a_changed_address_and_links_of_the_former_do_not(office: Office) -> None:
    proposal = new_id()
    office.hear(office.told_proposal("confirmed", proposal), office.decision("accepted", proposal))
    office.hear(
        office.told_proposal("changed", proposal, 2, person_ref=OTHER, sealed={"address": "another@example.org"})
    )
    assert going(office) == [("changed", 2, "queued"), ("proposal-accepted", 2, "queued")]
    assert {mail["To"] for mail in mails_sent(office)} == {"another@example.org"}


Before = Callable[[Office, str], object]


@pytest.mark.parametrize(
    "before",
    [
        lambda _office, _proposal: None,
        lambda office, proposal: office.hear(office.told_proposal("confirmed", proposal)),
        lambda office, proposal: office.hear(
            office.told_proposal("confirmed", proposal), office.decision("scheduled", proposal, 3, SIDE_EVENT)
        ),
    ],
)
def test_erased_proposer_leaves_the_same_whatever_came_before(office: Office, before: Before) -> None:
    """And nothing that comes later makes a mail: notes that waited are gone."""
    proposal = new_id()
    before(office, proposal)
    gone: dict[str, Any] = {"form": "side-event-proposal", "form_kind": "proposal", "event": None}
    assert office.hear(erased(office, proposal, **gone)) == ["done"]
    late = [office.decision(verb, proposal, 4, SIDE_EVENT) for verb in VERBS]
    assert office.hear(*late, office.told_proposal("changed", proposal, 5)) == ["done"] * 5
    (entry,) = office.rows("SELECT event, decision, person_ref, closed, form_kind, revision FROM recipient")
    assert entry == {**dict.fromkeys(entry), "form_kind": "proposal", "decision": 0, "revision": 2}
    assert {(mail["state"], mail["reason"], mail["closed"]) for mail in office.mails()} <= {("cancelled", ERASED, None)}
    assert PERSON not in str(office.mails())
