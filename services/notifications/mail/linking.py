"""Plain text of coordinators as paragraphs of words and links: they wrote it, so their links are links."""

import re
from dataclasses import dataclass

from services.notifications.mail.defusing import safe_link, written_line

_LINK = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?()\]\u060c\u3002\uff0c]")


@dataclass(frozen=True, slots=True)
class Piece:
    """Words, or the address of a link; ``broken`` if a new line begins after it."""

    words: str
    link: bool = False
    broken: bool = False


def plain_text(pieces: list[Piece]) -> str:
    """A paragraph without markup."""
    return "".join(piece.words + "\n" * piece.broken for piece in pieces)


def pieces_of(text: str) -> list[list[Piece]]:
    """The paragraphs of ``text``, parted by empty lines; single ends of line stay."""
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
