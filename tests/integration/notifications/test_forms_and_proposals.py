"""What people on each kind of form, and groups with a proposal, are told; and that nothing from a form goes first."""

import itertools
from email import message_from_bytes
from email.policy import default as modern
from typing import Any

import pytest

from services.notifications.sending.judging import retried
from services.notifications.usecases.begin_handover import begin_handover
from services.notifications.usecases.claim_due import claim_due
from services.notifications.usecases.finish import finish
from shared.contracts.envelope import Message
from shared.core.ids import new_id
from shared.process.runner import Stop
from tests.integration.notifications.office import EVENT, Office
from tests.support.smtp_relay import Relay


def sent(office: Office) -> list[tuple[str, str]]:
    """Subject and plain text of the mails that go now."""
    with Relay({}) as relay:
        while office.sender(relay.port).turn(Stop()):
            pass
        found = [message_from_bytes(mail, policy=modern) for mail in relay.mails]
    bodies = [mail.get_body(("plain",)) for mail in found]
    return [(mail["Subject"], body.get_content() if body else "") for mail, body in zip(found, bodies, strict=True)]


def test_name_is_used_once_the_address_is_verified(office: Office) -> None:
    office.hear_event()
    office.hear(office.told("confirmed", new_id(), 2, verified=True))
    office.hear(office.told("confirmed", new_id(), 1, person_ref="01" * 32))
    assert [text.splitlines()[2] for _subject, text in sent(office)] == ["Hello A participant,", "Hello,"]


def test_delegation_is_told_which_webinar_to_attend(office: Office) -> None:
    office.hear_event()
    office.hear_event(id="upr-review", kind="review", title="The review", mode="in_person", join_url=None)
    delegate: dict[str, Any] = {
        "form": "geneva-delegation",
        "form_kind": "delegation",
        "event": "upr-review",
        "attend": EVENT,
    }
    office.hear(office.told("confirmed", new_id(), **delegate))
    ((subject, text),) = sent(office)
    assert subject == "You are on the list of the Geneva delegation: The review"
    asked = text[text.index("Please also attend") :]
    assert "UPR Webinar Wednesday #10" in asked
    assert "New York time (EST, UTC−5)" in asked
    assert "https://register.example.org/embed/upr-webinar-10" in asked


def test_working_group_is_named_and_waits_until_it_was_heard_of(office: Office) -> None:
    member: dict[str, Any] = {"form": "join", "form_kind": "working_group", "event": None, "working_group": "housing"}
    office.hear(office.told("confirmed", new_id(), **member))
    assert sent(office) == []
    assert office.mail()["state"] == "deferred"
    office.hear_group()
    office.pass_time(seconds=6)
    ((subject, text),) = sent(office)
    assert subject == "You have joined a working group"
    assert "Housing" in text


def test_whose_proposal_it_is_is_asked_with_no_word_of_it(office: Office) -> None:
    """Anybody can have written it; the button leads to the question, and what comes next calls the question off."""
    proposal = new_id()
    office.hear(office.told_proposal("verification-requested", proposal, status="unverified"))
    ((subject, text),) = sent(office)
    assert subject == "Please confirm your address"
    assert "until then, the coordinators do not see the proposal" in " ".join(text.split())
    assert "https://register.example.org/p/p-token" in text
    for word in ("Housing", "A note", "A speaker"):
        assert word not in text
    other = new_id()
    office.hear(office.told_proposal("submitted", other, 2))
    office.hear(office.told_proposal("verification-requested", other, status="unverified"))
    assert office.states()["proposal-verification"] == "called_off"


