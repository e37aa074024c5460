"""Other people's text made harmless before it enters a mail: one line, no controls, nothing a client makes a link of.

What coordinators wrote is not defused: their links, addresses and line breaks reach people as they are.

Mail clients turn bare addresses into links by themselves, so escaping HTML is not enough: ``evil.example`` in a name
would be clickable in a mail that we signed. A space after the telling character is visible, readable and certain;
invisible joiners are dropped by some clients before they look for links.
"""

import re
import unicodedata
from collections.abc import Callable
from urllib.parse import urlsplit

_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_NO_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"
"""Zero-width (non-)joiner: part of correct spelling in Persian and in Indian scripts, so they stay."""

_DOTS = ".\uff0e\u3002\uff61\u2024"
"""The full stop and what IDNA reads as one (RFC 3490, section 3.1), and the one-dot leader."""

_BREAKS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(rf"[{_DOTS}](?=[^\s\d{_DOTS}][^\s{_DOTS}])"), r"\g<0> "),  # a name after a dot: evil.example
    (re.compile(rf"(?i)(?<=www)[{_DOTS}](?=\S)"), r"\g<0> "),
    (re.compile(r"\d{1,3}(?:\.\d{1,3}){3}"), lambda match: match[0].replace(".", ". ")),  # an address in numbers
    (re.compile(r"(?<=[^\W\d_]):(?=\S)"), ": "),  # scheme:
    (re.compile(r"\s?[@\uff20]\s?(?=\S)"), " @ "),
    (re.compile(r"/(?=/)"), "/ "),
)


def one_line(text: str, limit: int = 200) -> str:
    """``text`` on one line without control, format, surrogate or private characters, cut to ``limit`` characters."""
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
    """A coordinator's text on one line, whole and as it is but for controls, which no header may hold."""
    return "".join(" " if unicodedata.category(c) in _NO_TEXT else c for c in text).strip()


def safe_link(url: str | None) -> str | None:
    """``url`` if it is plain http(s) with a host, and holds nothing that ends a line, an attribute or a link."""
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
