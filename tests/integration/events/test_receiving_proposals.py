"""Messages about proposals in any order, with decisions of coordinators in between; and who may read them."""

import json
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from services.events.consumers import effects
from services.events.side_events.model import ProposalStatus
from services.events.side_events.reading import ProposalKeys
from services.events.side_events.service import (
    ProposalDecision,
    SeenProposal,
    adopt_suggestion,
    decide_proposal,
    dismiss_suggestion,
)
from services.events.side_events.store import read_proposal
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts.schemas import Message
from shared.runtime.clock import rfc3339
from shared.runtime.errors import DomainError, Poison
from shared.runtime.ids import new_id
from shared.security.sealing import new_key, public_key_of
from tests.integration.events.side_events import (
    CONSUMER_KEYS,
    EVENTS_KEY,
    NOTIFICATIONS_KEY,
    PROPOSALS,
    REGISTRATION_KEY,
    AsRole,
    Desk,
    deliver,
    erased_message,
    proposal_message,
)
from tests.integration.events.test_schedule_guards import NOON, change_event
from tests.integration.registration.test_erasing import everything_in
from tests.support.clock import WEBINAR_WEEK, FrozenClock
from tests.support.locks import WAITING
from tests.support.waiting import poll_until

CANARY = "zqcanary"
ANSWERS: dict[str, Any] = {
    "organisation": f"{CANARY}-organisation",
    "summary": f"{CANARY}-summary",
    "speakers": [f"{CANARY} Speaker", "Another Speaker"],
}
DESK_KEYS = ProposalKeys(
    (EVENTS_KEY,),
    notifications_key=public_key_of(NOTIFICATIONS_KEY),
    registration_key=public_key_of(REGISTRATION_KEY),
)
TEXTS: Sequence[dict[str, Any]] = (
    {"title": "One", "speakers": ["Ana"]},
    {"title": "Two", "speakers": ["Ana", "Bo"], "named_speakers": ["Bo"], "attendance": 50},
    {"title": "One", "speakers": [], "preferred_days": ["2020-05-06"], "working_group": "housing"},
)
DECISIONS = ("accepted", "returned", "declined", "adopt", "dismiss")


@dataclass(frozen=True, slots=True)
class Timeline:
    """What someone does with a proposal, and what is decided after each of it.

    Attributes:
        texts: by number in ``TEXTS``, one for each revision of the registration.
        decisions: after each of them.
        withdrawn, erased: how it ends.
    """

    texts: list[int]
    decisions: list[list[str]]
    withdrawn: bool
    erased: bool


@st.composite
def _stories(draw: st.DrawFn) -> Timeline:
    texts = draw(st.lists(st.integers(0, len(TEXTS) - 1), min_size=1, max_size=4))
    some = st.lists(st.sampled_from(DECISIONS), max_size=3)
    decisions = draw(st.lists(some, min_size=len(texts), max_size=len(texts)))
    return Timeline(texts, decisions, draw(st.booleans()), draw(st.booleans()))


