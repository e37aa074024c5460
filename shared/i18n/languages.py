"""The six official languages of the United Nations, and which of them serves somebody."""

from collections.abc import Iterable

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

_LOCALES = {"zh": "zh_Hans"}


def named_language(tag: object) -> str | None:
    """Return the supported language that ``tag`` names, a BCP 47 code such as ``fr-CA``; None for anything else."""
    primary = tag.replace("_", "-").split("-")[0].lower() if isinstance(tag, str) else ""
    return primary if primary in LANGUAGES else None


def best_language(wanted: str | None) -> str:
    """Return the supported language nearest to ``wanted``, else English."""
    return named_language(wanted) or LANGUAGES[0]


def preferred_language(accepted: Iterable[tuple[str, float]]) -> str | None:
    """Return the first supported language of an ``Accept-Language`` header; None if there is none.

    werkzeug's own match takes `en` of `fr-CH, en;q=0.5`, since only that is there to the letter.

    Args:
        accepted: tags with their weight, the most wanted first, as werkzeug reads them.
    """
    return next((found for tag, weight in accepted if weight > 0 and (found := named_language(tag))), None)


def chosen_language(asked: object, accepted: Iterable[tuple[str, float]], otherwise: str | None = None) -> str:
    """Return the language asked for in an address, else the browser's (see above), else ``otherwise``, else English."""
    return named_language(asked) or preferred_language(accepted) or otherwise or LANGUAGES[0]


def direction(language: str) -> str:
    """Return ``rtl`` or ``ltr``, for the attribute ``dir``."""
    return "rtl" if language == "ar" else "ltr"


def locale_of(language: str) -> str:
    """Return Babel's name of the locale in which dates and countries are written for ``language``."""
    return _LOCALES.get(language, language)
