"""Decisions about submissions and commands, from facts alone."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.forms.opening import Opening
from services.registration.forms.seats import OptionLimits, Seats
from services.registration.intake.deciding import decide
from services.registration.intake.facts import MAX_CANDIDATES, UNVERIFIED_A_DAY, Candidate, Facts, FormState
from services.registration.intake.items import Confirm, Item, Mute, SendLink, Submission
from services.registration.intake.model import Act, ActResult, Choice, FormContent, Result, SubmissionOutcome
from services.registration.intake.owner_items import Cancel, ChangeAnswers, RenewLinks, Verify
from services.registration.people.model import AddressRefs

NOW = datetime(2020, 3, 1, 12, tzinfo=UTC)
STARTS = NOW + timedelta(days=3)
OWNER = AddressRefs(b"o" * 32, b"O" * 32, b"")
FORM = "upr-webinar-10"


def form(capacity: int | None = None, *, verification: str = "email", waiting_list: bool = True) -> FormState:
    opening = Opening(True, True, "confirmed", STARTS, STARTS + timedelta(hours=1))
    return FormState(opening, Seats(capacity, 0, 0, 0, waiting_list), verification, 3, FORM)


def limited(taken: int = 0, limit: int = 2) -> FormState:
    """A form with one choice that has a limit."""
    return replace(form(), options=OptionLimits({"workshop=morning": limit}, {"workshop=morning": taken}))


def choosing(number: int, name: str, *workshops: str, **changes: Any) -> Submission:
    """A submission of someone with their own address who chooses these workshops."""
    refs = AddressRefs(name.encode().ljust(32, b"a"), name.encode().ljust(32, b"m"), b"")
    content = FormContent(
        email=f"{number}@example.org", language="en", name=name, answers={"workshop": list(workshops)}
    )
    return submission(number, name, content=content, address=refs, **changes)


def submission(number: int, name: str = "A. B.", **changes: Any) -> Submission:
    content = FormContent(email="a@example.org", language="en", name=name, answers={"question": f"number {number}"})
    base = Submission(
        number=number,
        form=FORM,
        revision=1,
        received_at=NOW,
        code="K7QM",
        fingerprint=number.to_bytes(32, "big"),
        network=b"n" * 31 + bytes([number % 256]),
        challenge=None,
        content=content,
        address=OWNER,
        person=name.encode().ljust(32, b"p"),
    )
    return replace(base, **changes)


@pytest.fixture
def new_id() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"id-{next(numbers)}"


def confirm(number: int, *choices: Choice, address: AddressRefs | None = OWNER) -> Confirm:
    return Confirm(number, address, choices)


def test_submission_by_mail_becomes_a_candidate_and_takes_no_seat(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form(1)})
    plan = decide(facts, [submission(1)], new_id, NOW)
    assert plan.outcomes == {1: SubmissionOutcome.CHECK_YOUR_MAIL}
    assert [one.number for one in plan.candidates] == [1]
    assert plan.registered == []
    assert facts.forms[FORM].seats.confirmed == 0


def test_earlier_submissions_of_others_do_not_replace_the_owners_answers(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form()})
    others = [submission(number, "Somebody Else") for number in range(1, 3)]
    decide(facts, [*others, submission(3, "The Owner")], new_id, NOW)
    own = next(one for one in facts.candidates.values() if one.number == 3)
    plan = decide(facts, [confirm(4, Choice(own.id, Act.CONFIRM))], new_id, NOW)
    assert [one.content.name for one in plan.registered] == ["The Owner"]


@pytest.mark.parametrize("full", [False, True])
def test_full_list_of_candidates_evicts_no_one(new_id: Callable[[], str], full: bool) -> None:
    facts = Facts({FORM: form()})
    number = MAX_CANDIDATES if full else MAX_CANDIDATES - 1
    decide(facts, [submission(each) for each in range(1, number + 1)], new_id, NOW)
    plan = decide(facts, [submission(99)], new_id, NOW)
    assert plan.outcomes == {99: SubmissionOutcome.CHECK_YOUR_MAIL}
    assert len(plan.candidates) == (0 if full else 1)
    assert len(facts.candidates) == MAX_CANDIDATES


def test_one_client_network_has_two_candidates_of_an_address(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form()})
    decide(facts, [submission(number, network=b"x" * 32) for number in range(1, 6)], new_id, NOW)
    assert sorted(one.number for one in facts.candidates.values()) == [1, 2]


def test_identical_pending_submission_joins_the_older_and_wants_its_mail(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form()})
    plan = decide(facts, [submission(1), submission(2, fingerprint=(1).to_bytes(32, "big"))], new_id, NOW)
    assert [one.number for one in plan.candidates] == [1]
    assert len(plan.mails) == 2


def test_owner_who_has_chosen_about_everything_in_the_same_batch_gets_no_further_mail(
    new_id: Callable[[], str],
) -> None:
    facts = Facts({FORM: form()})
    decide(facts, [submission(1, fingerprint=b"f" * 32)], new_id, NOW)
    (candidate,) = facts.candidates
    repeated = submission(2, fingerprint=b"f" * 32)
    plan = decide(facts, [repeated, confirm(3, Choice(candidate, Act.CONFIRM))], new_id, NOW)
    assert plan.mails == []


def test_owner_enters_answers_although_the_list_is_full(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form()})
    decide(facts, [submission(number) for number in range(1, MAX_CANDIDATES + 1)], new_id, NOW)
    plan = decide(facts, [submission(99, "The Owner", proven_by=b"t" * 32)], new_id, NOW)
    assert plan.results == {99: [ActResult("", FORM, "", Result.CONFIRMED)]}
    assert [one.content.name for one in plan.registered] == ["The Owner"]


def test_owner_enters_more_people_than_the_form_allows(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form()})
    entered = [
        submission(number, f"P{number}", person=bytes([number]) * 32, proven_by=b"t" * 32) for number in range(1, 5)
    ]
    plan = decide(facts, entered, new_id, NOW)
    assert [plan.results[number][0].result for number in range(1, 5)] == [Result.CONFIRMED] * 3 + [Result.TOO_MANY]
    assert plan.outcomes == {}


def test_confirmations_take_exactly_the_seats_that_there_are(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form(2)})
    people = [submission(number, address=AddressRefs(bytes([number]) * 32, b"m" * 32, b"")) for number in range(1, 5)]
    decide(facts, people, new_id, NOW)
    commands = [
        confirm(10 + one.number, Choice(one.id, Act.CONFIRM), address=one.address)
        for one in sorted(facts.candidates.values(), key=lambda one: -one.number)
    ]
    plan = decide(facts, commands, new_id, NOW)
    assert [(one.number, one.status) for one in plan.registered] == [
        (4, "confirmed"),
        (3, "confirmed"),
        (2, "waitlisted"),
        (1, "waitlisted"),
    ]


def test_full_form_without_waiting_list_keeps_the_candidate(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form(0, waiting_list=False)})
    facts.forms[FORM] = replace(facts.forms[FORM], seats=Seats(1, 0, 0, 0, False))
    decide(facts, [submission(1)], new_id, NOW)
    facts.forms[FORM] = replace(facts.forms[FORM], seats=Seats(0, 0, 0, 0, False))
    (one,) = facts.candidates.values()
    plan = decide(facts, [confirm(2, Choice(one.id, Act.CONFIRM))], new_id, NOW)
    assert [result.result for result in plan.results[2]] == [Result.FULL]
    assert one.id in facts.candidates


def test_two_colleagues_with_one_mailbox_are_both_registered(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form()})
    decide(facts, [submission(1, "A. B."), submission(2, "C. D.")], new_id, NOW)
    choices = [Choice(one.id, Act.CONFIRM) for one in facts.candidates.values()]
    plan = decide(facts, [confirm(3, *choices)], new_id, NOW)
    assert [one.content.name for one in plan.registered] == ["A. B.", "C. D."]


def test_no_more_people_of_an_address_than_the_form_allows(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form()})
    decide(facts, [submission(number, f"Person {number}") for number in range(1, 5)], new_id, NOW)
    choices = [Choice(one.id, Act.CONFIRM) for one in facts.candidates.values()]
    plan = decide(facts, [confirm(9, *choices)], new_id, NOW)
    assert [one.result for one in plan.results[9]] == [*[Result.CONFIRMED] * 3, Result.TOO_MANY]


def registered(facts: Facts, new_id: Callable[[], str], name: str = "A. B.") -> str:
    decide(facts, [submission(1, name)], new_id, NOW)
    (one,) = facts.candidates.values()
    return decide(facts, [confirm(2, Choice(one.id, Act.CONFIRM))], new_id, NOW).registered[0].id


def test_same_person_again_changes_the_registration_and_keeps_the_place(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form(1)})
    identity = registered(facts, new_id)
    decide(facts, [submission(3)], new_id, NOW)
    (one,) = facts.candidates.values()
    plan = decide(facts, [confirm(4, Choice(one.id, Act.CONFIRM))], new_id, NOW)
    assert [(one.id, one.revision, one.content.answers) for one in plan.changed] == [
        (identity, 2, {"question": "number 3"})
    ]
    assert plan.registered == []


def test_candidate_replaces_only_a_registration_of_the_same_address_and_form(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form()})
    registered(facts, new_id)
    other_address = AddressRefs(b"s" * 32, b"S" * 32, b"")
    decide(facts, [submission(3, "X. Y.", address=other_address)], new_id, NOW)
    (one,) = facts.candidates.values()
    victim = facts.of(FORM, OWNER.ref)[0].id
    plan = decide(facts, [confirm(4, Choice(one.id, Act.REPLACE, victim), address=other_address)], new_id, NOW)
    assert [result.result for result in plan.results[4]] == [Result.GONE]
    assert plan.changed == []


def test_link_of_one_address_decides_about_no_candidate_of_another(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form()})
    decide(facts, [submission(1)], new_id, NOW)
    (one,) = facts.candidates.values()
    other_address = AddressRefs(b"s" * 32, b"S" * 32, b"")
    plan = decide(facts, [confirm(2, Choice(one.id, Act.CONFIRM), address=other_address)], new_id, NOW)
    assert [result.result for result in plan.results[2]] == [Result.EXPIRED]
    assert one.id in facts.candidates


def test_identical_submission_of_someone_registered_changes_nothing_and_mails_the_link(
    new_id: Callable[[], str],
) -> None:
    facts = Facts({FORM: form()})
    registered(facts, new_id)
    again = submission(3)
    plan = decide(facts, [replace(again, content=submission(1).content)], new_id, NOW)
    assert plan.candidates == []
    assert len(plan.mails) == 1


def test_blocked_address_is_answered_like_any_other_and_kept_nowhere(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form()}, blocked=frozenset({OWNER.ref}))
    plan = decide(facts, [submission(1)], new_id, NOW)
    assert plan.outcomes == {1: SubmissionOutcome.CHECK_YOUR_MAIL}
    assert (plan.candidates, plan.mails, plan.registered) == ([], [], [])


def test_blocked_address_registers_by_no_link_that_was_sent_before(new_id: Callable[[], str]) -> None:
    """Neither with a form that its owner opens behind the link, nor by confirming what has waited since then."""
    facts = Facts({FORM: form()})
    decide(facts, [submission(1)], new_id, NOW)
    (waiting,) = facts.candidates.values()
    facts.blocked = frozenset({OWNER.ref})
    entered = decide(facts, [submission(2, proven_by=b"t" * 32)], new_id, NOW)
    confirmed = decide(facts, [confirm(3, Choice(waiting.id, Act.CONFIRM))], new_id, NOW)
    assert [plan.results[number][0].result for plan, number in ((entered, 2), (confirmed, 3))] == [Result.CLOSED] * 2
    assert entered.registered == confirmed.registered == []


@pytest.mark.parametrize(
    ("who", "outcome"),
    [
        ("new", SubmissionOutcome.CONFIRMED),
        ("known", SubmissionOutcome.CONFIRMED),
        ("blocked", SubmissionOutcome.CONFIRMED),
    ],
)
def test_outcome_without_verification_does_not_reveal_who_is_known(
    new_id: Callable[[], str], who: str, outcome: SubmissionOutcome
) -> None:
    facts = Facts({FORM: form(verification="none")})
    if who == "known":
        decide(facts, [submission(1, challenge=b"1" * 16)], new_id, NOW)
    if who == "blocked":
        facts.blocked = frozenset({OWNER.ref})
    plan = decide(facts, [submission(2, challenge=b"2" * 16)], new_id, NOW)
    assert plan.outcomes == {2: outcome}
    assert len(plan.registered) == (1 if who == "new" else 0)


def stranger(number: int, *, domain: bytes = b"", network: bytes | None = b"n" * 32) -> Submission:
    """A submission with a proof of work for an address that was in none before."""
    address = AddressRefs(number.to_bytes(32, "big"), number.to_bytes(32, "little"), domain)
    challenge = number.to_bytes(16, "big")
    return submission(number, f"Person {number}", challenge=challenge, address=address, network=network)


@pytest.mark.parametrize("quota", ["network", "no network", "domain"])
def test_owners_confirm_by_mail_once_a_quota_without_verification_is_used_up(
    new_id: Callable[[], str], quota: str
) -> None:
    """Another network with another domain, and a mail provider, still get seats."""
    facts = Facts({FORM: form(100, verification="none")})

    def attack(number: int) -> Submission:
        if quota == "domain":
            return stranger(number, domain=b"d" * 32, network=number.to_bytes(32, "big"))
        return stranger(number, network=b"n" * 32 if quota == "network" else None)

    plan = decide(facts, [attack(number) for number in range(1, 41)], new_id, NOW)
    given = Counter(plan.outcomes.values())
    assert given == {
        SubmissionOutcome.CONFIRMED: UNVERIFIED_A_DAY,
        SubmissionOutcome.CHECK_YOUR_MAIL: 40 - UNVERIFIED_A_DAY,
    }
    assert (len(plan.registered), len(plan.mails)) == (UNVERIFIED_A_DAY, 40 - UNVERIFIED_A_DAY)
    others = [stranger(50 + number, domain=b"e" * 32, network=bytes([number]) * 32) for number in range(1, 6)]
    plan = decide(facts, others, new_id, NOW)
    assert set(plan.outcomes.values()) == {SubmissionOutcome.CONFIRMED}


@pytest.mark.parametrize("who", ["new", "known", "blocked"])
def test_quota_without_verification_does_not_reveal_who_is_known(new_id: Callable[[], str], who: str) -> None:
    """Each counts as a newcomer does, so the outcome for the next person of the network is the same."""
    facts = Facts({FORM: form(100, verification="none")})
    if who == "known":
        decide(facts, [submission(1, challenge=b"1" * 16)], new_id, NOW)
    if who == "blocked":
        facts.blocked = frozenset({OWNER.ref})
    before = [stranger(number) for number in range(100, 100 + UNVERIFIED_A_DAY - 1)]
    probe = submission(2, challenge=b"2" * 16, network=b"n" * 32)
    plan = decide(facts, [*before, probe, stranger(200)], new_id, NOW)
    assert (plan.outcomes[2], plan.outcomes[200]) == (SubmissionOutcome.CONFIRMED, SubmissionOutcome.CHECK_YOUR_MAIL)


def test_proof_of_work_counts_once(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form(verification="none")})
    other = AddressRefs(b"z" * 32, b"Z" * 32, b"")
    batch = [submission(1, challenge=b"c" * 16), submission(2, "X. Y.", challenge=b"c" * 16, address=other)]
    plan = decide(facts, batch, new_id, NOW)
    assert plan.outcomes == {1: SubmissionOutcome.CONFIRMED, 2: SubmissionOutcome.CHECK_YOUR_MAIL}
    assert plan.challenges == [(b"c" * 16, FORM)]


@pytest.mark.parametrize(("hours", "result"), [(23, Result.CONFIRMED), (25, Result.CLOSED)])
def test_candidate_is_confirmed_for_a_day_after_its_first_mail_although_the_form_closed(
    new_id: Callable[[], str], hours: int, result: Result
) -> None:
    facts = Facts({FORM: form()})
    decide(facts, [submission(1)], new_id, NOW)
    (one,) = facts.candidates.values()
    facts.candidates[one.id] = replace(one, mailed_at=NOW)
    closed = replace(facts.forms[FORM].opening, switched_on=False)
    facts.forms[FORM] = replace(facts.forms[FORM], opening=closed)
    plan = decide(facts, [confirm(2, Choice(one.id, Act.CONFIRM))], new_id, NOW + timedelta(hours=hours))
    assert [each.result for each in plan.results[2]] == [result]


def test_no_one_is_confirmed_once_the_event_has_started(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form()})
    decide(facts, [submission(1)], new_id, NOW)
    (one,) = facts.candidates.values()
    plan = decide(facts, [confirm(2, Choice(one.id, Act.CONFIRM))], new_id, STARTS)
    assert [each.result for each in plan.results[2]] == [Result.CLOSED]


def test_recently_closed_form_accepts_people_who_saw_it_open(new_id: Callable[[], str]) -> None:
    open_ = form()
    closed = replace(open_, opening=replace(open_.opening, switched_on=False), opening_at={1: open_.opening})
    plan = decide(Facts({FORM: closed}), [submission(1), submission(2, "X. Y.", revision=2)], new_id, NOW)
    assert [one.number for one in plan.candidates] == [1]


def test_cancelling_gives_the_place_back_once(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form(1)})
    identity = registered(facts, new_id)
    plan = decide(facts, [Cancel(5, identity, 1), Cancel(6, identity, 1)], new_id, NOW)
    assert [plan.results[number][0].result for number in (5, 6)] == [Result.CANCELLED, Result.GONE]
    assert facts.forms[FORM].seats.confirmed == 0
    assert plan.freed == {FORM}


@pytest.mark.parametrize(
    ("revision", "now", "result"),
    [(2, NOW, Result.CHANGED_CONCURRENTLY), (1, STARTS, Result.EVENT_OVER), (None, NOW, Result.CANCELLED)],
)
def test_cancelling_is_refused_with_a_reason(
    new_id: Callable[[], str], revision: int | None, now: datetime, result: Result
) -> None:
    facts = Facts({FORM: form(1)})
    identity = registered(facts, new_id)
    plan = decide(facts, [Cancel(5, identity, revision)], new_id, now)
    assert plan.results[5][0].result is result


def test_managing_link_is_mailed_to_the_owner_of_the_registration_alone(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form()})
    identity = registered(facts, new_id)
    other_address = AddressRefs(b"s" * 32, b"S" * 32, b"")
    plan = decide(facts, [SendLink(5, other_address, identity), SendLink(6, OWNER, identity)], new_id, NOW)
    assert [plan.results[number][0].result for number in (5, 6)] == [Result.GONE, Result.MAILED]
    assert [one.id for one in plan.links_wanted] == [identity]


def test_link_that_anyone_can_ask_for_waits_for_the_spacing_of_the_mailbox(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form()})
    identity = registered(facts, new_id)
    plan = decide(facts, [SendLink(5, OWNER, identity, spaced=True)], new_id, NOW)
    assert [(one.id, address) for one, address in plan.links_spaced] == [(identity, OWNER)]
    assert (plan.links_wanted, plan.links_renewed) == ([], [])


def test_new_links_and_joining_verify_the_address_of_a_live_registration_alone(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form()})
    identity = registered(facts, new_id)
    batch: list[Item] = [
        RenewLinks(5, identity),
        Verify(6, identity),
        RenewLinks(7, None),
        Verify(8, "none"),
        Cancel(9, identity),
    ]
    plan = decide(facts, [*batch, RenewLinks(10, identity), Verify(11, identity)], new_id, NOW)
    results = [plan.results[number][0].result for number in (5, 6, 7, 8, 9, 10, 11)]
    gone = [Result.GONE, Result.GONE]
    assert results == [Result.RENEWED, Result.VERIFIED, *gone, Result.CANCELLED, *gone]
    assert ([one.id for one in plan.links_renewed], plan.owners) == ([identity], [identity, identity])


def test_commands_of_an_ended_link_do_nothing(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form()})
    decide(facts, [submission(1)], new_id, NOW)
    (one,) = facts.candidates.values()
    plan = decide(facts, [confirm(2, Choice(one.id, Act.CONFIRM), address=None), Mute(3, None, True)], new_id, NOW)
    assert [each.result for each in plan.results[2]] == [Result.GONE]
    assert plan.muted == {}


def act_of(facts: Facts, number: int, person: int, act: str) -> Item:
    """The submission or command by which ``person`` does ``act``."""
    address = AddressRefs(bytes([person]) * 32, b"m" * 32, b"")
    live = facts.of(FORM, address.ref)
    sent = submission(number, f"P{person}", address=address, person=bytes([person]) * 32)
    if act == "confirm":
        choices = [Choice(one.id, Act.CONFIRM) for one in facts.pending(FORM, address.ref)]
        return confirm(number, *choices, address=address)
    if act == "cancel":
        return Cancel(number, live[0].id if live else None)
    return replace(sent, proven_by=b"t" * 32) if act == "enter" else sent


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["submit", "confirm", "cancel", "enter"])), max_size=40))
def test_seats_are_never_passed_and_always_counted(acts: list[tuple[int, str]]) -> None:
    ids = count(1)
    facts = Facts({FORM: form(2)})
    for number, (person, act) in enumerate(acts, 1):
        decide(facts, [act_of(facts, number, person, act)], lambda: f"id-{next(ids)}", NOW)
        seats = facts.forms[FORM].seats
        all_people = [one for some in facts.live.values() for one in some]
        assert seats.confirmed == sum(one.status == "confirmed" for one in all_people) <= 2
        assert seats.waiting == sum(one.status == "waitlisted" for one in all_people)
        assert all(len(some) <= 1 for some in facts.live.values())


def test_candidate_keeps_what_its_sender_wrote(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: form()})
    sent = submission(1, challenge=b"c" * 16)
    plan = decide(facts, [sent], new_id, NOW)
    assert plan.candidates == [
        Candidate(
            id="id-1",
            number=1,
            form=FORM,
            received_at=sent.received_at,
            code=sent.code,
            fingerprint=sent.fingerprint,
            network=sent.network,
            proven=True,
            content=sent.content,
            address=OWNER,
            person=sent.person,
        )
    ]


@pytest.mark.parametrize("verified", [False, True])
def test_choice_with_a_limit_goes_to_the_first_who_take_it(new_id: Callable[[], str], verified: bool) -> None:
    """On a form without verification, and by confirming; people who choose something else are not affected."""
    facts = Facts({FORM: replace(limited(), verification="email" if verified else "none")})
    sent = [choosing(number, f"Person {number}", "morning", challenge=bytes([number])) for number in range(1, 4)]
    plan = decide(facts, [*sent, choosing(4, "Person 4", "evening", challenge=b"4")], new_id, NOW)
    if verified:
        wanted = [confirm(10 + one.number, Choice(one.id, Act.CONFIRM), address=one.address) for one in plan.candidates]
        results = decide(facts, wanted, new_id, NOW).results
        outcomes = [results[number][0].result.value for number in range(11, 15)]
        assert [one.number for one in facts.candidates.values()] == [3]  # waits on: nothing is lost
    else:
        outcomes = [plan.outcomes[number].value for number in range(1, 5)]
    assert outcomes == ["confirmed", "confirmed", "option-full", "confirmed"]
    assert facts.forms[FORM].options.taken == {"workshop=morning": 2}


def test_full_choice_does_not_reveal_who_is_registered(new_id: Callable[[], str]) -> None:
    """Someone who holds the choice, and someone blocked, get the outcome that a newcomer gets."""
    facts = Facts({FORM: replace(limited(limit=1), verification="none")})
    decide(facts, [choosing(1, "Person 1", "morning", challenge=b"1")], new_id, NOW)
    blocked = choosing(2, "Person 2", "morning", challenge=b"2")
    facts.blocked = frozenset({blocked.address.ref})
    again = choosing(3, "Person 1", "morning", challenge=b"3")
    plan = decide(facts, [blocked, again, choosing(4, "Person 4", "morning", challenge=b"4")], new_id, NOW)
    assert set(plan.outcomes.values()) == {SubmissionOutcome.OPTION_FULL}


def test_change_takes_a_choice_only_while_it_has_room_and_gives_the_other_back(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: replace(limited(limit=1), verification="none")})
    sent = [
        choosing(1, "Person 1", "morning", "evening", challenge=b"1"),
        choosing(2, "Person 2", "evening", challenge=b"2"),
    ]
    first, second = (one.id for one in decide(facts, sent, new_id, NOW).registered)

    def change(number: int, registration: str, revision: int, *workshops: str) -> Result:
        given = FormContent(email="", language="en", answers={"workshop": list(workshops)})
        wanted = ChangeAnswers(number, NOW, registration, revision, given, frozenset({"workshop"}), False, b"")
        return decide(facts, [wanted], new_id, NOW).results[number][0].result

    assert change(3, second, 1, "morning") is Result.OPTION_FULL
    assert change(4, first, 1, "morning") is Result.CHANGED  # theirs already
    assert change(5, first, 2, "evening") is Result.CHANGED
    assert change(6, second, 1, "morning") is Result.CHANGED
    assert facts.forms[FORM].options.taken == {"workshop=morning": 1}


def test_cancelling_gives_a_choice_back(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: replace(limited(limit=1), verification="none")})
    [made] = decide(facts, [choosing(1, "Person 1", "morning", challenge=b"1")], new_id, NOW).registered
    plan = decide(facts, [Cancel(2, made.id), choosing(3, "Person 3", "morning", challenge=b"3")], new_id, NOW)
    assert plan.outcomes == {3: SubmissionOutcome.CONFIRMED}


def test_replacing_someones_answers_needs_room_for_new_choices_alone(new_id: Callable[[], str]) -> None:
    facts = Facts({FORM: limited(taken=1, limit=1)})
    colleague = submission(1, "A. B.")
    [candidate] = decide(facts, [colleague], new_id, NOW).candidates
    decide(facts, [confirm(2, Choice(candidate.id, Act.CONFIRM))], new_id, NOW)
    [held] = facts.of(FORM, OWNER.ref)
    full = submission(3, "A. B.", content=replace(colleague.content, answers={"workshop": "morning"}))
    [other] = decide(facts, [full], new_id, NOW).candidates
    plan = decide(facts, [confirm(4, Choice(other.id, Act.REPLACE, held.id))], new_id, NOW)
    assert [one.result for one in plan.results[4]] == [Result.OPTION_FULL]
    assert (plan.changed, list(facts.candidates)) == ([], [other.id])
