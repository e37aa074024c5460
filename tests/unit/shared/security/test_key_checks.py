"""Which keys a process must hold: another key is refused, every documented rotation is not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.security.keys import SETTLES_AFTER, HeldKey, KeyKind, KeyRule, KnownKey, check_value, missing_keys

NOW = datetime(2020, 3, 2, 9, tzinfo=UTC)
OLD, NEW, OTHER = (bytes([number]) * 32 for number in (1, 2, 3))
SETTLED = NOW - SETTLES_AFTER
YOUNG = SETTLED + timedelta(seconds=1)


def held(rule: KeyRule, *keys: bytes) -> HeldKey:
    """A process's file."""
    return HeldKey(KeyKind("a-key", "A_KEY_FILE", "does something", rule, "Something would go wrong."), keys)


def known(**moments: datetime) -> list[KnownKey]:
    """What the database knows: OLD, NEW or OTHER since a moment."""
    keys = {"old": OLD, "new": NEW, "other": OTHER}
    return [KnownKey(check_value(keys[name], "a-key"), at) for name, at in moments.items()]


@pytest.mark.parametrize("rule", KeyRule)
def test_first_keys_are_accepted_and_another_key_is_not(rule: KeyRule) -> None:
    assert missing_keys(held(rule, OLD), [], NOW) == []
    for since in (SETTLED, YOUNG):
        assert missing_keys(held(rule, OLD), known(old=since), NOW) == []
        assert missing_keys(held(rule, OTHER), known(old=since), NOW) == [check_value(OLD, "a-key")]


@pytest.mark.parametrize(
    ("keys", "state"),
    [
        ((OLD, NEW), known(old=SETTLED)),
        ((OLD,), known(old=SETTLED, new=YOUNG)),
        ((NEW, OLD), known(old=SETTLED, new=YOUNG)),
        ((NEW, OLD), known(old=SETTLED - timedelta(days=9), new=SETTLED)),
        ((NEW,), known(new=SETTLED)),
        ((NEW, OLD), known(new=SETTLED)),
    ],
)
@pytest.mark.parametrize("rule", [KeyRule.DATA, KeyRule.CURRENT])
def test_no_step_of_a_rotation_stops_a_process(rule: KeyRule, keys: tuple[bytes, ...], state: list[KnownKey]) -> None:
    """Added at the end or on top, restarted one after the other, closed anew, the old line taken out."""
    assert missing_keys(held(rule, *keys), state, NOW) == []


def test_data_needs_every_key_until_it_is_closed_anew() -> None:
    state = known(old=SETTLED - timedelta(days=9), new=SETTLED)
    assert missing_keys(held(KeyRule.DATA, NEW), state, NOW) == [check_value(OLD, "a-key")]
    assert missing_keys(held(KeyRule.DATA, OLD), state, NOW) == [check_value(NEW, "a-key")]


def test_current_key_may_be_alone_and_an_old_file_is_refused() -> None:
    state = known(old=SETTLED - timedelta(days=9), new=SETTLED)
    assert missing_keys(held(KeyRule.CURRENT, NEW), state, NOW) == []
    assert missing_keys(held(KeyRule.CURRENT, OLD), state, NOW) == [check_value(NEW, "a-key")]


def test_identity_is_the_first_key_alone() -> None:
    """References of people are made by it: a line on top of it would make others."""
    state = known(old=SETTLED)
    assert missing_keys(held(KeyRule.IDENTITY, OLD, OTHER), state, NOW) == []
    assert missing_keys(held(KeyRule.IDENTITY, OTHER, OLD), state, NOW) == [check_value(OLD, "a-key")]


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_check_values_tell_keys_and_names_apart(one: bytes, other: bytes) -> None:
    assert (check_value(one, "a") == check_value(other, "a")) == (one == other)
    assert check_value(one, "a") != check_value(one, "b")
    assert one.hex()[:16] != check_value(one, "a")
