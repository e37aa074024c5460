"""Proposals of side events: registrations whose text is published to events, which returns the decisions."""

import base64
import html
import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.registration.consumers import PROPOSALS, effects
from shared.messaging.contracts.registry import read
from shared.messaging.contracts.schemas import Message
from shared.runtime.errors import Poison, SettingsError
from shared.security.sealing import new_key, open_sealed, public_key_of, read_keys, seal_to
from tests.contract.samples import sample_message
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService
from tests.support.web import load_folder

FORM = "side-event-proposal"
PROPOSER = "proposer@example.org"
FORMS = f"""\
- slug: {FORM}
  kind: proposal
  title: Propose a side event
  fields: standard/proposal
  days: [2031-05-06, 2031-05-07]
  partners: []
"""
HOUSING: dict[str, Any] = {
    "name": "A Proposer",
    "email": PROPOSER,
    "organisation": "Example Network",
    "title": "Housing as a right",
    "summary": "What the recommendations say",
    "speakers": "First  Speaker\n\nSecond Speaker\n",
    "named_speakers": "Second  Speaker",
    "attendance": 40,
    "preferred_days": ["2031-05-06"],
    "unavailable_days": ["2031-05-07"],
    "consent": True,
}
WATER = HOUSING | {"title": "Water as a right"}
CHANGED = {name: value for name, value in HOUSING.items() if name not in ("email", "consent")}
NOTE = "Please name a third speaker"
SIDE_EVENT = """
    INSERT INTO event_copy (id, revision, kind, title, summary, starts_at, ends_at, time_zone, status, mode, city,
        place)
    VALUES ('side-event-1', 1, 'side_event', '{"en": "Housing as a right"}', '{}', %s, %s, 'Europe/Zurich', 'confirmed',
        'in_person', 'Geneva', 'Lake Hall')
"""


@pytest.fixture
def installation(installation: TestInstallation, tmp_path: Path) -> TestInstallation:
    """A form of proposals beside the webinar."""
    folder = tmp_path / "forms"
    folder.mkdir()
    (folder / "forms.yaml").write_text(FORMS)
    (folder / "partners.yaml").write_text("[]\n")
    load_folder(installation, folder)
    return installation


def decision(identity: str, revision: int, status: str, *, answers: int = 1, note: str = "", **more: Any) -> Message:
    """A decision of coordinators, as events publishes it; ``more["key"]`` is another key than registration's."""
    key = more.pop("key")
    sealed = base64.b64encode(seal_to(public_key_of(key), {"note": note})).decode()
    message = sample_message(
        f"proposal.{status}.v1", proposal_id=identity, revision=revision, answers_revision=answers, note=sealed, **more
    )
    return Message(**{name: getattr(message, name) for name in Message.__slots__} | {"data": read(message)})


class Coordinators:
    """Decides about proposals, as far as registration can see it."""

    def __init__(self, service: RegistrationService) -> None:
        self.service = service
        self.keys = read_keys(service.installation.secrets.folder / "registration.key")

    def decide(self, identity: str, revision: int, status: str, **more: Any) -> None:
        """Let registration consume a decision, with its consumer's login."""
        self.consume([decision(identity, revision, status, key=self.keys[0], **more)])

    def consume(self, messages: Sequence[Message]) -> None:
        """Consume messages in this order, each in its own transaction."""
        handle, work = effects(self.keys)[PROPOSALS], self.service.work("consume")
        for message in messages:
            with work.transaction() as connection:
                handle(connection, message)


@pytest.fixture
def coordinators(service: RegistrationService) -> Coordinators:
    """Of events."""
    return Coordinators(service)


def proposals(service: RegistrationService) -> list[tuple[str, dict[str, Any]]]:
    """(verb, what events reads of it) of every message about a proposal, in order."""
    [key] = read_keys(service.installation.secrets.folder / "events.key")
    return [
        (
            one["type"].split(".")[-2],
            open_sealed([key], base64.b64decode(one["data"]["sealed"])) if "sealed" in one["data"] else {},
        )
        for one in service.messages("proposal.")
    ]


