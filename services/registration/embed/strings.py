"""The fixed texts of the pages, in six languages; a text that is missing in one is shown in English."""

from functools import cache
from pathlib import Path

from shared.forms.texts import Catalogue, load_catalogue


@cache
def page_texts() -> Catalogue:
    """The catalogue of the pages in this folder."""
    return load_catalogue(Path(__file__).parent / "strings")


@cache
def script_texts(language: str) -> dict[str, str]:
    """The texts that the script of the framed page needs, by their names without the prefix ``js.``."""
    keys = [key for key in page_texts().by_language["en"] if key.startswith(("js.", "result."))]
    return {key.removeprefix("js."): page_texts().text(key, language) for key in keys}


def result_message(status: str, language: str) -> str:
    """The sentence that answers a registration of this status (``confirmed`` or ``waitlisted``).

    It depends on nothing but the form's public state, so that it never tells who is registered.

    Raises:
        KeyError: there is no text for ``status``.
    """
    return page_texts().text(f"result.{status}.message", language)
