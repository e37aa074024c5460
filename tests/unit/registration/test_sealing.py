"""Sealed answers: what opens, what does not when moved, what a ciphertext reveals, and what needs no key."""

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.sealing.encryption import open_answers, public_half, reseal, seal_answers
from services.registration.sealing.model import (
    decode_envelopes,
    drop_fields,
    encode_envelopes,
    field_names,
    keep_fields,
    merge_sealed,
)
from shared.security.sealing import Unsealable, new_key

PRIVATE = new_key()
PUBLIC = public_half(PRIVATE)
FORM, ONE, OTHER = "geneva-delegation", "submission-1", "submission-2"
BOTH = {ONE, OTHER}
ANSWERS = {"passport_number": "P1234567", "diet": "vegan", "visa_letter": True, "hotel_nights": 4, "access_needs": None}
GIVEN = {name: value for name, value in ANSWERS.items() if value is not None}


def seal(answers: dict[str, Any], submission: str = ONE, form: str = FORM, public: bytes = PUBLIC) -> bytes:
    """Answers of one submission."""
    return seal_answers(public, form, submission, answers)


def opened(sealed: bytes | None, *private: bytes) -> dict[str, Any]:
    """The content of ``sealed`` for a reader of the form."""
    assert sealed is not None
    return open_answers(private or (PRIVATE,), FORM, BOTH, sealed)


def altered(sealed: bytes, change: Callable[[list[dict[str, Any]]], object]) -> bytes:
    """``sealed`` after someone has changed the stored JSON."""
    content = json.loads(sealed)
    change(content)
    return json.dumps(content).encode()


def test_answers_open_and_unanswered_questions_are_left_out() -> None:
    sealed = seal(ANSWERS)
    assert opened(sealed) == GIVEN
    assert field_names(sealed) == sorted(ANSWERS)


def test_nothing_but_the_private_key_opens_them() -> None:
    """Not even with the public key, which is all that the sealing process had."""
    for key in (PUBLIC, new_key()):
        with pytest.raises(Unsealable):
            opened(seal(ANSWERS), key)


def test_ciphertext_of_another_form_does_not_open() -> None:
    with pytest.raises(Unsealable):
        opened(seal(ANSWERS, form="review-press-conference"))


def test_ciphertext_under_another_field_does_not_open() -> None:
    def swap(content: list[dict[str, Any]]) -> None:
        fields = content[0]["fields"]
        fields["diet"], fields["passport_number"] = fields["passport_number"], fields["diet"]

    with pytest.raises(Unsealable):
        opened(altered(seal(ANSWERS), swap))


def test_ciphertext_under_another_submission_does_not_open() -> None:
    with pytest.raises(Unsealable):
        opened(altered(seal(ANSWERS), lambda content: content[0].update(submission=OTHER)))


def test_envelope_of_another_submission_does_not_open() -> None:
    with pytest.raises(Unsealable):
        open_answers([PRIVATE], FORM, {OTHER}, seal(ANSWERS))


@pytest.mark.parametrize("part", ["key", "fields"])
def test_altered_byte_does_not_open(part: str) -> None:
    envelope = decode_envelopes(seal({"diet": "vegan"}))[0]
    text = envelope.sealed_key if part == "key" else envelope.fields["diet"]
    for place in range(len(text)):
        changed = bytes([*text[:place], text[place] ^ 1, *text[place + 1 :]])
        broken = (
            type(envelope)(ONE, changed, envelope.fields)
            if part == "key"
            else type(envelope)(ONE, envelope.sealed_key, {"diet": changed})
        )
        with pytest.raises(Unsealable):
            opened(encode_envelopes([broken]))


@pytest.mark.parametrize("stored", [b"", b"[1]", b'[{"submission":"x"}]', b"[null]", b"\xff"])
def test_what_is_no_envelope_does_not_open(stored: bytes) -> None:
    with pytest.raises(Unsealable):
        opened(stored)


