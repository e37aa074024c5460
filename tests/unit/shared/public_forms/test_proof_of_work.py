"""Challenges: what solves one and what is refused."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from altcha import Challenge, Payload, solve_challenge
from hypothesis import given
from hypothesis import strategies as st

from shared.public_forms.proof_of_work import (
    CALM,
    LIFETIME,
    MAX_COUNTED,
    TRIES,
    ProofRefused,
    check_proof,
    new_challenge,
    proof_keys,
    tries_at,
)

NEW, OLD = b"\1" * 32, b"\2" * 32
KEYS = proof_keys([NEW], "registration")
FORM = "upr-webinar-10"
NOW = datetime.now(UTC) + timedelta(hours=12)
"""The library reads the machine's clock too, and these tests may run long after this file was imported."""


def solved(challenge: dict[str, Any]) -> dict[str, Any]:
    """What a client that has done the work sends, before it is written as base64."""
    read = Challenge.from_dict(challenge)
    solution = solve_challenge(read)
    assert solution is not None
    return Payload(read, solution).to_dict()


def sent(content: object) -> str:
    """``content`` as it travels."""
    return base64.b64encode(json.dumps(content).encode()).decode()


@pytest.fixture(scope="module")
def proof() -> dict[str, Any]:
    """A challenge with its solution."""
    return solved(new_challenge(KEYS, FORM, 0, NOW))


def refusal(payload: object, form: str = FORM, now: datetime = NOW) -> str:
    """Why ``payload`` is refused; empty if it is not."""
    try:
        check_proof(KEYS, form, payload, now)
    except ProofRefused as refused:
        return refused.reason
    return ""


def test_solved_challenge_is_known_by_its_nonce(proof: dict[str, Any]) -> None:
    nonce = proof["challenge"]["parameters"]["nonce"]
    assert check_proof(KEYS, FORM, sent(proof), NOW) == bytes.fromhex(nonce)
    assert len(nonce) == 32


def test_each_way_to_write_a_solution_is_the_same_challenge(proof: dict[str, Any]) -> None:
    """A repetition under another spelling is detected by the database: the id counts."""
    turned = {"solution": proof["solution"], "challenge": dict(reversed(proof["challenge"].items())), "more": 1}
    loose = base64.b64encode(json.dumps(turned, indent=3).encode()).decode()
    assert loose != sent(proof)
    assert check_proof(KEYS, FORM, loose, NOW) == check_proof(KEYS, FORM, sent(proof), NOW)


def test_challenge_ends_after_ten_minutes(proof: dict[str, Any]) -> None:
    assert timedelta(minutes=10) == LIFETIME
    assert refusal(sent(proof), now=NOW + LIFETIME - timedelta(seconds=2)) == ""
    assert refusal(sent(proof), now=NOW + LIFETIME) == "expired"
    assert refusal(sent(solved(new_challenge(KEYS, FORM, 0, NOW - LIFETIME)))) == "expired"


def test_challenge_of_another_form_is_refused(proof: dict[str, Any]) -> None:
    assert refusal(sent(proof), form="geneva-delegation") == "foreign"


def test_challenge_of_another_service_is_refused(proof: dict[str, Any]) -> None:
    events = proof_keys([NEW], "events")
    with pytest.raises(ProofRefused, match="altered"):
        check_proof(events, FORM, sent(proof), NOW)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cost", 1),
        ("keyPrefix", "00"),
        ("keySignature", "00" * 32),
        ("nonce", "00" * 16),
        ("salt", "00" * 16),
        pytest.param("expiresAt", int(NOW.timestamp()) + 99_999, id="expiresAt-later"),
        ("expiresAt", None),
        ("data", {"form": "geneva-delegation", "tries": TRIES}),
        ("algorithm", "SHA-256"),
        ("keyLength", 1),
    ],
)
def test_altered_challenge_is_refused(proof: dict[str, Any], name: str, value: object) -> None:
    parameters = {**proof["challenge"]["parameters"], name: value}
    altered = {**proof, "challenge": {**proof["challenge"], "parameters": parameters}}
    assert refusal(sent(altered)) == "altered"


@pytest.mark.parametrize("signature", [None, "", "00" * 32, 7])
def test_signature_of_another_is_refused(proof: dict[str, Any], signature: object) -> None:
    assert refusal(sent({**proof, "challenge": {**proof["challenge"], "signature": signature}})) == "altered"


@pytest.mark.parametrize("key", ["", "00" * 32, "zz", 7, None, ["00"]])
def test_challenge_without_its_solution_is_refused(proof: dict[str, Any], key: object) -> None:
    assert refusal(sent({**proof, "solution": {"counter": 0, "derivedKey": key}})) == "unsolved"


def test_shorter_key_of_the_prefix_is_no_solution(proof: dict[str, Any]) -> None:
    """What the challenge shows of the key is not the key."""
    shown = proof["challenge"]["parameters"]["keyPrefix"]
    assert refusal(sent({**proof, "solution": {"counter": 0, "derivedKey": shown}})) == "unsolved"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@given(st.one_of(_JSON, st.text(), st.binary(max_size=50).map(lambda raw: base64.b64encode(raw).decode())))
def test_any_other_input_is_refused_and_breaks_nothing(payload: object) -> None:
    assert refusal(payload) == "unreadable"


@given(_JSON, _JSON, _JSON)
def test_any_other_value_in_its_place_is_refused(parameters: object, signature: object, solution: object) -> None:
    content = {"challenge": {"parameters": parameters, "signature": signature}, "solution": solution}
    assert refusal(sent(content)) == "unreadable"


def test_nesting_breaks_nothing() -> None:
    assert refusal(base64.b64encode(b"[" * 3000).decode()) == "unreadable"
    assert refusal(base64.b64encode(b"[" * 30_000).decode()) == "unreadable"


def test_challenge_outlives_a_new_key_and_ends_with_the_old_one(proof: dict[str, Any]) -> None:
    changed, without = proof_keys([OLD, NEW], "registration"), proof_keys([OLD], "registration")
    assert check_proof(changed, FORM, sent(proof), NOW) == check_proof(KEYS, FORM, sent(proof), NOW)
    with pytest.raises(ProofRefused, match="altered"):
        check_proof(without, FORM, sent(proof), NOW)


def test_work_doubles_with_the_rush_and_stays_bounded() -> None:
    assert [
        tries_at(solved) // TRIES for solved in (0, CALM - 1, CALM, 2 * CALM - 1, 2 * CALM, MAX_COUNTED, 10**9)
    ] == [
        1,
        1,
        2,
        2,
        4,
        8,
        8,
    ]


def test_number_to_be_found_lies_within_the_tries() -> None:
    """Under a smaller bound it would be found at once, beyond it never: many are drawn, and all differ."""
    challenges = [new_challenge(KEYS, FORM, 0, NOW)["parameters"] for _ in range(20)]
    assert len({one["nonce"] for one in challenges} | {one["keySignature"] for one in challenges}) == 40
    counters = [solved(new_challenge(KEYS, FORM, 0, NOW))["solution"]["counter"] for _ in range(6)]
    assert all(0 <= counter < TRIES for counter in counters)
    assert len(set(counters)) > 1
