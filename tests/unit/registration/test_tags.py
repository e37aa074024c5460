"""What coordinators may type as a tag, and how it is stored."""

import pytest

from services.registration.people.notes import read_tag
from shared.runtime.errors import DomainError


@pytest.mark.parametrize(
    ("typed", "tag"),
    [
        ("  VIP   guest ", "vip guest"),
        ("it’s paid", "it’s paid"),
        ("L'équipe", "l'équipe"),
        ("e\N{COMBINING ACUTE ACCENT}quipe", "équipe"),
        ("مُهِمّ", "مُهِمّ"),
        ("हिन्दी", "हिन्दी"),
        ("q&a 2/3", "q&a 2/3"),
        ("x" * 40, "x" * 40),
    ],
)
def test_tag_is_stored_in_small_letters_and_composed(typed: str, tag: str) -> None:
    assert read_tag(typed) == tag


@pytest.mark.parametrize(
    "typed", ["", " ", "x" * 41, "-a", "\N{COMBINING ACUTE ACCENT}a", "a;b", "a\N{RIGHT-TO-LEFT OVERRIDE}b", "a\x00b"]
)
def test_other_text_is_no_tag(typed: str) -> None:
    with pytest.raises(DomainError, match="invalid-tag"):
        read_tag(typed)
