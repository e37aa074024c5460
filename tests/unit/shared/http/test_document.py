"""When a service's OpenAPI document is made."""

import pytest

from shared.http.openapi import made_once


def test_document_is_made_when_it_is_first_asked_for_and_then_kept() -> None:
    document = made_once("Nothing", [], "troika")
    assert document() is document()
    assert document()["info"]["title"] == "Nothing"


def test_nothing_is_made_of_operations_before() -> None:
    document = made_once("Broken", [object()], "troika")
    with pytest.raises(AttributeError):
        document()
