"""A registration moves to another address with both mailboxes only, and back by the former one's link."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.registration.forms.opening import Opening
from services.registration.forms.seats import OptionLimits, Seats
from services.registration.intake import deciding_commands
from services.registration.intake.deciding import decide
from services.registration.intake.facts import (
    MAX_CANDIDATES,
    AddressRequests,
    BatchPlan,
    Facts,
    FormerAddress,
    FormState,
    LiveRegistration,
    MovedRegistration,
)
from services.registration.intake.items import Confirm, Item, Submission, UndoAddress
from services.registration.intake.model import Act, Choice, FormContent, Result
from services.registration.intake.owner_items import MAX_ADDRESSES_ASKED, Cancel, ChangeAddress
from services.registration.intake.storing import store_change
from services.registration.people.model import AddressRefs

NOW = datetime(2020, 3, 1, 12, tzinfo=UTC)
FORM = "upr-webinar-10"
MAX_PEOPLE = 2


def refs(email: str) -> AddressRefs:
    return AddressRefs(email.encode().ljust(32, b"a"), email.encode().ljust(32, b"m"), b"")


def person_of(email: str, name: str | None, title: str | None = None) -> bytes:
    return f"{name} {email}".encode().ljust(32, b"p")


@dataclass
class Desk:
    """Facts that outlive batches, as the tables do, with the links that were mailed.

    Attributes:
        undo: former addresses that were mailed an undo link, in the order of the changes.
    """

    facts: Facts
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    undo: list[FormerAddress] = field(default_factory=list)

    def decide(self, *items: Item) -> BatchPlan:
        before = {one.id: one for some in self.facts.live.values() for one in some} | self.facts.ended
        plan = decide(self.facts, items, lambda: f"id-{next(self.numbers)}", NOW)
        for moved in plan.moved:
            self._keep_former(moved, before[moved.id])
        for one in plan.cancelled:
            self.facts.ended[one.id] = one
        return plan

    def _keep_former(self, moved: MovedRegistration, was: LiveRegistration) -> None:
        email = was.content.email
        former = FormerAddress(moved.former, moved.id, moved.revision, email, refs(email), NOW, moved.before)
        self.facts.former.append(former)
        if not moved.restored:
            self.undo.append(former)

    def former_of(self, registration: str) -> list[str]:
        """Addresses that are kept of those that a registration had."""
        return [one.email for one in self.facts.former if one.registration == registration]

    def ask(self, registration: str, email: str) -> Result:
        number = next(self.numbers)
        item = ChangeAddress(number, registration, email, refs(email), "K7QM", NOW)
        return self.decide(item).results[number][0].result

    def choose(self, email: str, act: Act = Act.USE_ADDRESS) -> list[Result]:
        """The owner of an address chooses about everything that is to use it."""
        number = next(self.numbers)
        waiting = [one for one in self.facts.changes.values() if one.email == email]
        choices = [Choice(one.id, act, form=FORM) for one in waiting]
        return [one.result for one in self.decide(Confirm(number, refs(email), choices)).results[number]]

    def take_back(self, former: FormerAddress | None) -> Result:
        number = next(self.numbers)
        kept = former is not None and any(one.id == former.id for one in self.facts.former)
        item = UndoAddress(number, former.id if former is not None and kept else None, FORM)
        return self.decide(item).results[number][0].result

    def address_of(self, registration: str) -> str:
        found = self.facts.find(registration) or self.facts.ended[registration]
        assert found.address == refs(found.content.email).ref
        return found.content.email


def live(identity: str, email: str, name: str) -> LiveRegistration:
    content = FormContent(email=email, language="en", name=name)
    return LiveRegistration(identity, FORM, "confirmed", 1, person_of(email, name), refs(email).ref, content)


def make_desk(*registrations: LiveRegistration, blocked: frozenset[bytes] = frozenset()) -> Desk:
    opening = Opening(True, True, "confirmed", NOW + timedelta(days=3), None)
    form = FormState(opening, Seats(None, len(registrations), 0, 0, True), "email", MAX_PEOPLE, FORM)
    facts = Facts({FORM: form}, blocked=blocked, person_of=person_of)
    for one in registrations:
        facts.of(FORM, one.address).append(one)
    return Desk(facts)


@pytest.fixture
def desk() -> Desk:
    return make_desk(live("r", "old@example.org", "A. B."))


def test_nothing_changes_until_the_new_address_confirms(desk: Desk) -> None:
    assert desk.ask("r", "new@example.org") is Result.ADDRESS_ASKED
    assert desk.address_of("r") == "old@example.org"
    assert desk.choose("new@example.org") == [Result.ADDRESS_CHANGED]
    found = desk.facts.find("r")
    assert found is not None
    assert (desk.address_of("r"), found.revision, found.person) == (
        "new@example.org",
        2,
        person_of("new@example.org", "A. B."),
    )
    assert (desk.facts.changes, desk.facts.forms[FORM].seats.confirmed) == ({}, 1)


def test_asking_wants_one_mail_to_the_new_address_in_the_language_of_the_registration(desk: Desk) -> None:
    item = ChangeAddress(1, "r", "new@example.org", refs("new@example.org"), "K7QM", NOW)
    plan = desk.decide(item)
    assert [(one.email, one.language, one.proven) for one in plan.mails] == [("new@example.org", "en", False)]
    assert (plan.moved, plan.changed, plan.seats_changed) == ([], [], set())


def test_owner_of_the_new_address_refuses(desk: Desk) -> None:
    desk.ask("r", "new@example.org")
    assert desk.choose("new@example.org", Act.REFUSE_ADDRESS) == [Result.ADDRESS_REFUSED]
    assert (desk.facts.changes, desk.address_of("r")) == ({}, "old@example.org")


def test_link_of_one_address_decides_about_no_change_to_another(desk: Desk) -> None:
    desk.ask("r", "new@example.org")
    (change,) = desk.facts.changes
    for act in (Act.USE_ADDRESS, Act.REFUSE_ADDRESS):
        plan = desk.decide(Confirm(90, refs("else@example.org"), [Choice(change, act, form=FORM)]))
        assert [one.result for one in plan.results[90]] == [Result.ADDRESS_GONE]
    assert list(desk.facts.changes) == [change]


@pytest.mark.parametrize("act", [Act.CONFIRM, Act.REPLACE, Act.KEEP, Act.REFUSE])
def test_choice_for_candidates_moves_nothing(desk: Desk, act: Act) -> None:
    desk.ask("r", "new@example.org")
    (change,) = desk.facts.changes
    plan = desk.decide(Confirm(90, refs("new@example.org"), [Choice(change, act, "r", FORM)]))
    assert ([one.result for one in plan.results[90]], list(desk.facts.changes)) == ([Result.EXPIRED], [change])


def test_registration_has_one_change_at_most_and_asks_for_few_addresses(desk: Desk) -> None:
    asked = [desk.ask("r", f"{number}@example.org") for number in range(MAX_ADDRESSES_ASKED + 1)]
    assert asked == [Result.ADDRESS_ASKED] * MAX_ADDRESSES_ASKED + [Result.ASKED_TOO_OFTEN]
    assert [one.email for one in desk.facts.changes.values()] == [f"{MAX_ADDRESSES_ASKED - 1}@example.org"]
    assert desk.choose("0@example.org") == []


def test_ten_changes_wait_for_one_address_and_the_eleventh_is_answered_alike() -> None:
    """The page of its owner shows no more, and no one sees that others have asked."""
    desk = make_desk(*(live(f"r{number}", f"{number}@example.org", "A. B.") for number in range(MAX_CANDIDATES + 1)))
    asked = {desk.ask(f"r{number}", "new@example.org") for number in range(MAX_CANDIDATES + 1)}
    assert (asked, len(desk.facts.changes)) == ({Result.ADDRESS_ASKED}, MAX_CANDIDATES)


def test_asking_for_the_same_address_again_is_the_same_change_with_another_mail(desk: Desk) -> None:
    desk.ask("r", "new@example.org")
    before = dict(desk.facts.changes)
    item = ChangeAddress(90, "r", "new@example.org", refs("new@example.org"), "ZZZZ", NOW)
    assert len(desk.decide(item).mails) == 1
    assert desk.facts.changes == before


def test_blocked_address_is_answered_like_any_other_gets_no_mail_and_cannot_confirm() -> None:
    desk = make_desk(live("r", "old@example.org", "A. B."), blocked=frozenset({refs("new@example.org").ref}))
    item = ChangeAddress(1, "r", "new@example.org", refs("new@example.org"), "K7QM", NOW)
    plan = desk.decide(item)
    assert ([one.result for one in plan.results[1]], plan.mails) == ([Result.ADDRESS_ASKED], [])
    assert desk.choose("new@example.org") == [Result.ADDRESS_GONE]
    assert desk.address_of("r") == "old@example.org"


def test_what_was_asked_before_the_address_was_erased_is_not_kept(desk: Desk) -> None:
    desk.facts.dropped = frozenset({1})
    plan = desk.decide(ChangeAddress(1, "r", "new@example.org", refs("new@example.org"), "K7QM", NOW))
    assert ([one.result for one in plan.results[1]], plan.mails) == ([Result.ADDRESS_ASKED], [])
    assert desk.facts.changes == {}


def test_person_who_is_registered_there_is_not_registered_twice() -> None:
    desk = make_desk(live("r", "old@example.org", "A. B."), live("s", "new@example.org", "A. B."))
    assert desk.ask("r", "new@example.org") is Result.ADDRESS_ASKED, "no one sees who is registered"
    assert desk.choose("new@example.org") == [Result.REGISTERED_THERE]
    desk.decide(Cancel(50, "s"))
    assert desk.choose("new@example.org") == [Result.ADDRESS_CHANGED]


def test_people_per_address_are_limited_by_the_form() -> None:
    colleagues = [live(f"c{number}", "new@example.org", f"C{number}") for number in range(MAX_PEOPLE)]
    desk = make_desk(live("r", "old@example.org", "A. B."), *colleagues)
    desk.ask("r", "new@example.org")
    assert desk.choose("new@example.org") == [Result.ADDRESS_FULL]
    assert desk.address_of("r") == "old@example.org"


def test_candidate_of_the_same_person_that_is_confirmed_beside_the_change_registers_once(desk: Desk) -> None:
    """One press: the candidate is decided first, for any order on the page."""
    email = "new@example.org"
    desk.ask("r", email)
    desk.decide(submission(60, email, "A. B."))
    (change,), (candidate,) = desk.facts.changes, desk.facts.candidates
    choices = [Choice(change, Act.USE_ADDRESS, form=FORM), Choice(candidate, Act.CONFIRM, form=FORM)]
    plan = desk.decide(Confirm(61, refs(email), choices))
    assert [one.result for one in plan.results[61]] == [Result.CONFIRMED, Result.REGISTERED_THERE]
    assert desk.address_of("r") == "old@example.org"


def submission(number: int, email: str, name: str) -> Submission:
    content = FormContent(email=email, language="en", name=name)
    return Submission(
        number, FORM, 1, NOW, "K7QM", bytes([number]) * 32, None, None, content, refs(email), person_of(email, name)
    )


def test_requests_are_counted_from_the_first_for_two_weeks() -> None:
    requests = AddressRequests()
    for day in (0, 1, 13):
        requests = requests.with_one_at(NOW + timedelta(days=day))
    assert requests == AddressRequests(3, NOW)
    assert requests.with_one_at(NOW + timedelta(days=14)) == AddressRequests(1, NOW + timedelta(days=14))


def test_undo_restores_the_address_once(desk: Desk) -> None:
    desk.ask("r", "new@example.org")
    desk.choose("new@example.org")
    assert desk.take_back(desk.undo[0]) is Result.ADDRESS_RESTORED
    assert desk.address_of("r") == "old@example.org"
    assert desk.take_back(desk.undo[0]) is Result.GONE
    assert (desk.former_of("r"), len(desk.undo)) == (["new@example.org"], 1)


def test_undo_erases_what_the_new_owner_has_entered(desk: Desk) -> None:
    """Also by the first undo link after a second change; a choice that others have filled since then is left out."""
    mine = desk.facts.find("r")
    assert mine is not None
    answers = {"language": "fr", "workshop": "a"}
    mine = replace(mine, content=replace(mine.content, organisation="Mine", answers=answers))
    desk.facts.live[FORM, mine.address] = [mine]
    desk.facts.forms[FORM] = replace(desk.facts.forms[FORM], options=OptionLimits({"workshop=a": 1}, {"workshop=a": 1}))
    for email in ("second@example.org", "third@example.org"):
        desk.ask("r", email)
        desk.choose(email)
        theirs = desk.facts.find("r")
        assert theirs is not None
        entered = replace(theirs.content, name="C. D.", organisation="Theirs", answers={"health": email})
        plan = BatchPlan()
        store_change(desk.facts, plan, theirs, entered, person_of(email, "C. D."), sealed=False)
    desk.facts.forms[FORM] = replace(desk.facts.forms[FORM], options=OptionLimits({"workshop=a": 1}, {"workshop=a": 1}))
    assert desk.take_back(desk.undo[0]) is Result.ADDRESS_RESTORED
    restored = desk.facts.find("r")
    assert restored is not None
    assert (restored.content, restored.person) == (replace(mine.content, answers={"language": "fr"}), mine.person)


def test_undo_of_the_first_change_ends_the_later_ones(desk: Desk) -> None:
    """A thief of a link moves twice: the owner's link still works, and the thief's does no more.

    The address that was taken away is kept without a link, so that it is notified, and erased with the registration.
    """
    for email in ("thief@example.org", "thief-2@example.org"):
        desk.ask("r", email)
        desk.choose(email)
    desk.ask("r", "thief-3@example.org")
    owners, thiefs = desk.undo
    assert desk.take_back(owners) is Result.ADDRESS_RESTORED
    assert (desk.address_of("r"), desk.facts.changes) == ("old@example.org", {})
    assert (desk.former_of("r"), desk.undo) == (["thief-2@example.org"], [owners, thiefs])
    assert desk.take_back(thiefs) is Result.GONE


def test_undo_of_the_last_change_leaves_the_earlier_one_to_be_undone(desk: Desk) -> None:
    for email in ("second@example.org", "third@example.org"):
        desk.ask("r", email)
        desk.choose(email)
    assert desk.take_back(desk.undo[1]) is Result.ADDRESS_RESTORED
    assert desk.address_of("r") == "second@example.org"
    assert desk.take_back(desk.undo[0]) is Result.ADDRESS_RESTORED
    assert desk.address_of("r") == "old@example.org"


def test_undo_restores_the_address_of_a_registration_that_was_cancelled_in_between(desk: Desk) -> None:
    desk.ask("r", "thief@example.org")
    desk.choose("thief@example.org")
    desk.decide(Cancel(80, "r"))
    assert desk.take_back(desk.undo[0]) is Result.ADDRESS_RESTORED
    assert (desk.address_of("r"), desk.facts.find("r")) == ("old@example.org", None)


def test_undo_of_someone_who_has_registered_again_waits_until_that_is_cancelled(desk: Desk) -> None:
    desk.ask("r", "thief@example.org")
    desk.choose("thief@example.org")
    again = replace(submission(81, "old@example.org", "A. B."), proven_by=b"t" * 32)
    desk.decide(again)
    assert desk.take_back(desk.undo[0]) is Result.REGISTERED_THERE
    (mine,) = desk.facts.of(FORM, refs("old@example.org").ref)
    desk.decide(Cancel(82, mine.id))
    assert desk.take_back(desk.undo[0]) is Result.ADDRESS_RESTORED


def test_cancelling_ends_the_change_that_waits(desk: Desk) -> None:
    desk.ask("r", "new@example.org")
    desk.decide(Cancel(80, "r"))
    assert desk.facts.changes == {}
    assert desk.ask("r", "new@example.org") is Result.GONE


EMAILS = ("a@example.org", "b@example.org", "c@example.org")
NAMES = ("A. B.", "C. D.")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(0, 3), st.sampled_from(EMAILS)),
        st.tuples(st.sampled_from(["choose", "refuse"]), st.just(0), st.sampled_from(EMAILS)),
        st.tuples(st.just("undo"), st.integers(0, 5), st.just("")),
        st.tuples(st.just("cancel"), st.integers(0, 3), st.just("")),
        st.tuples(st.just("register"), st.integers(0, 1), st.sampled_from(EMAILS)),
    ),
    max_size=25,
)


def run(steps: list[tuple[str, int, str]]) -> None:
    """Take steps and check after each that no one is registered twice and that addresses moved only as they may."""
    desk = make_desk(live("r0", EMAILS[0], NAMES[0]), live("r1", EMAILS[1], NAMES[1]))
    for step, which, email in steps:
        before, asked = _addresses(desk), dict(desk.facts.changes)
        allowed = _take(desk, step, which, email)
        after = _addresses(desk)
        for registration in before.keys() & after.keys():
            if before[registration] != after[registration]:
                assert after[registration] == allowed, "an address moved without its owner"
                if step == "choose":
                    assert any(one.registration == registration for one in asked.values())
        people = [one.person for some in desk.facts.live.values() for one in some]
        assert len(people) == len(set(people)), "someone is registered twice"
        assert all(len(some) <= MAX_PEOPLE for some in desk.facts.live.values())
        waiting = [one.registration for one in desk.facts.changes.values()]
        assert len(waiting) == len(set(waiting))
        assert desk.facts.forms[FORM].seats.confirmed == len(people)


def _take(desk: Desk, step: str, which: int, email: str) -> str:
    """Take one step; returns the address to which it may move something."""
    all_people = sorted(one.id for some in desk.facts.live.values() for one in some)
    named = all_people[which % len(all_people)] if all_people else "nobody"
    if step == "ask":
        desk.ask(named, email)
    elif step in ("choose", "refuse"):
        desk.choose(email, Act.USE_ADDRESS if step == "choose" else Act.REFUSE_ADDRESS)
        return email if step == "choose" else ""
    elif step == "undo" and desk.undo:
        former = desk.undo[which % len(desk.undo)]
        desk.take_back(former)
        return former.email
    elif step == "cancel":
        desk.decide(Cancel(next(desk.numbers), named))
    elif step == "register":
        sent = submission(next(desk.numbers) % 256, email, NAMES[which])
        desk.decide(replace(sent, proven_by=b"t" * 32))
    return ""


def _addresses(desk: Desk) -> dict[str, str]:
    known = [one.id for some in desk.facts.live.values() for one in some] + list(desk.facts.ended)
    return {registration: desk.address_of(registration) for registration in known}


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_no_history_registers_twice_or_moves_an_address_by_itself(
    steps: list[tuple[str, int, str]],
) -> None:
    run(steps)


@pytest.mark.parametrize(
    ("guard", "instead"),
    [
        ("refusal_of_address", lambda *_: None),
        ("drop_change", lambda facts, plan, registration: None),
    ],
)
def test_control_without_a_guard_the_property_fails(
    monkeypatch: pytest.MonkeyPatch, guard: str, instead: Callable[..., Any]
) -> None:
    monkeypatch.setattr(deciding_commands, guard, instead)
    twice = [("ask", 0, "b@example.org"), ("register", 0, "b@example.org"), ("choose", 0, "b@example.org")]
    replaced = [("ask", 0, "b@example.org"), ("ask", 0, "c@example.org")]
    with pytest.raises(AssertionError):
        run(twice if guard == "refusal_of_address" else replaced)