class InProcessBus:
    """One proposal that goes through a story."""

    def __init__(self, work: UnitOfWork, timeline: Timeline) -> None:
        self.work, self.timeline, self.id = work, timeline, new_id()
        self.outcomes: list[str] = []

    def in_order(self) -> None:
        """Everything as it happened, each once."""
        for number in range(len(self.timeline.texts)):
            self._consume([self._message_about(number)])
            self._decide(number)
        self._consume(self._ends())

    def shuffled(self, chance: random.Random) -> None:
        """Coordinators decide on the same, and everything else comes late, early, twice or three times."""
        for number, decided in enumerate(self.timeline.decisions):
            if decided:
                older = [self._message_about(chance.randint(0, number)) for _ in range(chance.randint(0, 3))]
                self._consume(self._mixed([self._message_about(number), *older], chance))
                self._decide(number)
        whole = [self._message_about(number) for number in range(len(self.timeline.texts))]
        self._consume(self._mixed([*whole, *self._ends(), *self._ends(), chance.choice(whole)], chance))

    def state(self) -> dict[str, Any]:
        """All that is stored, but for ids and numbers of the review; speakers by name."""
        with self.work.transaction() as connection:
            row: dict[str, Any] = connection.execute(
                text("SELECT to_jsonb(proposal) - 'digest' FROM proposal WHERE id = CAST(:id AS uuid)"), {"id": self.id}
            ).scalar_one()
            found = read_proposal(connection, self.id)
        names: dict[str, Any] = {"speaker_names": (), "suggested_names": ()}
        if found is not None:
            suggested = found.suggestion.speaker_names if found.suggestion else None
            names = {
                "speaker_names": DESK_KEYS.names(found.speaker_names, self.id),
                "suggested_names": DESK_KEYS.names(suggested, self.id),
            }
        else:
            assert (row["speaker_names"], row["suggested_names"]) == (None, None)
        return {name: value for name, value in row.items() if name not in ("id", "revision")} | names

    def _message_about(self, number: int) -> Message:
        verb = "changed" if number else "submitted"
        content = {"language": "en", "occurred_at": self._at(number + 1), **TEXTS[self.timeline.texts[number]]}
        return proposal_message(verb, self.id, number + 1, **content)

    def _ends(self) -> list[Message]:
        last = len(self.timeline.texts)
        withdrawn = proposal_message("withdrawn", self.id, last + 1, occurred_at=self._at(last + 1))
        erased = erased_message(self.id, last + 2, occurred_at=self._at(last + 2))
        return [*([withdrawn] if self.timeline.withdrawn else []), *([erased] if self.timeline.erased else [])]

    @staticmethod
    def _at(revision: int) -> str:
        return rfc3339(WEBINAR_WEEK + timedelta(minutes=revision))

    @staticmethod
    def _mixed(messages: list[Message], chance: random.Random) -> list[Message]:
        chance.shuffle(messages)
        return messages

    def _consume(self, messages: Sequence[Message]) -> None:
        assert set(deliver(self.work, messages)) <= {"done", "duplicate"}

    def _decide(self, number: int) -> None:
        for wanted in self.timeline.decisions[number]:
            self.outcomes.append(self._decided(wanted))

    def _decided(self, wanted: str) -> str:
        with self.work.transaction() as connection:
            found = read_proposal(connection, self.id)
        assert found is not None
        seen = SeenProposal(self.id, found.revision, "a coordinator")
        clock = FrozenClock(WEBINAR_WEEK)
        try:
            if wanted in ("adopt", "dismiss"):
                act = adopt_suggestion if wanted == "adopt" else dismiss_suggestion
                return str(act(self.work, clock, seen).status)
            decision = ProposalDecision(seen, ProposalStatus(wanted), f"A note: {wanted}.")
            return str(decide_proposal(self.work, clock, DESK_KEYS, decision).status)
        except DomainError as refusal:
            return refusal.code


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(timeline=_stories(), seed=st.integers(0, 1 << 20))
def test_any_order_and_any_duplicates_end_the_same(work: UnitOfWork, timeline: Timeline, seed: int) -> None:
    straight, mixed = InProcessBus(work, timeline), InProcessBus(work, timeline)
    straight.in_order()
    mixed.shuffled(random.Random(seed))
    assert mixed.outcomes == straight.outcomes
    assert mixed.state() == straight.state()


def test_message_that_is_known_already_changes_nothing(desk: Desk) -> None:
    proposal = desk.propose("One")
    desk.change(proposal, 2, "Two")
    before = (desk.show(proposal), desk.history(proposal))
    desk.change(proposal, 2, "Two")
    desk.receive(proposal_message("submitted", proposal, 1, "One"))
    assert (desk.show(proposal), desk.history(proposal)) == (before[0], before[1])


