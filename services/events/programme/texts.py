"""The fixed texts of the programme, in six languages, and which language a visitor wants."""

from pathlib import Path

from flask import request

from shared.i18n.catalogue import Catalogue
from shared.i18n.languages import chosen_language

TEXTS = Catalogue(Path(__file__).parent / "translations")


def programme_texts() -> Catalogue:
    """The catalogue of this folder."""
    return TEXTS


def wanted_language() -> str:
    """The language of ``?lang=``, else the best of ``Accept-Language``, else English."""
    return chosen_language(request.args.get("lang"), request.accept_languages)
