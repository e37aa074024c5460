"""Punctuation of each language between texts that programs put together: commas and colons."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from babel import Locale, UnknownLocaleError

from shared.i18n.catalogue import Catalogue

TEXTS = Catalogue(Path(__file__).parent / "translations")
"""The texts of this folder."""


def listed(parts: Sequence[str], language: str) -> str:
    """Return ``parts`` with the commas of ``language`` between them, to stand in a sentence."""
    return TEXTS.text("comma", language).join(parts)


def labelled(label: str, text: str, language: str) -> str:
    """Return ``label: text`` with the colon of ``language``; the label with its colon alone if there is no text."""
    return TEXTS.text("labelled" if text else "label", language, label=label, text=text)


@cache
def _english() -> Locale:
    return Locale("en")


def country_name(code: str) -> str:
    """Return the English name of the country with an ISO 3166 code; the code itself if it is not known."""
    name: str = _english().territories.get(code, code)
    return name


@cache
def language_name(code: str) -> str:
    """Return the English name of the language with a BCP 47 code; the code itself if it is not known."""
    try:
        return Locale.parse(code, sep="-").get_display_name("en") or code
    except (ValueError, UnknownLocaleError):
        return code
