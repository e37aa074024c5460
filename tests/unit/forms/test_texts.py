"""All six languages say the same things."""

import re

import pytest

from services.registration.embed.strings import page_texts, result_message, script_texts
from shared.forms.texts import LANGUAGES, Catalogue, best_language, direction, engine_texts

PLACE = re.compile(r"\{(\w+)\}")
CATALOGUES = [engine_texts(), page_texts()]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("catalogue", CATALOGUES, ids=["forms", "pages"])
def test_every_language_has_the_same_keys_and_places(catalogue: Catalogue, language: str) -> None:
    english, texts = catalogue.by_language["en"], catalogue.by_language[language]
    assert sorted(texts) == sorted(english)
    for key, text in texts.items():
        assert sorted(PLACE.findall(text)) == sorted(PLACE.findall(english[key])), key
        assert text.strip() == text != "", key


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != "en"])
def test_texts_are_translated(language: str) -> None:
    for catalogue in CATALOGUES:
        english, texts = catalogue.by_language["en"], catalogue.by_language[language]
        words = {key for key, text in english.items() if len(re.findall("[A-Za-z]", PLACE.sub("", text))) > 12}
        same = {key for key in words if texts[key] == english[key]}
        assert same == set()


def test_missing_text_falls_back_to_english() -> None:
    catalogue = Catalogue({"en": {"a": "one {x}"}, "fr": {}})
    assert catalogue.text("a", "fr", x=1) == "one 1"
    with pytest.raises(KeyError):
        catalogue.text("b", "fr")


@pytest.mark.parametrize(
    ("wanted", "found"), [("fr-CA", "fr"), ("zh_Hans", "zh"), ("AR", "ar"), ("de", "en"), ("", "en"), (None, "en")]
)
def test_best_language_is_a_supported_one(wanted: str | None, found: str) -> None:
    assert best_language(wanted) == found


def test_only_arabic_runs_from_right_to_left() -> None:
    assert [language for language in LANGUAGES if direction(language) == "rtl"] == ["ar"]


def test_script_has_its_texts() -> None:
    assert {"sending", "retry", "gave-up", "failed", "closed", "local-time"} <= set(script_texts("ru"))
    assert script_texts("en")["result.confirmed.message"] == result_message("confirmed", "en")
