"""A batch with proofs of work, decided without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from services.registration.domain.intake import Answered, Facts, FormFacts, Plan, Proof, Submission, decide

from services.registration.domain.opening import Opening
from services.registration.domain.registration import Registration
from services.registration.domain.seats import Seats
from shared.core.errors import DomainError

NOW = datetime(2020, 3, 2, 9, 0, tzinfo=UTC)
PERSON = Registration(
    id="0", form="f", form_kind="webinar", event_id=None, status="confirmed", position=None, revision=1, person_ref="",
    working_group=None, representative=False, organisation_id=None, country=None, language="en", partner=None, box=b"",
    accepted_at=NOW,
)  # fmt: skip
BODIES = {status: status for status in ("unverified", "confirmed", "waitlisted")}


def sent(number: int, proof: Proof | None, key: bytes | None = None) -> Submission:
    """What the person with this number has sent."""
    person = replace(PERSON, id=str(number), person_ref=str(number))
    return Submission(person, None, "", None, None, {}, None, b"", key, b"same", BODIES, ("", ""), proof=proof)


def decided(*batch: Submission, capacity: int = 2, hold: timedelta | None = None) -> tuple[list[str], Plan, Facts]:
    """What each is told, what is written, and the facts afterwards; challenge 7 was used before."""
    form = FormFacts(
        Opening(True, False, None, None, None, "webinar", 0, None, None), Seats(capacity, 0, 0, 0, True), hold
    )
    facts = Facts({"f": form}, {}, {}, {bytes([7])})
    plan = decide(facts, batch, NOW)
    return [_word(outcome) for outcome in plan.outcomes], plan, facts


def _word(outcome: Answered | DomainError) -> str:
    return outcome.body if isinstance(outcome, Answered) else f"{outcome.code} {outcome.detail}"


def solved(challenge: int) -> Proof:
    """A proof for the challenge with this number."""
    return Proof(bytes([challenge]))


def test_challenge_is_used_once_in_a_batch_and_never_again_after_it() -> None:
    said, plan, _ = decided(sent(1, solved(1)), sent(2, solved(1)), sent(3, solved(7)), sent(4, solved(2)))
    assert said == ["confirmed", "proof-refused used", "proof-refused used", "confirmed"]
    assert plan.challenges == [(b"\1", "f"), (b"\2", "f")]


def test_somebody_who_is_known_uses_up_the_challenge_too() -> None:
    said, plan, _ = decided(sent(1, solved(1)), sent(1, solved(2)))
    assert (said, plan.challenges) == (["confirmed", "confirmed"], [(b"\1", "f"), (b"\2", "f")])


def test_repetition_under_a_key_uses_nothing_and_is_not_refused() -> None:
    said, plan, _ = decided(
        sent(1, solved(1), b"key"), sent(1, solved(1), b"key"), sent(1, Proof(refusal="expired"), b"key")
    )
    assert (said, plan.challenges) == (["confirmed"] * 3, [(b"\1", "f")])


@pytest.mark.parametrize("hold", [None, timedelta(hours=1)])
def test_without_work_nothing_is_held_and_the_address_is_to_be_confirmed(hold: timedelta | None) -> None:
    said, plan, facts = decided(sent(1, Proof()), sent(2, Proof()), sent(3, Proof()), sent(4, solved(1)), hold=hold)
    assert said == ["unverified"] * 3 + ["confirmed" if hold is None else "unverified"]
    lasts = timedelta(days=7) + (hold or timedelta(days=1))
    assert [(r.hold_until, r.expires_at) for _, r, _ in plan.new[:3]] == [(None, NOW + lasts)] * 3
    assert facts.forms["f"].seats.free == 1


def test_form_that_asks_for_nothing_is_as_it_was() -> None:
    said, plan, _ = decided(sent(1, None), sent(2, None), sent(3, None))
    assert (said, plan.challenges) == (["confirmed", "confirmed", "waitlisted"], [])


def test_full_form_says_so_before_it_looks_at_the_work() -> None:
    full = FormFacts(Opening(True, False, None, None, None, "webinar", 0, None, None), Seats(0, 0, 0, 0, False))
    plan = decide(Facts({"f": full}, {}, {}), [sent(1, Proof(refusal="altered")), sent(2, Proof())], NOW)
    assert [_word(outcome) for outcome in plan.outcomes] == ["form-closed full"] * 2