@pytest.mark.parametrize(
    ("verb", "moved", "subject"),
    [
        ("submitted", False, "We have received your proposal"),
        ("accepted", False, "Your proposal is accepted: Housing"),
        ("returned", False, "Your proposal needs some work: Housing"),
        ("declined", False, "Your proposal cannot be part of the programme: Housing"),
        ("scheduled", False, "Your side event is scheduled: Housing"),
    ],
)
def test_group_is_told_what_becomes_of_its_proposal(office: Office, verb: str, moved: bool, subject: str) -> None:
    place: dict[str, Any] = {
        "room": "Room XXV",
        "starts_at": "2020-05-12T11:00:00Z",
        "ends_at": None,
        "time_zone": "Europe/Zurich",
    }
    office.hear(office.told_proposal(verb, new_id(), moved=moved, **(place if verb == "scheduled" else {})))
    ((found, text),) = sent(office)
    assert found == subject
    assert ("A note" in text) == (verb != "submitted")
    assert ("Room XXV" in text) == (verb == "scheduled")
    assert "https://register.example.org/p/p-token" in text
    (message,) = office.published("mail.sent.v1")
    assert (message.data["about"], message.data["kind"]) == ("proposal", office.mail()["kind"])


def placed(office: Office, proposal: str, revision: int, room: str) -> Message:
    """A timetable with the proposal was published; each but the first says that it has moved."""
    place = {"room": room, "starts_at": "2020-05-12T11:00:00Z", "ends_at": None, "time_zone": "Europe/Zurich"}
    return office.told_proposal("scheduled", proposal, revision, moved=revision > FIRST_PLACE, **place)


FIRST_PLACE = 3


def test_place_that_was_told_and_changes_is_told_as_moved(office: Office) -> None:
    proposal = new_id()
    office.hear(placed(office, proposal, 3, "Room XX"))
    ((first, _text),) = sent(office)
    office.hear(placed(office, proposal, 4, "Room XXV"))
    ((second, text),) = sent(office)
    assert first == "Your side event is scheduled: Housing"
    assert second == "Your side event has a new room or time: Housing"
    assert "Room XXV" in text


@pytest.mark.parametrize("order", list(itertools.permutations((3, 4, 5))))
def test_only_the_newest_place_is_told_if_no_earlier_one_has_gone(office: Office, order: tuple[int, ...]) -> None:
    """And as a first place: nobody has heard of one that it could replace."""
    proposal = new_id()
    for revision in order:
        office.hear(placed(office, proposal, revision, f"Room {revision}"))
    ((subject, text),) = sent(office)
    assert subject == "Your side event is scheduled: Housing"
    assert "Room 5" in text
    states = {mail["revision"]: mail["state"] for mail in office.mails()}
    assert states == {3: "called_off", 4: "called_off", 5: "sent"}


def test_place_that_a_sender_is_handing_over_counts_as_told(office: Office) -> None:
    proposal = new_id()
    office.hear(placed(office, proposal, 3, "Room XX"))
    (claim,) = claim_due(office.work, office.clock, 10)
    assert begin_handover(office.work, office.clock, claim.mail)
    office.hear(placed(office, proposal, 4, "Room XXV"))
    ((subject, _text),) = sent(office)
    assert subject == "Your side event has a new room or time: Housing"


def test_older_place_that_comes_back_from_the_relay_does_not_go_again(office: Office) -> None:
    """It could not be called off while it was handed over; the relay did not take it."""
    proposal = new_id()
    office.hear(placed(office, proposal, 3, "Room XX"))
    (claim,) = claim_due(office.work, office.clock, 10)
    assert begin_handover(office.work, office.clock, claim.mail)
    office.hear(placed(office, proposal, 4, "Room XXV"))
    finish(office.work, [retried(claim.mail, "the relay answered 451 to DATA", office.checked_clock)])
    office.pass_time(hours=1)
    ((subject, text),) = sent(office)
    assert subject == "Your side event is scheduled: Housing"
    assert "Room XXV" in text
    assert {mail["revision"]: mail["state"] for mail in office.mails()} == {3: "called_off", 4: "sent"}


def test_older_word_on_a_proposal_is_called_off(office: Office) -> None:
    proposal = new_id()
    office.hear(office.told_proposal("accepted", proposal, 2), office.told_proposal("submitted", proposal, 1))
    assert office.states() == {"proposal-accepted": "queued", "proposal-received": "called_off"}
