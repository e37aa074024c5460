"""Texts of mails: our own sentences by name, the texts of others defused, and the texts of coordinators with links.

Mail clients convert bare addresses into links, so escaping HTML is not enough: ``evil.example`` in a name would become
a link in a mail that we signed. A space after the dot is visible and safe. Some clients drop invisible joiners before
they search for links. What coordinators wrote is not defused: their links, addresses and line breaks stay.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from services.notifications.composing.model import TEXTS, VARIANTS
from shared.i18n.catalogue import Catalogue, labelled
from shared.i18n.languages import LANGUAGES as LANGUAGES
from shared.i18n.languages import direction

_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_NO_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})
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


def written_line(text: str) -> str:
    """Return a coordinator's text on one line, unchanged except for control characters."""
    return "".join(" " if unicodedata.category(c) in _NO_TEXT else c for c in text).strip()


def safe_link(url: str | None) -> str | None:
    """Return ``url`` if it is plain http(s) with a host, without characters that end a line, attribute or link."""
    if not url or not re.fullmatch(r"[!#-;=?-\[\]_a-z~]+", url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname else None


def _visible(character: str) -> str:
    if character in _JOINERS:
        return character
    return " " if unicodedata.category(character) in _DROPPED else character


_LINK = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?()\]\u060c\u3002\uff0c]")


@dataclass(frozen=True, slots=True)
class Piece:
    """Words, or the URL of a link; ``broken`` if a line ends after it."""

    words: str
    link: bool = False
    broken: bool = False


def plain_text(pieces: list[Piece]) -> str:
    """Return a paragraph without markup."""
    return "".join(piece.words + "\n" * piece.broken for piece in pieces)


def pieces_of(text: str) -> list[list[Piece]]:
    """Return the paragraphs of ``text``, separated by empty lines; single line ends remain."""
    blocks = re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n"))
    return [_paragraph(block.strip().split("\n")) for block in blocks if block.strip()]


def _paragraph(lines: list[str]) -> list[Piece]:
    pieces: list[Piece] = []
    for number, line in enumerate(lines, start=1):
        found = _pieces(written_line(line))
        if number < len(lines):
            found.append(Piece("", broken=True))
        pieces += found
    return pieces


def _pieces(line: str) -> list[Piece]:
    pieces, after = [], 0
    for match in _LINK.finditer(line):
        if safe_link(match[0]) is None:
            continue
        pieces += [Piece(line[after : match.start()]), Piece(match[0], link=True)]
        after = match.end()
    return [piece for piece in (*pieces, Piece(line[after:])) if piece.words]


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
    return {text: MAIL_TEXTS.text(f"{name}.{one}", language) for text, one in found.items()}


@cache
def wording(language: str) -> Wording:
    """Return the sentences of one of :data:`LANGUAGES`."""
    return Wording(language)
