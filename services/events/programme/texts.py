"""The fixed texts of the programme, in six languages, and which language a visitor wants."""

from functools import cache
from pathlib import Path

from flask import request

from shared.forms.texts import LANGUAGES, Catalogue, best_language, load_catalogue


@cache
def programme_texts() -> Catalogue:
    """The catalogue of this folder."""
    return load_catalogue(Path(__file__).parent / "strings")


def wanted_language() -> str:
    """The language of ``?lang=``, else the best of ``Accept-Language``, else English."""
    asked = request.args.get("lang", "")
    if asked in LANGUAGES:
        return asked
    return best_language(request.accept_languages.best_match(LANGUAGES))
