"""The states of a mail: ten names and their allowed transitions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.mails.model import OUTCOME_STATES, STATES, require_transition, sources_of
from shared.runtime.errors import DomainError

WAYS = {
    "queued": {"claimed", "cancelled", "suppressed", "missed"},
    "claimed": {"queued", "sent", "deferred", "failed", "unknown", "cancelled", "suppressed"},
    "deferred": {"claimed", "cancelled", "suppressed", "missed"},
    "unknown": {"queued", "sent", "deferred", "failed"},
    "sent": {"bounced"},
    "cancelled": {"queued"},
    "failed": {"queued"},
    "missed": {"queued"},
}
FINAL = {"suppressed", "bounced"}
NAMES = ["queued", "claimed", "sent", "deferred", "unknown", "failed", "suppressed", "cancelled", "missed", "bounced"]


def allowed(state: str, after: str) -> bool:
    """Whether the domain lets it pass."""
    try:
        require_transition(state, after)
    except DomainError:
        return False
    return True


def test_states_are_the_ten_names() -> None:
    assert sorted(STATES) == sorted(NAMES)


def test_ways_are_exactly_these() -> None:
    found = {state: {after for after in NAMES if allowed(state, after)} for state in NAMES}
    assert found == WAYS | {state: set() for state in FINAL}


@given(st.lists(st.sampled_from(NAMES), max_size=30))
def test_mail_never_leaves_a_final_state_and_is_sent_only_by_who_claimed_it(states: list[str]) -> None:
    state, claimed = "queued", 0
    for wanted in states:
        if not allowed(state, wanted):
            continue
        assert state not in FINAL
        claimed += wanted == "claimed"
        if wanted in ("sent", "failed", "deferred", "unknown"):
            assert state in ("claimed", "unknown")
            assert claimed > 0
        state = wanted


def test_sources_are_the_transitions_reversed() -> None:
    for after in NAMES:
        assert set(sources_of(after)) == {state for state, afters in WAYS.items() if after in afters}


def test_word_that_is_no_state_is_refused() -> None:
    for state, after in (("queued", "delivered"), ("delivered", "queued"), ("sent", "queued")):
        with pytest.raises(DomainError) as refused:
            require_transition(state, after)
        assert refused.value.code == "mail-state"


@pytest.mark.parametrize("outcome", sorted(OUTCOME_STATES))
def test_every_outcome_of_a_handover_is_open_to_a_claimed_mail(outcome: str) -> None:
    require_transition("claimed", OUTCOME_STATES[outcome])
