"""Decisions about registrations with an offered seat, from facts alone."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from services.registration.forms.opening import Opening
from services.registration.forms.seats import Seats
from services.registration.intake.deciding import decide
from services.registration.intake.desk_items import DeskAct, Merge, NamedRegistration
from services.registration.intake.facts import Facts, FormState, LiveRegistration
from services.registration.intake.items import Item
from services.registration.intake.model import FormContent, Result
from services.registration.intake.owner_items import AnswerOffer
from services.registration.people.model import AddressRefs

NOW = datetime(2020, 3, 1, 12, tzinfo=UTC)
STARTS = NOW + timedelta(hours=1)
LATER = STARTS + timedelta(minutes=1)
FORM = "upr-webinar-10"
CONFIRMED: Mapping[str, Any] = {"status": "confirmed"}
OFFERED: Mapping[str, Any] = {"offer_expires_at": LATER}
IN_LINE: Mapping[str, Any] = {}
PASSED: Mapping[str, Any] = {"offer_passed": True}


def live(identity: str, place: Mapping[str, Any]) -> LiveRegistration:
    content = FormContent(email=f"{identity}@example.org", language="en", name=identity, answers={})
    base = LiveRegistration(
        id=identity,
        form=FORM,
        status="waitlisted",
        revision=1,
        person=identity.encode().ljust(32, b"p"),
        address=refs(identity).ref,
        content=content,
    )
    return replace(base, **place)


def refs(identity: str) -> AddressRefs:
    return AddressRefs(identity.encode().ljust(32, b"a"), identity.encode().ljust(32, b"m"), b"")


def facts_of(*people: LiveRegistration) -> Facts:
    """Of a form with a seat for each of them that has one or is offered one."""
    holds = [one.hold for one in people if one.status == "waitlisted"]
    seats = Seats(
        capacity=len(people),
        confirmed=len(people) - len(holds),
        waiting=len(holds),
        last_position=len(holds),
        waiting_list=True,
        offered=holds.count("offered"),
        passed=holds.count("passed"),
    )
    opening = Opening(True, True, "confirmed", STARTS, LATER + timedelta(hours=1))
    facts = Facts({FORM: FormState(opening, seats, "email", 3, FORM)})
    facts.person_of = lambda email, name, title: f"{name} {email}".encode().ljust(32, b"p")
    facts.live = {(FORM, one.address): [one] for one in people}
    return facts


def result_of(facts: Facts, item: Item, now: datetime = NOW) -> Result:
    numbers = count(1)
    [act] = decide(facts, [item], lambda: f"id-{next(numbers)}", now).results[item.number]
    return act.result


@pytest.mark.parametrize(
    ("received_at", "result"),
    [(STARTS - timedelta(seconds=1), Result.SEAT_ACCEPTED), (STARTS, Result.EVENT_OVER), (LATER, Result.OFFER_ENDED)],
)
def test_seat_accepted_in_time_is_given_although_it_is_decided_after_the_start(
    received_at: datetime, result: Result
) -> None:
    facts = facts_of(live("first", OFFERED))
    assert result_of(facts, AnswerOffer(1, "first", True, received_at), LATER + timedelta(minutes=1)) is result


PLACES = [CONFIRMED, OFFERED, IN_LINE, PASSED]


@pytest.mark.parametrize("other", range(len(PLACES)), ids=["confirmed", "offered", "in line", "passed"])
@pytest.mark.parametrize("kept", range(len(PLACES)), ids=["confirmed", "offered", "in line", "passed"])
def test_merging_ends_no_place_that_is_better_than_the_one_that_stays(kept: int, other: int) -> None:
    first, second = live("first", PLACES[kept]), live("second", PLACES[other])
    facts = facts_of(first, second)
    named = [NamedRegistration(one.id, 1, one.address) for one in (first, second)]
    act = DeskAct("a coordinator", "merged")
    merge = Merge(1, NOW, named[0], named[1], first.content, frozenset(), refs("first"), False, act)
    assert result_of(facts, merge) is (Result.MERGED if kept <= other else Result.SEAT_LOST)
