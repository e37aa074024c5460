"""Fixed texts in the six languages of the United Nations, read from one YAML file a language.

A text that a language lacks is given in English; a key that English lacks is a bug and raises.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from shared.i18n.languages import LANGUAGE_NAMES as LANGUAGE_NAMES
from shared.i18n.languages import LANGUAGES as LANGUAGES
from shared.i18n.languages import best_language as best_language
from shared.i18n.languages import direction as direction
from shared.i18n.languages import locale_of as locale_of
from shared.i18n.languages import named_language as named_language


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The texts of one folder, by language and key."""

    by_language: dict[str, dict[str, str]]

    def get(self, key: str, language: str) -> str | None:
        """The text of ``key`` in ``language``, else in English, else ``None``."""
        english = self.by_language[LANGUAGES[0]]
        return self.by_language.get(language, english).get(key) or english.get(key)

    def text(self, key: str, language: str, **values: object) -> str:
        """The text of ``key`` in ``language``, else in English, with ``values`` put in its places.

        Raises:
            KeyError: English has no such key, or a place has no value.
        """
        found = self.get(key, language)
        if found is None:
            raise KeyError(key)
        return found.format_map(values) if values else found


def load_catalogue(folder: Path) -> Catalogue:
    """Reads ``<language>.yaml`` for each language from ``folder``; each is a flat mapping from key to text.

    Raises:
        ValueError: a file is not such a mapping.
        OSError: a file is missing.
    """
    return Catalogue({language: _load(folder / f"{language}.yaml") for language in LANGUAGES})


def _load(path: Path) -> dict[str, str]:
    texts = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(texts, dict) or not all(isinstance(part, str) for pair in texts.items() for part in pair):
        raise ValueError(f"{path.name}: must be a flat mapping from key to text")
    return texts


@cache
def engine_texts() -> Catalogue:
    """The catalogue of the form engine: labels of standard fields, hints, error messages."""
    return load_catalogue(Path(__file__).parent / "strings")