@given(st.text(max_size=300))
def test_lengths_show_in_steps_of_64_bytes_alone(text: str) -> None:
    """Nonce and tag are 28 bytes; the value as JSON and at least one byte of padding fill whole steps."""
    (length,) = (len(field) for field in decode_envelopes(seal({"diet": text}))[0].fields.values())
    assert length - 28 == (len(orjson.dumps(text)) // 64 + 1) * 64
    assert opened(seal({"diet": text})) == {"diet": text}


def test_short_answers_have_equal_lengths() -> None:
    """Yes, no, nothing at all, or a passport number."""
    answers = {"visa_letter": True, "nationality": "CH", "access_needs": None, "passport_number": "P" * 60}
    envelope = decode_envelopes(seal(answers))[0]
    assert {len(text) for text in envelope.fields.values()} == {28 + 64}


def test_same_answers_are_never_the_same_ciphertext() -> None:
    one, other = (decode_envelopes(seal(ANSWERS))[0] for _ in range(2))
    assert one.sealed_key != other.sealed_key
    assert not set(one.fields.values()) & set(other.fields.values())
    nonces = [text[:12] for text in (*one.fields.values(), *other.fields.values())]
    assert len(set(nonces)) == len(nonces)


def test_newest_value_of_a_field_wins() -> None:
    merged = merge_sealed(seal({"diet": "halal", "hotel": None}, OTHER), seal({**ANSWERS, "hotel": "block"}))
    assert opened(merged) == {**GIVEN, "diet": "halal"}
    assert merged is not None
    newer, older = decode_envelopes(merged)
    assert [newer.submission, older.submission, "diet" in older.fields] == [OTHER, ONE, False]
    assert opened(
        encode_envelopes([*decode_envelopes(seal({"diet": "b"})), *decode_envelopes(seal({"diet": "a"}))])
    ) == {"diet": "b"}


def test_merging_with_nothing_and_with_what_is_replaced_whole() -> None:
    sealed = seal(ANSWERS)
    assert (merge_sealed(sealed, None), merge_sealed(None, sealed), merge_sealed(None, None)) == (sealed, sealed, None)
    assert merge_sealed(seal(GIVEN, OTHER), seal(GIVEN)) is not None
    assert len(decode_envelopes(merge_sealed(seal(GIVEN, OTHER), seal(GIVEN)) or b"")) == 1


def test_field_is_deleted_without_any_key() -> None:
    sealed = seal(ANSWERS)
    left = drop_fields(sealed, ["passport_number", "never_asked"])
    assert opened(left) == {name: value for name, value in GIVEN.items() if name != "passport_number"}
    assert left is not None
    gone = decode_envelopes(sealed)[0].fields["passport_number"]
    assert gone not in decode_envelopes(left)[0].fields.values()
    assert (drop_fields(sealed, list(ANSWERS)), keep_fields(sealed, [])) == (None, None)
    assert field_names(keep_fields(sealed, ["diet"])) == ["diet"]
    assert field_names(None) == []


def test_resealing_changes_the_key_and_no_answer() -> None:
    new = new_key()
    merged = merge_sealed(seal({"diet": "halal"}, OTHER, public=public_half(new)), seal(ANSWERS))
    assert merged is not None
    resealed = reseal([new, PRIVATE], FORM, merged)
    assert opened(resealed, new) == {**GIVEN, "diet": "halal"}
    assert resealed is not None
    with pytest.raises(Unsealable):
        opened(resealed, PRIVATE)
    kept, changed = zip(decode_envelopes(merged), decode_envelopes(resealed), strict=True)
    assert kept[0] == kept[1]
    assert changed[0].fields == changed[1].fields
    assert reseal([new, PRIVATE], FORM, resealed) is None
    with pytest.raises(Unsealable):
        reseal([new_key(), new_key()], FORM, resealed)
