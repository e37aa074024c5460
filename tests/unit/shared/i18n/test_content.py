"""Texts by language: which one a reader gets, how it is marked, and what is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.i18n.catalogue import language_attributes, marked
from shared.i18n.languages import LANGUAGES, Rendering, Text, text_reader, text_typed, typed_texts

texts = st.dictionaries(st.sampled_from(LANGUAGES), st.text(st.characters(exclude_categories=["Cs"]), min_size=1)).map(
    Text.of
)


@pytest.mark.parametrize(
    ("given_text", "language", "found"),
    [
        ({"fr": "F", "en": "E"}, "fr", ("F", "fr")),
        ({"": "A", "en": "E"}, "fr", ("A", "")),
        ({"en": "E", "ar": "ع"}, "fr", ("E", "en")),
        ({"ru": "Р", "zh": "中"}, "fr", ("Р", "ru")),
        ({}, "fr", ("", "")),
        ("E", "en", ("E", "en")),
    ],
)
def test_reader_gets_the_nearest_text_and_its_language(given_text: Any, language: str, found: tuple[str, str]) -> None:
    assert Text.of(given_text).for_reader(language) == Rendering(*found)


@pytest.mark.parametrize(
    ("given_text", "language", "html"),
    [
        ({"en": "E & F", "ar": "ع"}, "ar", "<bdi>ع</bdi>"),
        (
            {"en": "E & F"},
            "ar",
            '<bdi lang="en" dir="ltr">E &amp; F</bdi> '
            '<small class="in-language" lang="ar" dir="rtl">بالإنجليزية</small>',
        ),
        (
            {"ar": "ع"},
            "fr",
            '<bdi lang="ar" dir="rtl">ع</bdi> <small class="in-language" lang="fr" dir="ltr">en arabe</small>',
        ),
        ({"": "A"}, "fr", "<bdi>A</bdi>"),
    ],
)
def test_fallback_is_marked(given_text: dict[str, str], language: str, html: str) -> None:
    assert marked(Text.of(given_text), language) == html
    assert str(language_attributes(Text.of(given_text), language)) in html


@given(texts)
def test_text_survives_json_yaml_and_a_form(text: Text) -> None:
    assert Text.of(text.as_mapping) == text
    stripped = text.each(str.strip)
    assert text_typed("title", typed_texts("title", text)) == stripped
    assert (
        text_reader(10_000, required=False)({code: one for code, one in text.by_language if "\0" not in one})
        is not None
    )
    assert set(text.missing) | set(text.as_mapping) == (set(LANGUAGES) if text else set())


@pytest.mark.parametrize(
    ("given_text", "fault"),
    [
        (5, "must be a text"),
        ({"de": "D"}, "must be a text in some of the languages"),
        ({"en": "E", "fr": 5}, "at most 3 characters in each language"),
        ({"en": "E", "fr": "long"}, "at most 3 characters in each language"),
        ({"en": "a\0"}, "without NUL"),
        ({"fr": "F"}, "must have 1 to 3 characters in en"),
        ("  ", "must have 1 to 3 characters in en"),
    ],
)
def test_reader_refuses(given_text: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        text_reader(3)(given_text)
