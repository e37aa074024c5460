"""The form engine's own texts: labels of standard fields, hints, error messages."""

from pathlib import Path

from shared.i18n.catalogue import Catalogue
from shared.i18n.languages import LANGUAGE_NAMES as LANGUAGE_NAMES
from shared.i18n.languages import LANGUAGES as LANGUAGES
from shared.i18n.languages import best_language as best_language
from shared.i18n.languages import direction as direction
from shared.i18n.languages import locale_of as locale_of
from shared.i18n.languages import named_language as named_language

ENGINE_TEXTS = Catalogue(Path(__file__).parent / "translations")
"""The catalogue of the form engine: labels of standard fields, hints, error messages."""


def engine_texts() -> Catalogue:
    """Return the catalogue of the form engine."""
    return ENGINE_TEXTS