def own_page(service: RegistrationService, language: str = "en") -> str:
    """The proposer's own page."""
    return html.unescape(service.client.get(f"/r/{service.managing_token(PROPOSER)}?lang={language}").text)


def test_confirmed_proposal_reaches_events_without_its_person(service: RegistrationService) -> None:
    service.submit(HOUSING, FORM)
    service.decide()
    assert proposals(service) == []
    assert service.confirm(PROPOSER) == ["confirmed"]
    assert proposals(service) == [
        (
            "submitted",
            {
                "title": "Housing as a right",
                "summary": "What the recommendations say",
                "organisation": "Example Network",
                "speakers": ["First Speaker", "Second Speaker"],
                "named_speakers": ["Second Speaker"],
                "attendance": 40,
                "preferred_days": ["2031-05-06"],
                "unavailable_days": ["2031-05-07"],
            },
        )
    ]
    [message] = service.messages("proposal.submitted")
    [registration] = rows(service.url, "SELECT id::text, revision FROM registration")
    assert (message["data"]["proposal_id"], message["data"]["revision"], message["subject"]) == (
        *registration,
        registration[0],
    )
    [box] = service.boxes("registration.confirmed")
    assert (box["title"], box["address"]) == ("Housing as a right", PROPOSER)


def test_other_forms_publish_no_proposal_and_no_title(service: RegistrationService) -> None:
    service.register(1)
    assert proposals(service) == []
    assert [box["title"] for box in service.boxes("registration.confirmed")] == [""]


def test_one_person_proposes_several_and_the_same_title_once(service: RegistrationService) -> None:
    service.enrol(HOUSING, FORM)
    service.enrol(WATER, FORM)
    again = HOUSING | {"title": "housing  AS a right", "attendance": 50}
    service.submit(again, FORM)
    service.decide()
    assert service.confirm(PROPOSER) == ["changed"]
    found = rows(service.url, "SELECT answers ->> 'title', answers -> 'attendance' FROM registration ORDER BY id")
    assert sorted(found) == [("Water as a right", 40), ("housing  AS a right", 50)]
    assert [verb for verb, _ in proposals(service)] == ["submitted", "submitted", "changed"]


def test_page_behind_the_confirmation_link_is_worded_for_proposals(service: RegistrationService) -> None:
    service.enrol(HOUSING, FORM)
    service.submit(WATER, FORM)
    service.decide()
    page = html.unescape(service.client.get(f"/c/{service.confirmation_token(PROPOSER)}?lang=en").text)
    for words in (
        "This is another proposal: confirm it too",
        "Replace the existing proposal “\u2068Housing as a right\u2069” with these answers",
        "Proposed",
    ):
        assert words in page


def test_changed_and_withdrawn_proposals_are_published(service: RegistrationService) -> None:
    service.enrol(HOUSING, FORM)
    token = service.managing_token(PROPOSER)
    answer = service.change(token, "answers", **CHANGED | {"title": "Housing for all"})
    assert answer.status_code == 303, answer.text
    assert "saved and sent to the coordinators" in html.unescape(service.client.get(answer.headers["Location"]).text)
    assert service.own(service.managing_token(PROPOSER), "cancel").status_code == 303
    published = proposals(service)
    assert [verb for verb, _ in published] == ["submitted", "changed", "withdrawn"]
    assert published[1][1]["title"] == "Housing for all"
    assert rows(service.url, "SELECT status FROM registration") == [("cancelled",)]


def test_title_of_another_own_proposal_is_refused(service: RegistrationService) -> None:
    service.enrol(WATER, FORM)
    service.enrol(HOUSING, FORM)
    token = service.managing_token(PROPOSER)
    answer = service.change(token, "answers", **CHANGED | {"title": "Water as a right"})
    assert answer.status_code == 409
    assert "another proposal with this title" in answer.text


