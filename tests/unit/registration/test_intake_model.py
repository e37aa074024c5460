"""Facts for decisions: which form decides about a submission, and how facts are found."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.registration.forms.opening import Opening
from services.registration.forms.seats import Seats
from services.registration.intake.facts import Candidate, Facts, FormState, LiveRegistration
from services.registration.intake.items import Submission
from services.registration.intake.model import FormContent, content_from_json, content_to_json, without_cause
from services.registration.people.model import AddressRefs

NOW = datetime(2020, 3, 1, 12, tzinfo=UTC)
OWNER, OTHER_ADDRESS = AddressRefs(b"o" * 32, b"O" * 32, b""), AddressRefs(b"s" * 32, b"S" * 32, b"")
CONTENT = FormContent(email="a@example.org", language="en", name="A. B.")
OPEN = Opening(True, False, None, None)
FORM = FormState(OPEN, Seats(None, 0, 0, 0, True), "email", 3)


def submission(**changes: object) -> Submission:
    base = Submission(
        number=1,
        form="a-form",
        revision=4,
        received_at=NOW,
        code="K7QM",
        fingerprint=b"f" * 32,
        network=None,
        challenge=None,
        content=CONTENT,
        address=OWNER,
        person=b"p" * 32,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def candidate(number: int, form: str = "a-form", address: AddressRefs = OWNER) -> Candidate:
    return Candidate(
        id=f"id-{number}",
        number=number,
        form=form,
        received_at=NOW,
        code="K7QM",
        fingerprint=b"f" * 32,
        network=None,
        proven=False,
        content=CONTENT,
        address=address,
        person=b"p" * 32,
    )


@pytest.mark.parametrize(
    ("revision", "reason"), [(5, "closed"), (4, ""), (3, "closed")], ids=["newest", "seen", "older than all known"]
)
def test_form_is_judged_by_the_revision_that_the_sender_saw(revision: int, reason: str) -> None:
    closed = replace(FORM, opening=replace(OPEN, switched_on=False), opening_at={4: OPEN})
    assert closed.accepts(submission(revision=revision)) == reason


def test_form_is_judged_by_when_the_submission_was_received() -> None:
    form = replace(FORM, opening=replace(OPEN, closes_at=NOW))
    assert form.accepts(submission(received_at=NOW - timedelta(seconds=1))) == ""
    assert form.accepts(submission(received_at=NOW)) == "closed"


def test_pending_candidates_are_those_of_form_and_address_in_order_of_arrival() -> None:
    others = [candidate(1, "another-form"), candidate(2, address=OTHER_ADDRESS)]
    facts = Facts({}, candidates={one.id: one for one in [candidate(5), candidate(3), *others]})
    assert [one.number for one in facts.pending("a-form", OWNER.ref)] == [3, 5]


def test_registration_is_found_by_its_id() -> None:
    live = LiveRegistration("r-1", "a-form", "confirmed", 1, b"p" * 32, OWNER.ref, CONTENT)
    facts = Facts({}, live={("a-form", OWNER.ref): [live]})
    assert (facts.find("r-1"), facts.find("r-2"), facts.find(None)) == (live, None, None)


WHOLE = FormContent(
    email="a@example.org",
    language="fr",
    name="A. B.",
    organisation="A network",
    working_group="housing",
    representative=True,
    country="CH",
    time_zone="Europe/Zurich",
    partner="a-partner",
    answers={"question": "Why?", "days": [1, 2]},
    sealed=b"\x00sealed\xff",
    sealed_for=("ab" * 32,),
    consent={"consent": {"wording": "I agree.", "language": "fr", "version": 2}},
    cause=("a-correlation-id", "a-trace"),
)


@pytest.mark.parametrize("content", [CONTENT, WHOLE], ids=["least", "whole"])
def test_content_travels_to_the_decider_unchanged(content: FormContent) -> None:
    assert content_from_json(content_to_json(content)) == content


def test_candidate_keeps_neither_cause_nor_sealed_answers_in_its_content() -> None:
    assert {"cause", "sealed"}.isdisjoint(without_cause(WHOLE))
    assert content_from_json(without_cause(WHOLE)) == replace(WHOLE, sealed=None, cause=("", ""))


@pytest.mark.parametrize(
    "values",
    [{}, {"email": "a@example.org"}, {"email": 1, "language": "en"}, {"email": "a", "language": "en", "more": 1}],
)
def test_content_with_other_members_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="content:"):
        content_from_json(values)