def test_no_name_is_in_the_database_in_clear_and_coordinators_read_names(desk: Desk, as_role: AsRole) -> None:
    """Of the proposer there is a reference alone; of speakers a reference and an encrypted name each."""
    proposal = desk.accepted(f"{CANARY}-title", working_group="housing", **ANSWERS)
    desk.change(proposal, 2, f"{CANARY}-title", **ANSWERS | {"speakers": [f"{CANARY} Third"]})
    desk.act(proposal, "return", {"note": f"{CANARY}-note"})
    desk.change(proposal, 3, f"{CANARY}-title", **ANSWERS)
    dump = everything_in(desk.engine.url.render_as_string(hide_password=False))
    assert [name for name in ("Speaker", "Third", "speaker", "third") if f"{CANARY} {name}" in dump] == []
    assert "Another Speaker" not in dump
    assert [word for word in (CANARY, "Speaker") if word in desk.raw()] == []
    assert desk.show(proposal)["speakers"] == [f"{CANARY} Speaker", "Another Speaker"]
    seen = desk.client.get(f"/v1/proposals/{proposal}", headers=as_role("viewer")).get_json()
    assert (seen["speakers"], seen["named_speakers"], seen["speaker_count"]) == (None, None, 2)
    for page, role, shown in (
        ("/console/side-events", "coordinator", True),
        ("/console/side-events", "viewer", False),
        (f"/console/timetable/{proposal}", "coordinator", True),
    ):
        assert ("Another Speaker" in desk.client.get(page, headers=as_role(role)).text) == shown, (page, role)


def test_names_are_on_the_board_for_coordinators(desk: Desk, as_role: AsRole) -> None:
    desk.put(desk.accepted("One", speakers="Another Speaker"), "lake-hall", NOON)
    for role, shown in (("coordinator", True), ("viewer", False)):
        page = desk.client.get("/console/timetable", headers=as_role(role)).text
        assert ("Another Speaker" in page) == shown, role


def test_names_that_no_key_opens_hide_nothing_else(desk: Desk) -> None:
    proposal = desk.propose("One", **ANSWERS)
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE proposal SET speaker_names = '\\x00112233445566778899aabbccddeeff00'"))
    shown = desk.show(proposal)
    assert (shown["title"], shown["speakers"], shown["speaker_count"]) == ("One", None, 2)
    page = desk.client.get("/console/side-events", headers=desk.headers).text
    assert "2; this installation has no key for their names" in page


def test_speaker_who_is_named_twice_is_one(desk: Desk) -> None:
    proposal = desk.propose("One", speakers="A speaker\n\n  a   SPEAKER \nAnother speaker")
    assert desk.show(proposal)["speaker_count"] == 2


def test_day_on_which_a_speaker_cannot_come_is_no_preferred_one(desk: Desk) -> None:
    day, other = "2020-05-06", "2020-05-07"
    shown = desk.show(desk.propose("One", preferred_days=[day, other], unavailable_days=[day]))
    assert (shown["preferred_on"], shown["unavailable_on"]) == ([other], [day])


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"key": new_key()}, "sealed part does not open"),
        ({"attendance": 0}, "sealed part breaks the schema: attendance"),
        ({"preferred_days": ["some day"]}, "sealed part breaks the schema: preferred_days"),
        ({"title": "  "}, "no proposal: title"),
        ({"summary": f"{CANARY}\0"}, "no proposal: summary"),
    ],
)
def test_what_is_no_proposal_is_poison_and_is_not_repeated(desk: Desk, message: dict[str, Any], reason: str) -> None:
    sent = proposal_message("submitted", new_id(), 1, **{"title": "One"} | message)
    (outcome,) = deliver(desk.consumer, [sent])
    assert (type(outcome), str(outcome)) == (Poison, reason)
    assert desk.rows("SELECT count(*) FROM proposal") == [(0,)]


def test_declined_proposal_stays_declined_when_its_registration_is_cancelled(desk: Desk) -> None:
    proposal = desk.propose("One")
    desk.decide(proposal, "decline", "Not this year.")
    desk.withdraw(proposal)
    assert (desk.show(proposal)["status"], len(desk.history(proposal))) == ("declined", 2)


def test_proposal_of_which_only_the_withdrawal_came_is_nowhere(desk: Desk) -> None:
    proposal = new_id()
    desk.withdraw(proposal, 2)
    assert desk.client.get(f"/v1/proposals/{proposal}", headers=desk.headers).status_code == 404
    assert desk.client.get("/v1/proposals?status=withdrawn", headers=desk.headers).get_json()["items"] == []
    desk.receive(proposal_message("submitted", proposal, 1, "One"))
    assert [(one["action"], one["status"]) for one in desk.history(proposal)] == [
        ("submitted", "submitted"),
        ("withdrawn", "withdrawn"),
    ]


