"""Erasing a registration from the roster: no name remains, the numbers stay, and late messages change nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.events.attendance.store import Registered
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts.registry import source_of
from shared.messaging.contracts.schemas import TYPE_PREFIX, Message
from shared.runtime.clock import rfc3339
from shared.runtime.ids import new_id
from tests.integration.events.builders import (
    NOON,
    WEBINAR,
    consume,
    mail_message,
    registered,
    registration_id,
    registration_message,
    rows,
)
from tests.integration.events.test_roll_up import COUNTS, PEOPLE, TALLIES

LEFT = """
    SELECT status, revision, person_ref, organisation_id, language, mode, attend, position, working_group, country,
        representative FROM roster ORDER BY registration_id
"""
KNOWN = {"working_group": "housing", "country": "CH", "representative": True, "organisation_id": "an-organisation"}


def erased_message(number: int, status: str = "cancelled", revision: int = 2) -> Message:
    """Registration's message when someone was erased."""
    data = {
        "registration_id": registration_id(number),
        "revision": revision,
        "form": WEBINAR,
        "form_kind": "webinar",
        "event": WEBINAR,
        "status": status,
        "occurred_at": rfc3339(NOON),
    }
    message = Message(
        new_id(), f"{TYPE_PREFIX}person.erased.v1", source_of("registration"), registration_id(number), NOON, data
    )
    return replace(message, data=data | {"occurred_at": NOON})


def message_about(known: Registered) -> Message:
    """Registration's message about ``known``, as a listener hands it over."""
    message = registration_message(known)
    return replace(message, data={**message.data, "occurred_at": known.occurred_at})


def test_erased_registration_keeps_only_its_numbers(work: UnitOfWork) -> None:
    consume(work, [message_about(registered(1, **KNOWN)), message_about(registered(2)), mail_message(100, 1, NOON)])
    assert consume(work, [erased_message(1)]) == ["done"]
    assert rows(work, LEFT)[0] == ("cancelled", 2, None, None, "und", None, None, None, None, None, False)
    assert rows(work, COUNTS) == [(WEBINAR, "cancelled", 1), (WEBINAR, "confirmed", 1)]
    assert (("country", "CH", 1) in rows(work, TALLIES), rows(work, PEOPLE)) == (False, [])


def test_erased_attendee_stays_counted_with_their_group(work: UnitOfWork) -> None:
    consume(work, [message_about(registered(1, **KNOWN))])
    before = (rows(work, COUNTS), rows(work, TALLIES))
    consume(work, [erased_message(1, "confirmed")])
    assert rows(work, LEFT) == [("confirmed", 2, None, None, "und", None, None, None, "housing", "CH", True)]
    assert (rows(work, COUNTS), rows(work, TALLIES)) == before


def test_last_mail_of_someone_with_another_registration_stays(work: UnitOfWork) -> None:
    other = replace(registered(2), person_ref=registered(1).person_ref)
    consume(work, [message_about(registered(1)), message_about(other), mail_message(100, 1, NOON)])
    consume(work, [erased_message(1)])
    assert rows(work, PEOPLE) == [(registered(1).person_ref, NOON)]
    consume(work, [erased_message(2)])
    assert rows(work, PEOPLE) == []


@pytest.mark.parametrize("most", [1, 10])
@pytest.mark.parametrize("consumed_before", [False, True])
def test_what_comes_late_brings_no_one_back(work: UnitOfWork, consumed_before: bool, most: int) -> None:
    if consumed_before:
        consume(work, [message_about(registered(1))])
    late = [
        message_about(registered(1)),
        message_about(registered(1, revision=9)),
        mail_message(100, 1, NOON + timedelta(days=1)),
    ]
    assert consume(work, [erased_message(1), *late, erased_message(1)], most) == ["done"] * 5
    assert rows(work, LEFT) == [("cancelled", 2, None, None, "und", None, None, None, None, None, False)]
    assert (rows(work, COUNTS), rows(work, PEOPLE)) == ([(WEBINAR, "cancelled", 1)], [])


def test_erased_candidate_leaves_nothing(work: UnitOfWork) -> None:
    assert consume(work, [erased_message(1, "expired")]) == ["done"]
    assert rows(work, LEFT) == []
