"""Receipts, codes, fingerprints and hashes of client networks: keyed, and independent of the address."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.intake.service import (
    ALPHABET,
    CODE_LENGTH,
    code_for,
    content_fingerprint,
    network_hash,
    receipt_for,
    receipt_hash,
)

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
FORM, OTHER_FORM = "upr-webinar-10", "geneva-delegation"


def test_one_key_on_one_form_has_one_receipt() -> None:
    assert receipt_for(KEY, FORM, "a-key") == receipt_for(KEY, FORM, "a-key")


@pytest.mark.parametrize(
    ("key", "form", "idempotency_key"),
    [(OTHER_KEY, FORM, "a-key"), (KEY, OTHER_FORM, "a-key"), (KEY, FORM, "another-key"), (KEY, FORM, "")],
)
def test_receipt_depends_on_server_key_form_and_idempotency_key(key: bytes, form: str, idempotency_key: str) -> None:
    assert receipt_for(key, form, idempotency_key) != receipt_for(KEY, FORM, "a-key")


def test_without_an_idempotency_key_every_receipt_differs() -> None:
    assert len({receipt_for(KEY, FORM, "") for _ in range(100)}) == 100


@given(st.binary(min_size=32, max_size=32), st.text(max_size=20), st.text(max_size=40))
def test_receipt_and_code_have_their_shape(key: bytes, form: str, idempotency_key: str) -> None:
    receipt = receipt_for(key, form, idempotency_key)
    assert re.fullmatch(r"[a-z2-7]{32}", receipt)
    code = code_for(key, receipt)
    assert len(code) == CODE_LENGTH
    assert set(code) <= set(ALPHABET)


def test_alphabet_has_no_characters_that_are_taken_for_another() -> None:
    assert set("0O1IL").isdisjoint(ALPHABET)
    assert len(set(ALPHABET)) == len(ALPHABET)


def test_code_cannot_be_computed_without_the_server_key() -> None:
    receipt = receipt_for(KEY, FORM, "a-key")
    assert code_for(KEY, receipt) == code_for(KEY, receipt)
    others = [code_for(number.to_bytes(32, "big"), receipt) for number in range(200)]
    assert Counter(others)[code_for(KEY, receipt)] <= 2


def test_codes_use_every_character_in_every_place() -> None:
    codes = [code_for(KEY, receipt_for(KEY, FORM, str(number))) for number in range(2000)]
    assert [len({code[place] for code in codes}) for place in range(CODE_LENGTH)] == [len(ALPHABET)] * CODE_LENGTH


def test_stored_hash_is_not_the_receipt() -> None:
    receipt = receipt_for(KEY, FORM, "a-key")
    assert len(receipt_hash(receipt)) == 32
    assert receipt.encode() not in receipt_hash(receipt)
    assert receipt_hash(receipt) != receipt_hash(receipt_for(KEY, FORM, "another-key"))


def test_fingerprint_is_keyed_and_distinguishes_contents() -> None:
    one, two = b"1" * 32, b"2" * 32
    assert content_fingerprint(KEY, one) == content_fingerprint(KEY, one)
    assert len({content_fingerprint(KEY, one), content_fingerprint(KEY, two), content_fingerprint(OTHER_KEY, one)}) == 3


def test_client_network_is_another_hash_on_another_day_and_under_another_key() -> None:
    today = network_hash(KEY, "2020-03-02", "203.0.113.7")
    assert today == network_hash(KEY, "2020-03-02", "203.0.113.7")
    others = {
        network_hash(KEY, "2020-03-03", "203.0.113.7"),
        network_hash(OTHER_KEY, "2020-03-02", "203.0.113.7"),
        network_hash(KEY, "2020-03-02", "203.0.113.8"),
    }
    assert len(others | {today}) == 4
    assert b"203.0.113" not in today
