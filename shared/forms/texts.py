"""Fixed texts in the six languages of the United Nations, read from one YAML file a language.

A text that a language lacks is given in English; a key that English lacks is a bug and raises.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

LANGUAGES: tuple[str, ...] = ("en", "fr", "es", "ar", "ru", "zh")
"""BCP 47 codes, English first: it is what the others fall back to."""

LANGUAGE_NAMES: dict[str, str] = {
    "en": "English",
    "fr": "Français",
    "es": "Español",
    "ar": "العربية",
    "ru": "Русский",
    "zh": "中文",
}
"""Each language's name in itself."""

_LOCALES = {"en": "en_GB", "zh": "zh_Hans"}


def named_language(tag: object) -> str | None:
    """The supported language that ``tag`` names, a BCP 47 code such as ``fr-CA``; None for anything else."""
    primary = tag.replace("_", "-").split("-")[0].lower() if isinstance(tag, str) else ""
    return primary if primary in LANGUAGES else None


def best_language(wanted: str | None) -> str:
    """The supported language nearest to ``wanted``, else English."""
    return named_language(wanted) or LANGUAGES[0]


def direction(language: str) -> str:
    """``rtl`` or ``ltr``, for the attribute ``dir``."""
    return "rtl" if language == "ar" else "ltr"


def locale_of(language: str) -> str:
    """Babel's name of the locale in which dates and countries are written for ``language``."""
    return _LOCALES.get(language, language)


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
