"""The fixed texts of the pages, in six languages; a text that is missing in one is shown in English."""

from functools import cache
from pathlib import Path

from shared.i18n.catalogue import Catalogue

PAGE_TEXTS = Catalogue(Path(__file__).parent / "translations")
COUNTED = ("js.retry",)
"""Texts with a number in them: the script chooses the form by its CLDR category."""


def page_texts() -> Catalogue:
    """Return the catalogue of the pages in this folder."""
    return PAGE_TEXTS


@cache
def script_texts(language: str) -> dict[str, str | dict[str, str]]:
    """Return the texts that the script of the framed page needs, by their names without the prefix ``js.``."""
    texts = page_texts()
    keys = [key for key in texts.ids() if key.startswith(("js.", "result."))]
    found: dict[str, str | dict[str, str]] = {
        key.removeprefix("js."): texts.text(key, language) for key in keys if key not in COUNTED
    }
    return found | {key.removeprefix("js."): texts.plural_forms(key, language) for key in COUNTED}


def result_message(status: str, language: str) -> str:
    """The sentence that answers a registration of this status (``confirmed`` or ``waitlisted``).

    It depends on nothing but the form's public state, so that it never tells who is registered.

    Raises:
        KeyError: there is no text for ``status``.
    """
    return page_texts().text(f"result.{status}.message", language)
