"""The attacks of ``test_attacks.py`` against the form by which side events are proposed.

What coordinators find on their board is what the owner of an address has confirmed, and nothing else.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from services.registration.intake.facts import MAX_CANDIDATES
from services.registration.intake.model import Act, Choice
from tests.integration.registration.test_kinds import installation as installation
from tests.support.clients import answers, rows
from tests.support.proposals import FORM, proposal_answers, publish_to_events
from tests.support.registration_service import RegistrationService

OWNER = "proposer@example.org"
OWN_NETWORK = {"X-Forwarded-For": "198.51.100.200"}
MINE = proposal_answers("Clean air", summary="Mine.", speakers="A Speaker")
PER_ADDRESS = 20
"""So many side events of one address, by the sample's form."""


@pytest.fixture
def service(service: RegistrationService) -> Iterator[RegistrationService]:
    """The service, which may show forms that were read a minute ago: hundreds of requests follow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.registration.public.context.VIEW_KEPT_S", 60.0)
        yield service


def attack(service: RegistrationService, count: int, networks: int, first: int = 0, title: str = "Clean air") -> None:
    """Submit false proposals with the owner's address, each different."""
    for number in range(first, first + count):
        headers = {"X-Forwarded-For": f"203.0.113.{1 + number % networks}"}
        content = proposal_answers(title, summary=f"False {number}.")
        assert service.submit(content, FORM, headers).status_code == 202


def on_the_board(service: RegistrationService) -> list[tuple[Any, ...]]:
    """What coordinators find: title, summary and status of each proposal."""
    publish_to_events(service)
    return rows(service.installation.urls["events"], "SELECT title, summary, status FROM proposal ORDER BY title")


@pytest.mark.parametrize("networks", [1, 20])
def test_false_proposals_around_the_owners_reach_no_board(service: RegistrationService, networks: int) -> None:
    """The owner finds their own by the code, or enters it behind the link where the list was full."""
    attack(service, 20, networks)
    code = service.submit(MINE, FORM, OWN_NETWORK).get_json()["code"]
    attack(service, 20, networks, first=20)
    service.decide()
    assert service.mailed() == [OWNER]
    waiting = service.waiting(OWNER)
    assert len(waiting.pending) == (3 if networks == 1 else MAX_CANDIDATES)
    assert on_the_board(service) == []
    found = [one for one in waiting.pending if one.code == code and one.content.answers["summary"] == "Mine."]
    if found:
        assert service.choose(waiting, Choice(found[0].id, Act.CONFIRM)) == ["confirmed"]
    else:
        token = service.confirmation_token(OWNER)
        with service.deciding():
            entered = service.client.post(f"/c/{token}/forms/{FORM}", data={**MINE, "consent": "on"})
        assert entered.status_code == 303, entered.text
    assert bool(found) == (networks == 1)
    assert on_the_board(service) == [("Clean air", "Mine.", "submitted")]


@pytest.mark.parametrize("title", ["Clean air", "Another title"])
def test_false_proposal_after_the_owners_changes_nothing_by_itself(service: RegistrationService, title: str) -> None:
    """It is a candidate, which the owner refuses."""
    service.enrol(MINE, FORM)
    before = on_the_board(service)
    attack(service, 5, 5, title=title)
    service.decide()
    waiting = service.waiting(OWNER)
    refused = [Choice(one.id, Act.REFUSE) for one in waiting.pending]
    assert service.choose(waiting, *refused) == ["deleted"] * 5
    assert on_the_board(service) == before == [("Clean air", "Mine.", "submitted")]
    assert rows(service.url, "SELECT answers ->> 'title', revision FROM registration") == [("Clean air", 1)]


def test_fourth_proposal_of_a_day_is_confirmed_by_mail(service: RegistrationService) -> None:
    """The spacing of mails restarts with each confirmation: no one who answers their mail waits for the next."""
    for number in range(4):
        service.enrol(proposal_answers(f"Idea {number}"), FORM)
        assert service.mailed() == [OWNER] * (number + 1)
    assert [title for title, _, _ in on_the_board(service)] == [f"Idea {number}" for number in range(4)]


def test_proposals_per_address_are_limited_by_the_form(service: RegistrationService) -> None:
    for number in range(PER_ADDRESS):
        service.enrol(proposal_answers(f"Idea {number:02}"), FORM)
    service.clock.advance(timedelta(hours=1))
    assert service.submit(proposal_answers("One more"), FORM).status_code == 202
    service.decide()
    assert service.confirm(OWNER) == ["too-many"]
    assert len(on_the_board(service)) == PER_ADDRESS


def test_proposals_of_invented_addresses_reach_no_board(service: RegistrationService) -> None:
    """Two hundred of them, from as many networks; nothing about them leaves the service but confirmation mails."""
    for number in range(200):
        content = proposal_answers(f"Idea {number}", email=f"invented-{number}@domain-{number % 20}.example.org")
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        assert service.submit(content, FORM, headers).status_code == 202
    service.decide()
    assert service.messages("proposal.") == []
    service.enrol({**MINE, "email": "honest@domain.example.net"}, FORM)
    assert on_the_board(service) == [("Clean air", "Mine.", "submitted")]


def test_mailbox_gets_six_mails_a_day_under_however_many_tags_and_forms(service: RegistrationService) -> None:
    """Proposals and registrations count together: at once, after 5 min, 30 min, 2 h, 6 h and 12 h."""
    for number in range(60):
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        address = {"email": f"victim+{number}@example.org"}
        sent = (
            service.submit(proposal_answers(f"Idea {number}", **address), FORM, headers)
            if number % 2
            else service.submit(answers(number, **address), headers=headers)
        )
        assert sent.status_code == 202
    began, at = service.clock(), []
    for minutes in (0, 4, 5, 34, 35, 154, 155, 514, 515, 1234, 1235, 1439):  # a minute before each, and then
        service.clock.set(began + timedelta(minutes=minutes))
        before = len(service.mailed())
        service.decide()
        at += [minutes] * (len(service.mailed()) - before)
    assert at == [0, 5, 35, 155, 515, 1235]
    assert service.messages("proposal.") == []


def test_withdrawn_proposal_leaves_the_board_and_its_title_can_come_again(service: RegistrationService) -> None:
    """By the proposer's own link alone."""
    service.enrol(MINE, FORM)
    assert service.own("x" * 43, "cancel").status_code == 404
    assert on_the_board(service) == [("Clean air", "Mine.", "submitted")]
    service.clock.advance(timedelta(seconds=1))
    assert service.own(service.managing_token(OWNER), "cancel").status_code == 303
    assert [status for _, _, status in on_the_board(service)] == ["withdrawn"]
    service.enrol(MINE, FORM)
    assert sorted(status for _, _, status in on_the_board(service)) == ["submitted", "withdrawn"]
