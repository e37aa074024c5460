"""A mail's content compared with what is known: order and repetition of messages make no difference."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.composing.model import WORDED_KINDS
from services.notifications.mails.kinds import (
    DECISION_KINDS,
    KIND_OF_MESSAGE,
    KINDS,
    LANES,
    REMINDER_KINDS,
    SubjectState,
    is_current,
    is_outdated,
    outdated_kinds,
)
from shared.messaging.contracts.registry import MESSAGE_TYPES

STATUSES = ("confirmed", "waitlisted", "cancelled")
messages = st.tuples(
    st.sampled_from(sorted(KINDS)),
    st.builds(SubjectState, revision=st.integers(1, 5), status=st.sampled_from(STATUSES)),
)


def test_every_message_of_the_queue_is_known_and_every_kind_has_words() -> None:
    consumed = {entry.key for entry in MESSAGE_TYPES if "notifications.mail" in entry.consumers}
    assert set(KIND_OF_MESSAGE) | {"person.erased.v1"} == consumed, "an erasure causes no mail"
    assert {kind for kind in KIND_OF_MESSAGE.values() if kind} <= set(KINDS)
    assert {*WORDED_KINDS, "bulletin", "bulletin-test"} == set(KINDS)


def test_lane_follows_from_the_kind_and_only_what_people_need_is_resent() -> None:
    assert {name for name, kind in KINDS.items() if kind.lane == "reminder"} == {*REMINDER_KINDS, "details"}
    assert {name for name, kind in KINDS.items() if kind.lane == "bulletin"} == {"bulletin", "recording-available"}
    assert {name for name, kind in KINDS.items() if kind.lane == "verification"} == {"verification"}
    assert all(kind.resent == (kind.lane in LANES[:2]) for kind in KINDS.values())


def test_cancellation_makes_older_mails_untrue_and_nothing_makes_a_cancellation_untrue() -> None:
    cancelled = SubjectState(3, "cancelled")
    assert is_outdated("confirmation", 1, cancelled)
    assert is_outdated("waiting-list", 1, cancelled)
    assert is_outdated("promotion", 2, cancelled)
    assert not is_outdated("cancelled-by-you", 3, cancelled)


def test_promotion_makes_the_waiting_list_mail_untrue_but_not_a_confirmation() -> None:
    promoted = SubjectState(2, "confirmed")
    assert is_outdated("waiting-list", 1, promoted)
    assert not is_outdated("promotion", 2, promoted)
    assert not is_outdated("confirmation", 1, promoted)


@pytest.mark.parametrize("kind", DECISION_KINDS)
def test_newer_decision_makes_older_ones_untrue_and_so_does_a_cancelled_registration(kind: str) -> None:
    assert is_outdated(kind, 3, SubjectState(1, "confirmed", decision=4))
    assert not is_outdated(kind, 4, SubjectState(9, "confirmed", decision=4)), "whatever the registration's revision"
    assert is_outdated(kind, 4, SubjectState(9, "cancelled", decision=4))
    assert not is_outdated("changed", 3, SubjectState(4, "confirmed", decision=4)), (
        "the control: others only by the status"
    )


@pytest.mark.parametrize("minute", [1, 26_385_000])
def test_own_link_is_sent_at_any_revision_unless_the_registration_ended(minute: int) -> None:
    sent_while = {status for status in STATUSES if not is_outdated("link", minute, SubjectState(2, status))}
    assert sent_while == {"confirmed", "waitlisted"}


@given(messages, st.integers(1, 5))
def test_old_mail_is_untrue_exactly_if_its_kind_is(entry: tuple[str, SubjectState], older_by: int) -> None:
    kind, known = entry
    assert is_outdated(kind, max(0, known.revision - older_by), known) == (kind in outdated_kinds(known))


@given(st.lists(st.integers(1, 5), min_size=1, max_size=12))
def test_newest_revision_wins_in_any_order(revisions: list[int]) -> None:
    known: SubjectState | None = None
    for revision in revisions:
        known = SubjectState(revision, "confirmed") if is_current(known, revision) else known
    assert known is not None
    assert known.revision == max(revisions)
