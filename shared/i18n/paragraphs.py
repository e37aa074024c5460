"""Plain texts of several lines as paragraphs, line breaks and links; markup in a text is shown as it was written.

A template writes the pieces and escapes each one. Only plain http and https addresses become links.
"""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import urlsplit

_NO_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})


def written_line(text: str) -> str:
    """Return a text on one line, unchanged except for control characters."""
    return "".join(" " if unicodedata.category(c) in _NO_TEXT else c for c in text).strip()


def safe_link(url: str | None) -> str | None:
    """Return ``url`` if it is plain http(s) with a host, without characters that end a line, attribute or link.

    An address with a user before the host is none: ``https://example.org@example.net`` looks like another host.
    """
    if not url or not re.fullmatch(r"[!#-;=?-\[\]_a-z~]+", url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc else None


_LINK = re.compile(r"(?i)https?://[^\s<>\"\u3000-\u303f\uff00-\uff65]+(?<![.,;:!?()\]'\u060c\u061b\u061f])")
"""An address up to the next space, quotation mark or East Asian punctuation, without the punctuation at its end."""


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
