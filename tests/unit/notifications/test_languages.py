"""Mails in six languages: each has all texts and the right direction; other languages fall back."""

import pytest

from services.notifications.composing.model import TEXTS
from services.notifications.composing.rendering import write
from services.notifications.composing.texts import wording
from shared.i18n.languages import LANGUAGES, best_language
from tests.support.mail_samples import contexts, sample
from tests.unit.notifications.parsed_mails import part, received

WORDS_FOR_LINK = {
    "en": "link",
    "fr": "lien",
    "es": "enlace",
    "ar": "\u0631\u0627\u0628\u0637",
    "ru": "\u0441\u0441\u044b\u043b\u043a",
    "zh": "\u94fe\u63a5",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_cancellation_does_not_name_who_did_it(language: str) -> None:
    """A coordinator cancels as well: the sentence must be true of both."""
    assert WORDS_FOR_LINK[language] in wording(language).keep_private, "the control: this is the word"
    assert WORDS_FOR_LINK[language] not in wording(language).lead["cancelled-by-you"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_cancellation_offers_nothing_to_cancel(language: str) -> None:
    words = wording(language)
    live, cancelled = (write(sample(kind, language)).plain for kind in ("confirmation", "cancelled-by-you"))
    assert (words.keep_private in live, words.keep_private_cancelled in live) == (True, False)
    assert (words.keep_private in cancelled, words.keep_private_cancelled in cancelled) == (False, True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_html_states_language_and_direction(language: str) -> None:
    html = part(received(sample("confirmation", language)), "html")
    direction = "rtl" if language == "ar" else "ltr"
    assert f'<html lang="{language}" dir="{direction}">' in html


def test_times_in_plain_text_run_in_the_direction_of_the_language() -> None:
    """A line that begins with an isolate would run from left to right in a mail program that judges each line."""
    for language, begins in (("ar", "- \N{RIGHT-TO-LEFT MARK}\N{RIGHT-TO-LEFT ISOLATE}"), ("fr", "- mercredi")):
        times = [line for line in write(sample("confirmation", language)).plain.split("\n") if line.startswith("- ")]
        assert len(times) == 3
        assert times[0].startswith(begins)


@pytest.mark.parametrize("kind", ["address-changed", "seat-offered", "invitation"])
def test_a_time_in_an_arabic_sentence_runs_from_right_to_left(kind: str) -> None:
    """In a first-strong isolate around it, its parts would run from left to right (UAX 9, rule P2)."""
    assert "حتى \N{RIGHT-TO-LEFT ISOLATE}" in write(sample(kind, "ar")).plain


def test_every_language_has_its_own_version_of_every_text() -> None:
    texts = [wording(language) for language in LANGUAGES]
    for name in TEXTS:
        for group in ("subject", "heading", "lead"):
            assert len({getattr(words, group)[name] for words in texts}) == len(LANGUAGES)
    for language in LANGUAGES:
        assert len([write(context).html for _, context in contexts(language)]) == len(TEXTS) + 1


@pytest.mark.parametrize(
    ("tag", "language"),
    [("es-MX", "es"), ("zh-Hant-TW", "zh"), ("AR", "ar"), ("pt", "en"), ("", "en"), ("ru_RU", "ru")],
)
def test_language_falls_back(tag: str, language: str) -> None:
    assert best_language(tag) == language
