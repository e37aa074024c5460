"""What a mail says against what is known: order and repetition of messages make no difference."""

import random as randomness

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.domain.kinds import KIND_OF_MESSAGE, KINDS, LANES, PLACE_KINDS, REMINDER_KINDS
from services.notifications.domain.truth import REPEATED, Standing, is_untrue, newer, untrue_kinds
from services.notifications.mail.content import KINDS as WORDED_KINDS
from shared.contracts.registry import MESSAGE_TYPES

STATUSES = ("confirmed", "waitlisted", "cancelled")
ALL_STATUSES = (*STATUSES, "unverified", "expired")
told = st.tuples(
    st.sampled_from(sorted(KINDS)), st.builds(Standing, revision=st.integers(1, 5), status=st.sampled_from(STATUSES))
)


def test_every_message_of_the_queue_is_known_and_every_kind_has_words() -> None:
    heard = {entry.key for entry in MESSAGE_TYPES if "notifications.mail" in entry.hearers}
    assert set(KIND_OF_MESSAGE) | {"person.erased.v1", "proposal.erased.v1"} == heard, "of erasure nobody is told"
    assert {kind for kind in KIND_OF_MESSAGE.values() if kind} <= set(KINDS)
    assert {*WORDED_KINDS, "bulletin"} == set(KINDS)


def test_lane_follows_from_the_kind_and_only_what_people_need_is_resent() -> None:
    assert {name for name, kind in KINDS.items() if kind.lane == "reminder"} == set(REMINDER_KINDS)
    assert {name for name, kind in KINDS.items() if kind.lane == "bulletin"} == {"bulletin", "recording-available"}
    assert all(kind.resent == (kind.lane == LANES[0]) for kind in KINDS.values())


def test_cancellation_makes_older_mails_untrue_and_nothing_makes_a_cancellation_untrue() -> None:
    cancelled = Standing(3, "cancelled")
    assert is_untrue("confirmation", 1, cancelled)
    assert is_untrue("waiting-list", 1, cancelled)
    assert is_untrue("promotion", 2, cancelled)
    assert not is_untrue("cancelled-by-you", 3, cancelled)


def test_promotion_makes_the_waiting_list_mail_untrue_but_not_a_confirmation() -> None:
    promoted = Standing(2, "confirmed")
    assert is_untrue("waiting-list", 1, promoted)
    assert not is_untrue("promotion", 2, promoted)
    assert not is_untrue("confirmation", 1, promoted)


@pytest.mark.parametrize("kind", PLACE_KINDS)
def test_place_in_the_newest_timetable_makes_older_mails_about_a_place_untrue(kind: str) -> None:
    assert is_untrue(kind, 3, Standing(4, "scheduled"))
    assert not is_untrue(kind, 4, Standing(4, "scheduled"))
    assert not is_untrue("promotion", 3, Standing(4, "confirmed")), "the control: others only by the status"


@pytest.mark.parametrize("number", [1, 7])
def test_attempt_is_told_unless_the_registration_ended_whatever_its_number(number: int) -> None:
    told_while = {
        kind: {status for status in ALL_STATUSES if not is_untrue(kind, number, Standing(2, status))}
        for kind in REPEATED
    }
    assert told_while == {"attempt-repeated": {"confirmed", "waitlisted"}, "verification-again": {"unverified"}}


@given(told, st.integers(1, 5))
def test_old_mail_is_untrue_exactly_if_its_kind_is(entry: tuple[str, Standing], older_by: int) -> None:
    kind, known = entry
    assert is_untrue(kind, known.revision - older_by, known) == (kind in untrue_kinds(known))


@given(st.lists(told, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_newest_revision_wins_in_any_order(entries: list[tuple[str, Standing]], random: randomness.Random) -> None:
    highest = max(standing.revision for _kind, standing in entries)
    random.shuffle(entries)
    known: Standing | None = None
    for kind, standing in entries:
        known = standing if newer(known, standing, kind) else known
    assert known is not None
    assert known.revision == highest


@pytest.mark.parametrize("kind", REPEATED)
def test_repeated_attempt_never_replaces_what_was_told_of_the_same_revision(kind: str) -> None:
    known = Standing(2, "confirmed")
    assert not newer(known, Standing(2, "waitlisted"), kind)
    assert newer(known, Standing(2, "confirmed"), "promotion")
    assert newer(known, Standing(3, "cancelled"), kind)
    assert newer(None, known, kind)
