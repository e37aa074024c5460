"""Distinguishing a repeated request from another one with the same key."""

import pytest

from shared.http.request_data import fingerprint


def test_order_of_fields_does_not_count() -> None:
    assert fingerprint("form", {"a": 1, "b": [2]}) == fingerprint("form", {"b": [2], "a": 1})


@pytest.mark.parametrize("odd", ["\ud800", 2**70, {"deep": ["\udfff"]}], ids=["half", "huge", "deep"])
def test_what_no_json_writer_takes_has_one_too(odd: object) -> None:
    """It is refused later, with a word about its field; until then it must not be a crash, nor equal to another."""
    found = fingerprint("form", {"name": odd})
    assert found == fingerprint("form", {"name": odd})
    assert found != fingerprint("form", {"name": "a"})
    assert found != fingerprint("other", {"name": odd})
