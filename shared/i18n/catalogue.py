"""Catalogues of fixed texts: gettext, one ``.po`` file a language, read at first use and compiled in memory.

There are no ``.mo`` files, so none can be out of date. Message ids are names (``link.cancel.question``), and English
is a translation like the others: it is what ``make translations`` updates the others from. Must never change a text
that a person typed: placeholders are filled with what they are given.

Also here: punctuation of each language between texts that programs join, names of countries and languages, and a text
as HTML with its own language and direction.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from markupsafe import Markup

from shared.i18n.languages import LANGUAGE_NAMES, LANGUAGES, Rendering, Text, direction, locale_of

_SAMPLED = range(201)
"""Counts that between them have every plural form of our languages."""

_FRENCH = (
    (re.compile(r"[ \u00a0](?=[:;!?»%])"), "\u202f"),
    (re.compile(r"«[ \u00a0]"), "«\u202f"),
    (re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])"), "\N{RIGHT SINGLE QUOTATION MARK}"),
)
"""French sets these marks off by a narrow space at which no line breaks; translators may type what keyboards have."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The texts in one folder of ``.po`` files. A text that a language lacks is given in English."""

    folder: Path

    def text(self, message_id: str, language: str, **values: object) -> str:
        """Return the text ``message_id`` in ``language`` with ``values`` in its places (``{name}``).

        Raises:
            KeyError: English has no such text, or a place has no value.
        """
        return _filled(_translations(self.folder, language).gettext(message_id), values)

    def plural(self, message_id: str, count: int, language: str, **values: object) -> str:
        """Return the form of ``message_id`` for ``count``, which fills ``{count}``; raises as :func:`text`."""
        found = _translations(self.folder, language).ngettext(message_id, message_id, count)
        return _filled(found, {"count": count, **values})

    def plural_forms(self, message_id: str, language: str) -> dict[str, str]:
        """Return every form of ``message_id`` by CLDR category (``one``, ``few``, …), as ``Intl.PluralRules`` names it.

        Raises:
            KeyError: English has no such text.
        """
        category, translations = Locale.parse(locale_of(language)).plural_form, _translations(self.folder, language)
        return {category(count): translations.ngettext(message_id, message_id, count) for count in _SAMPLED}

    def has(self, message_id: str) -> bool:
        """Whether there is such a text, in English at least."""
        return message_id in _ids(self.folder)

    def ids(self) -> tuple[str, ...]:
        """Return every message id, in the order of the English file."""
        return _ids(self.folder)


def _filled(text: str, values: dict[str, object]) -> str:
    return text.format_map(values) if values else text


class _Unknown(NullTranslations):
    """What English falls back to: an id that it lacks is a bug."""

    def gettext(self, message: str) -> str:
        raise KeyError(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        raise KeyError(msgid1)


@cache
def _translations(folder: Path, language: str) -> NullTranslations:
    if language not in LANGUAGES:
        return _translations(folder, LANGUAGES[0])
    compiled = BytesIO()
    with (folder / f"{language}.po").open("rb") as file:
        catalog = read_po(file, locale=locale_of(language), abort_invalid=True)
    if language == "fr":
        for message in catalog:
            forms = message.string
            message.string = tuple(map(_french, forms)) if isinstance(forms, tuple) else _french(str(forms or ""))
    write_mo(compiled, catalog)
    compiled.seek(0)
    found = GNUTranslations(compiled)
    found.add_fallback(_Unknown() if language == LANGUAGES[0] else _translations(folder, LANGUAGES[0]))
    return found


def _french(text: str) -> str:
    for pattern, spaced in _FRENCH:
        text = pattern.sub(spaced, text)
    return text


@cache
def _ids(folder: Path) -> tuple[str, ...]:
    with (folder / f"{LANGUAGES[0]}.po").open("rb") as file:
        messages = read_po(file, abort_invalid=True)
    return tuple(message.id if isinstance(message.id, str) else message.id[0] for message in messages if message.id)


def names_of_languages() -> list[tuple[str, str]]:
    """Return (name, code) of the supported languages, in each of them."""
    own = [(name, code) for code, name in LANGUAGE_NAMES.items()]
    names = [Locale.parse(locale_of(language)).languages for language in LANGUAGES]
    return [*own, *((language_names[code], code) for language_names in names for code in LANGUAGES)]


TEXTS = Catalogue(Path(__file__).parent / "translations")
"""The texts of this folder."""


def listed(parts: Sequence[str], language: str) -> str:
    """Return ``parts`` with the commas of ``language`` between them, for use in a sentence."""
    return TEXTS.text("comma", language).join(parts)


def labelled(label: str, text: str, language: str) -> str:
    """Return ``label: text`` with the colon of ``language``; the label with its colon alone if there is no text."""
    return TEXTS.text("labelled" if text else "label", language, label=label, text=text)


@cache
def _english() -> Locale:
    return Locale("en")


def country_name(code: str) -> str:
    """Return the English name of the country with an ISO 3166 code; the code itself if it is not known."""
    name: str = _english().territories.get(code, code)
    return name


@cache
def language_name(code: str) -> str:
    """Return the English name of the language with a BCP 47 code; the code itself if it is not known."""
    try:
        return Locale.parse(code, sep="-").get_display_name("en") or code
    except (ValueError, UnknownLocaleError):
        return code


_ATTRIBUTES = Markup(' lang="{}" dir="{}"')
_ISOLATED = Markup("<bdi{}>{}</bdi>")
_MARK = Markup(' <small class="in-language" lang="{}" dir="{}">{}</small>')


Shown = Text | Rendering | str
"""A text for any reader, for one reader, or in an unknown language."""


def isolated(text: Shown, language: str) -> Markup:
    """Return ``text`` for a page in ``language``, with ``lang`` and ``dir`` where it is in another one."""
    found = _rendering(text, language)
    return _ISOLATED.format(language_attributes(found, language), found.text)


def marked(text: Shown, language: str) -> Markup:
    """The same with a small mark behind a text in another language, such as “in English”."""
    return isolated(text, language) + language_mark(text, language)


def language_attributes(text: Shown, language: str) -> Markup:
    """Return ``lang`` and ``dir`` for the element that holds ``text``; nothing where it is the page's, or unknown."""
    found = _rendering(text, language)
    return Markup() if found.language in ("", language) else _ATTRIBUTES.format(found.language, found.dir)


def language_mark(text: Shown, language: str) -> Markup:
    """Return the mark behind a text in another language; nothing where there is none to give."""
    found = _rendering(text, language)
    if not found.text or found.language in ("", language) or found.language not in LANGUAGES:
        return Markup()
    return _MARK.format(language, direction(language), TEXTS.text(f"in.{found.language}", language))


def _rendering(text: Shown, language: str) -> Rendering:
    if isinstance(text, Text):
        return text.for_reader(language)
    return text if isinstance(text, Rendering) else Rendering(text, "")
