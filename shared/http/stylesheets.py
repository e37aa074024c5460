"""Stylesheets and scripts put together from their parts, and served so that no cache holds an old one."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from flask import Blueprint, Response

from shared.http.access import public

STATIC_FOLDER = Path(__file__).parent / "static"
_COMMENT = re.compile(r"(?:^[ ]*|[ ]+)/\*.*?\*/[ ]*$", re.MULTILINE | re.DOTALL)
_INDENT = re.compile(r"^\s+", re.MULTILINE)
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./[a-z]+\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
KEPT_S = 365 * 24 * 3600
"""The address carries the mark of the content, so it may be kept for long."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One stylesheet or script; ``mark`` changes with its content."""

    text: str
    mark: str

    def address(self, path: str) -> str:
        """The address at which it is loaded, where ``path`` serves it."""
        return f"{path}?v={self.mark}"


def paper_sheet(own: Path) -> Sheet:
    """For pages that are one sheet of paper: forms, receipts, the page behind a link. ``own`` is a file."""
    return _sheet("questions.css", own)


def card_sheet(own: Path) -> Sheet:
    """The stylesheet of pages with cards (lists and details); ``own`` is the file with the page's own rules."""
    return _sheet("cards.css", own)


def bundled(*files: Path) -> Sheet:
    """Return one script from modules, each after those that it imports, so that a page loads one file.

    No two modules may declare the same name at the top level, and none may import under another name.

    Raises:
        OSError: there is no such file.
    """
    modules = [file.read_text(encoding="utf-8") for file in files]
    return _made(plain(_EXPORT.sub("", _IMPORT.sub("", module))) for module in modules)


def serve_sheet(blueprint: Blueprint, rule: str, sheet: Sheet) -> None:
    """Serve ``sheet`` to everyone under ``rule``."""

    def stylesheet() -> Response:
        response = Response(sheet.text, mimetype="text/css")
        response.cache_control.public, response.cache_control.max_age = True, KEPT_S
        return response

    blueprint.add_url_rule(rule, "stylesheet", public(stylesheet))


def plain(source: str) -> str:
    """Return a stylesheet or script without indentation and comments; no text in it may have several lines.

    Comments are on separate lines, or at the ends of lines.
    """
    return _INDENT.sub("", _COMMENT.sub("", source))


def _sheet(family: str, own: Path) -> Sheet:
    parts = (STATIC_FOLDER / "base.css", STATIC_FOLDER / family, own)
    return _made(plain(part.read_text(encoding="utf-8")) for part in parts)


def _made(parts: Iterable[str]) -> Sheet:
    text = "".join(parts)
    return Sheet(text, sha256(text.encode()).hexdigest()[:12])