@pytest.mark.parametrize("verb", ["", "return", "decline", "accept"])
def test_erasure_leaves_a_tombstone(desk: Desk, verb: str) -> None:
    proposal = desk.propose(f"{CANARY}-title", **ANSWERS)
    if verb:
        desk.decide(proposal, verb, f"{CANARY}-note")
    desk.change(proposal, 2, f"{CANARY}-other", **ANSWERS)
    url = desk.engine.url.render_as_string(hide_password=False)
    assert CANARY in everything_in(url)
    desk.erase(proposal)
    desk.change(proposal, 3, f"{CANARY}-late", **ANSWERS)
    assert CANARY not in everything_in(url)
    ended = "declined" if verb == "decline" else "withdrawn"
    assert desk.rows(
        "SELECT status, title, person_ref, speaker_names, suggested_names, answers, erased_at IS NULL FROM proposal"
    ) == [(ended, "", None, None, None, {}, False)]
    assert desk.rows("SELECT count(*) FROM outbox WHERE type LIKE '%proposal%' AND body <> ''") == [(0,)]
    for path in ("", "/history"):
        assert desk.client.get(f"/v1/proposals/{proposal}{path}", headers=desk.headers).status_code == 404
    assert desk.client.get("/v1/proposals", headers=desk.headers).get_json()["items"] == []
    assert desk.rows("SELECT bool_and(note = '' AND changed = '[]') FROM proposal_change") == [(True,)]


def test_place_of_an_erased_proposal_is_given_up_and_the_next_version_leaves_it_out(desk: Desk) -> None:
    proposal, other = desk.accepted("Housing", **ANSWERS), desk.accepted("Health")
    desk.put(proposal, "garden-room", NOON)
    assert desk.publish().status_code == 201
    desk.erase(proposal)
    assert desk.rows("SELECT count(*) FROM placement") == [(0,)]
    event = "SELECT status, title ->> 'es' FROM event WHERE kind = 'side_event' AND title ->> 'es' = 'Housing'"
    assert desk.rows(event) == [("confirmed", "Housing")]
    desk.put(other, "garden-room", NOON)
    assert desk.publish().status_code == 201
    assert desk.rows(event) == [("cancelled", "Housing")]


def test_what_took_place_stays_scheduled_when_its_proposer_is_erased(desk: Desk, clock: FrozenClock) -> None:
    proposal = desk.accepted("Housing", **ANSWERS)
    desk.put(proposal, "garden-room", NOON)
    desk.publish()
    event = desk.show(proposal)["event"]
    clock.advance(timedelta(days=100))
    assert change_event(desk, event, "hold").status_code == 200
    desk.erase(proposal)
    assert desk.rows("SELECT status, event_id FROM proposal") == [("scheduled", event)]
    desk.put(desk.accepted("Health"), "garden-room", "2020-05-07-1300")
    assert desk.publish().status_code == 201
    assert desk.rows(f"SELECT status FROM event WHERE id = '{event}'") == [("held",)]


def test_erasure_that_comes_while_a_proposal_is_stored_waits_and_takes_it(desk: Desk) -> None:
    """The two messages are on two queues; without the board's lock each would miss what the other does."""
    proposal = new_id()
    eraser = threading.Thread(target=lambda: desk.erase(proposal))
    with desk.consumer.transaction() as connection:
        effects(CONSUMER_KEYS)[PROPOSALS](connection, proposal_message("submitted", proposal, 1, CANARY, **ANSWERS))
        eraser.start()
        poll_until(lambda: desk.rows(str(WAITING)) == [(True,)], 5, what="the erasure waits for the proposal")
    eraser.join()
    assert CANARY not in everything_in(desk.engine.url.render_as_string(hide_password=False))


def test_erased_registration_of_another_form_touches_no_proposal(desk: Desk) -> None:
    proposal = desk.propose("One")
    desk.receive(erased_message(new_id(), form_kind="webinar", form="upr-webinar-10"))
    assert (desk.show(proposal)["status"], desk.rows("SELECT count(*) FROM proposal")) == ("submitted", [(1,)])


def test_message_shows_nothing_of_a_proposal_in_clear() -> None:
    sent = proposal_message("submitted", new_id(), 1, CANARY, **ANSWERS)
    assert CANARY not in json.dumps(dict(sent.data), default=str)
