"""Languages: the six official ones of the United Nations, and texts that people write in several of them.

A reader gets their own language, or a fallback that can be marked. The fixed texts of the program are
:mod:`shared.i18n.catalogue`'s. Must never translate anything itself.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

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


DEFAULT = LANGUAGES[0]
"""The language that a text given without one is in, and that others fall back to."""

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""What no text in a database holds: NUL, and halves of UTF-16 pairs, which JSON can contain."""


class Rendering(NamedTuple):
    """A text for one reader, and the language that it is really in ("" if unknown)."""

    text: str
    language: str

    @property
    def dir(self) -> str:
        """``rtl`` or ``ltr``; ``auto`` where the language is not known."""
        return direction(self.language) if self.language else "auto"

    def __str__(self) -> str:
        return self.text


Title = Rendering | str
"""What a page shows as a title: with its language where a reader may see a fallback, else plain."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text in some languages, as (BCP 47 code, text) pairs in alphabetical order of the code.

    A text under the code ``""`` is shown in every language. ``str()`` of it is the text for coordinators: in English,
    or in another language that it has.
    """

    by_language: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, given: "Text | Mapping[str, str] | str") -> "Text":
        """Return a text as it is, from a mapping by language, or from a plain string in the default language."""
        if isinstance(given, Text):
            return given
        found = {DEFAULT: given} if isinstance(given, str) else given
        return cls(tuple(sorted((code, text) for code, text in found.items() if text)))

    def for_reader(self, language: str) -> Rendering:
        """The text in ``language``, else the one without language, else English, else any, else ``""``."""
        texts = dict(self.by_language)
        for code in (language, "", DEFAULT):
            if code in texts:
                return Rendering(texts[code], code)
        code, found = next(iter(self.by_language), ("", ""))
        return Rendering(found, code)

    def in_language(self, language: str) -> str:
        """The text for a reader of ``language``; see :meth:`for_reader`."""
        return self.for_reader(language).text

    def having(self, language: str, text: str) -> "Text":
        """This text with ``text`` in ``language`` in place of what it had; without that language if it is empty."""
        return Text.of({**dict(self.by_language), language: text})

    def each(self, change: Callable[[str], str]) -> "Text":
        """This text with ``change`` applied to it in each language."""
        return Text.of({code: change(text) for code, text in self.by_language})

    @property
    def as_mapping(self) -> dict[str, str]:
        """The text by language, as JSON and YAML have it."""
        return dict(self.by_language)

    @property
    def missing(self) -> tuple[str, ...]:
        """The languages that it lacks; none of a text that is empty, or for every language."""
        known = dict(self.by_language)
        return () if not known or "" in known else tuple(code for code in LANGUAGES if code not in known)

    def __str__(self) -> str:
        return self.in_language(DEFAULT)

    def __bool__(self) -> bool:
        return bool(self.by_language)


NO_TEXT = Text()


def typed_texts(name: str, texts: Text) -> dict[str, str]:
    """The fields of a form that hold ``texts``, empty ones too: ``title.en``, ``title.fr``, … for ``name`` title."""
    known = texts.as_mapping
    return {f"{name}.{code}": known.get(code, "") for code in LANGUAGES}


def text_typed(name: str, typed: Mapping[str, Any]) -> Text:
    """The text in the fields ``title.en``, ``title.fr``, … of a form; blank ones are none."""
    return Text.of({code: str(typed.get(f"{name}.{code}", "")).strip() for code in LANGUAGES})


def text_reader(most: int, *, required: bool = True, in_default: bool = True) -> Callable[[Any], Text]:
    """A reader of what an API or a YAML file gives as a text.

    Args:
        most: characters in each language.
        required: whether it must have a text.
        in_default: whether a required one must have it in the default language; else in any.

    Returns:
        a function that takes a mapping by language, or a plain string in the default language. White space at the
        ends does not count, and a blank text is none. It raises ValueError for anything else.
    """

    def read(given: Any) -> Text:
        if not isinstance(given, str | Mapping):
            raise ValueError("must be a text (put it in quotes), or texts by language")
        found = {DEFAULT: given} if isinstance(given, str) else given
        text = Text.of({_language(code): _stripped(text, most) for code, text in found.items()})
        if required and not (DEFAULT in text.as_mapping if in_default else text):
            raise ValueError(f"must have 1 to {most} characters{f' in {DEFAULT}' if in_default else ''}")
        return text

    return read


def _language(code: Any) -> str:
    if code not in LANGUAGES:
        raise ValueError(f"must be a text in some of the languages {', '.join(LANGUAGES)}")
    return str(code)


def _stripped(text: Any, most: int) -> str:
    if not isinstance(text, str) or _UNSTORABLE.search(text) or len(text) > most:
        raise ValueError(f"must have at most {most} characters in each language, without NUL")
    return text.strip()
