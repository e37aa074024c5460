"""A text for a reader as HTML: with its own language and direction, and a mark where it is not in theirs."""

from markupsafe import Markup

from shared.i18n.content import Rendering, Text
from shared.i18n.languages import LANGUAGES, direction
from shared.i18n.phrases import TEXTS

_ATTRIBUTES = Markup(' lang="{}" dir="{}"')
_ISOLATED = Markup("<bdi{}>{}</bdi>")
_MARK = Markup(' <small class="in-language" lang="{}" dir="{}">{}</small>')


Shown = Text | Rendering | str
"""A text for any reader, for one reader, or of which nobody knows the language."""


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