def test_decisions_are_shown_on_the_own_page(service: RegistrationService, coordinators: Coordinators) -> None:
    identity = service.enrol(HOUSING, FORM)
    assert "We have received it" in own_page(service)
    coordinators.decide(identity, 2, "returned", note=NOTE)
    page = own_page(service)
    assert "revise it before they can accept it" in page
    assert NOTE in page
    coordinators.decide(identity, 3, "accepted")
    page = own_page(service)
    assert "as soon as it has a room and a time" in page
    assert "reach them as a suggestion" in page
    assert NOTE not in page
    coordinators.decide(identity, 4, "declined")
    assert "cannot include it in the programme" in own_page(service)


def test_scheduled_proposal_shows_its_place_and_a_calendar_entry(
    service: RegistrationService, coordinators: Coordinators
) -> None:
    identity = service.enrol(HOUSING, FORM)
    starts_at = service.clock() + timedelta(days=60)
    rows(service.url, SIDE_EVENT, starts_at, starts_at + timedelta(hours=1))
    coordinators.decide(identity, 2, "accepted")
    coordinators.decide(identity, 3, "scheduled", event="side-event-1")
    page = own_page(service)
    assert "is in the published timetable" in page
    assert "Lake Hall" in page
    file = service.client.get(f"/r/{service.managing_token(PROPOSER)}/calendar.ics")
    assert (file.status_code, "SUMMARY:Housing as a right" in file.text) == (200, True)
    view = service.client.get(f"/v/{service.boxes('registration.confirmed')[-1]['view']}?lang=en")
    assert "Accepted, in the timetable" in view.text
    assert (PROPOSER in view.text, "A Proposer" in view.text) == (False, False)


def test_returned_proposal_can_be_changed_after_the_form_closed_and_is_submitted_again(
    service: RegistrationService, coordinators: Coordinators
) -> None:
    identity = service.enrol(HOUSING, FORM)
    rows(service.url, "UPDATE form SET closes_at = %s WHERE slug = %s", service.clock() - timedelta(1), FORM)
    token = service.managing_token(PROPOSER)
    assert "It is too late" in service.client.get(f"/r/{token}/answers?lang=en").text
    coordinators.decide(identity, 2, "returned", note=NOTE)
    answer = service.change(token, "answers", **CHANGED | {"attendance": 60})
    assert answer.status_code == 303, answer.text
    assert "We have received it" in own_page(service)
    again = service.client.get(f"/r/{service.managing_token(PROPOSER)}/answers?lang=en")
    assert "It is too late" in again.text


def test_decision_about_an_earlier_text_does_not_return_a_later_one(
    service: RegistrationService, coordinators: Coordinators
) -> None:
    """The proposer changed the proposal before the coordinators' decision arrived here."""
    identity = service.enrol(HOUSING, FORM)
    service.change(service.managing_token(PROPOSER), "answers", **CHANGED | {"attendance": 60})
    coordinators.decide(identity, 2, "returned", answers=1, note=NOTE)
    assert "We have received it" in own_page(service)


def test_decisions_in_any_order_and_twice_end_the_same(
    service: RegistrationService, coordinators: Coordinators
) -> None:
    identity = service.enrol(HOUSING, FORM)
    steps = [(2, "returned"), (4, "accepted"), (5, "scheduled"), (6, "accepted"), (7, "declined")]
    messages = [decision(identity, number, status, key=coordinators.keys[0]) for number, status in steps] * 2
    for seed in range(6):
        random.Random(seed).shuffle(messages)
        coordinators.consume(messages)
        assert rows(service.url, "SELECT revision, status FROM proposal_state") == [(7, "declined")]
        rows(service.url, "DELETE FROM proposal_state")


def test_decision_that_is_sealed_to_someone_else_is_poison(
    service: RegistrationService, coordinators: Coordinators
) -> None:
    identity = service.enrol(HOUSING, FORM)
    with pytest.raises(Poison, match="cannot be decrypted"):
        coordinators.consume([decision(identity, 2, "accepted", key=new_key())])
    assert rows(service.url, "SELECT status FROM proposal_state") == []


