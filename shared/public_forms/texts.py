"""The form engine's own texts: labels of standard fields, hints, error messages."""

from pathlib import Path

from shared.i18n.catalogue import Catalogue

ENGINE_TEXTS = Catalogue(Path(__file__).parent / "translations")
"""The catalogue of the form engine: labels of standard fields, hints, error messages."""


def engine_texts() -> Catalogue:
    """Return the catalogue of the form engine."""
    return ENGINE_TEXTS
