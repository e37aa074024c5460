"""Texts of mails: our own sentences by name, and the texts of others defused.

Mail clients convert bare addresses into links, so escaping HTML is not enough: ``evil.example`` in a name would become
a link in a mail that we signed. A space after the dot is visible and safe. Some clients drop invisible joiners before
they search for links. What coordinators wrote is not defused: :mod:`shared.i18n.paragraphs` keeps its links and lines.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from services.notifications.composing.model import TEXTS, VARIANTS
from shared.i18n.catalogue import Catalogue, labelled
from shared.i18n.languages import LANGUAGES as LANGUAGES
from shared.i18n.languages import direction

_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"
"""Zero-width (non-)joiners are part of correct spelling in Persian and in Indian scripts, so they remain."""

_DOTS = ".\uff0e\u3002\uff61\u2024"
"""The full stop, the characters that IDNA treats as one (RFC 3490, section 3.1), and the one-dot leader."""

_BREAKS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(rf"[{_DOTS}](?=[^\s\d{_DOTS}][^\s{_DOTS}])"), r"\g<0> "),  # a name after a dot: evil.example
    (re.compile(rf"(?i)(?<=www)[{_DOTS}](?=\S)"), r"\g<0> "),
    (re.compile(r"\d{1,3}(?:\.\d{1,3}){3}"), lambda match: match[0].replace(".", ". ")),  # an address in numbers
    (re.compile(r"(?<=[^\W\d_]):(?=\S)"), ": "),  # scheme:
    (re.compile(r"\s?[@\uff20]\s?(?=\S)"), " @ "),
    (re.compile(r"/(?=/)"), "/ "),
)


def one_line(text: str, limit: int = 200) -> str:
    """Return ``text`` on one line without control, format, surrogate or private characters, cut to ``limit``."""
    spaced = "".join(_visible(character) for character in unicodedata.normalize("NFC", text))
    line = " ".join(spaced.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def defuse(text: str, limit: int = 200) -> str:
    """:func:`one_line`, and broken up so that no mail client makes a link or an address of any part of it."""
    line = one_line(text, limit)
    for pattern, replacement in _BREAKS:
        line = pattern.sub(replacement, line)
    return line


def _visible(character: str) -> str:
    if character in _JOINERS:
        return character
    return " " if unicodedata.category(character) in _DROPPED else character


FALLBACK = LANGUAGES[0]
MAIL_TEXTS = Catalogue(Path(__file__).parent / "translations")


@dataclass(frozen=True, slots=True)
class Wording:
    """One language. Three groups have one text for each of ``TEXTS``; any other attribute is the message so named."""

    language: str

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``."""
        return direction(self.language)

    @property
    def gap(self) -> str:
        """The space between sentences and after a label; none in Chinese, with its full-width punctuation."""
        return "" if self.language == "zh" else " "

    @property
    def mark(self) -> str:
        """The start of a line of plain text that may begin with an isolate, which does not set the line's direction
        (Unicode UAX 9, rule P2): a right-to-left mark, or nothing.
        """
        return "\N{RIGHT-TO-LEFT MARK}" if self.direction == "rtl" else ""

    @property
    def subject(self) -> Mapping[str, str]:
        """Subject lines, with a placeholder for the title."""
        return _group("subject", self.language)

    @property
    def heading(self) -> Mapping[str, str]:
        """Headings."""
        return _group("heading", self.language)

    @property
    def lead(self) -> Mapping[str, str]:
        """First paragraphs."""
        return _group("lead", self.language)

    def labelled(self, label: str, text: str = "") -> str:
        """Return ``label: text`` with the colon of the language."""
        return labelled(label, text, self.language)

    def __getattr__(self, name: str) -> str:
        if not MAIL_TEXTS.has(name):
            raise AttributeError(name)
        return MAIL_TEXTS.text(name, self.language)


@cache
def _group(name: str, language: str) -> Mapping[str, str]:
    plain = {variant: text for (text, _form_kind), variant in VARIANTS.items()}
    found = {text: text if MAIL_TEXTS.has(f"{name}.{text}") else plain[text] for text in TEXTS}
    return {text: MAIL_TEXTS.text(f"{name}.{name_of_text}", language) for text, name_of_text in found.items()}


@cache
def wording(language: str) -> Wording:
    """Return the sentences of one of :data:`LANGUAGES`."""
    return Wording(language)
