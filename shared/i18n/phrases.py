"""Punctuation of each language between texts that programs put together: commas and colons."""

from collections.abc import Sequence
from pathlib import Path

from shared.i18n.catalogue import Catalogue

TEXTS = Catalogue(Path(__file__).parent / "translations")
"""The texts of this folder."""


def listed(parts: Sequence[str], language: str) -> str:
    """Return ``parts`` with the commas of ``language`` between them, to stand in a sentence."""
    return TEXTS.text("comma", language).join(parts)


def labelled(label: str, text: str, language: str) -> str:
    """Return ``label: text`` with the colon of ``language``; the label with its colon alone if there is no text."""
    return TEXTS.text("labelled" if text else "label", language, label=label, text=text)