def test_erased_proposer_leaves_no_decision_and_later_ones_change_nothing(
    service: RegistrationService, coordinators: Coordinators
) -> None:
    identity = service.enrol(HOUSING, FORM)
    coordinators.decide(identity, 2, "returned", note=NOTE)
    assert service.own(service.managing_token(PROPOSER), "erase").status_code == 303
    coordinators.decide(identity, 3, "accepted", note=NOTE)
    assert rows(service.url, "SELECT status FROM proposal_state") == []
    assert rows(service.url, "SELECT answers, email FROM registration") == [({}, None)]
    assert rows(service.url, "SELECT count(*) FROM outbox WHERE type LIKE '%%proposal.%%' AND body <> ''") == [(0,)]


@pytest.mark.parametrize(
    ("status", "days", "gone"),
    [("declined", 89, False), ("declined", 91, True), ("accepted", 364, False), ("accepted", 366, True)],
)
def test_proposer_is_kept_for_90_days_after_a_refusal_and_a_year_without_an_end(
    service: RegistrationService, coordinators: Coordinators, status: str, days: int, gone: bool
) -> None:
    identity = service.enrol(HOUSING, FORM)
    coordinators.decide(identity, 2, status, occurred_at=service.clock().isoformat())
    service.announce_and_tend(service.clock() + timedelta(days=days))
    assert rows(service.url, "SELECT erased_at IS NOT NULL FROM registration") == [(gone,)]


def test_proposer_is_kept_until_90_days_after_the_side_event(
    service: RegistrationService, coordinators: Coordinators
) -> None:
    identity = service.enrol(HOUSING, FORM)
    starts_at = service.clock() + timedelta(days=200)
    rows(service.url, SIDE_EVENT, starts_at, starts_at + timedelta(hours=1))
    coordinators.decide(identity, 2, "scheduled", event="side-event-1", occurred_at=service.clock().isoformat())
    kept = []
    for days in (289, 292):
        service.announce_and_tend(service.clock() + timedelta(days=days))
        kept += rows(service.url, "SELECT erased_at IS NULL FROM registration")
    assert kept == [(True,), (False,)]


NAMED = """
    - {name: name, kind: text, label: Name, required: true}
    - {name: email, kind: email, label: Address, required: true}
    - {name: title, kind: text, label: Title, required: true}
"""


@pytest.mark.parametrize(
    ("fault", "more"),
    [
        ("a proposal needs the question attendance", ""),
        ("attendance must be of the kind number and required", "- {name: attendance, kind: text, label: How many}"),
        ("attendance must be of the kind number and required", "- {name: attendance, kind: number, label: How many}"),
        (
            "the choices of preferred_days must be days such as 2020-05-06",
            "- {name: preferred_days, kind: some_of, label: When, options: [{value: '9999-12-31', label: The last}]}",
        ),
    ],
)
def test_form_whose_answers_events_cannot_read_is_not_loaded(
    installation: TestInstallation, tmp_path: Path, fault: str, more: str
) -> None:
    questions = f"{NAMED}    {more}\n".rstrip() + "\n"
    (tmp_path / "forms.yaml").write_text(FORMS.replace(" standard/proposal\n", questions).replace("days:", "#"))
    (tmp_path / "partners.yaml").write_text("[]\n")
    with pytest.raises(SettingsError) as caught:
        load_folder(installation, tmp_path)
    assert any(fault in problem for problem in caught.value.problems), caught.value.problems


def test_proposals_have_no_seats_and_no_event(installation: TestInstallation, tmp_path: Path) -> None:
    (tmp_path / "forms.yaml").write_text(FORMS + "  capacity: 3\n  event: upr-webinar-10\n")
    (tmp_path / "partners.yaml").write_text("[]\n")
    with pytest.raises(SettingsError) as caught:
        load_folder(installation, tmp_path)
    assert [problem.split(": ")[1] for problem in caught.value.problems] == ["capacity", "event"]
