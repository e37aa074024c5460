"""Stylesheets put together from the shared parts and a page's own, and served so that no cache holds an old one."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from flask import Blueprint, Response

from shared.web.access import public

STATIC_FOLDER = Path(__file__).parent / "static"
KEPT_S = 365 * 24 * 3600
"""The address carries the mark of the content, so it may be kept for long."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One stylesheet; ``mark`` changes with its content."""

    text: str
    mark: str

    def address(self, path: str) -> str:
        """The address at which it is loaded, where ``path`` serves it."""
        return f"{path}?v={self.mark}"


def paper_sheet(own: Path) -> Sheet:
    """For pages that are one sheet of paper: forms, receipts, the page behind a link. ``own`` is a file."""
    return _sheet("questions.css", own)


def card_sheet(own: Path) -> Sheet:
    """For pages made of cards: lists and their details. ``own`` is a file."""
    return _sheet("cards.css", own)


def serve_sheet(blueprint: Blueprint, rule: str, sheet: Sheet) -> None:
    """Serve ``sheet`` to everybody under ``rule``."""

    def stylesheet() -> Response:
        response = Response(sheet.text, mimetype="text/css")
        response.cache_control.public, response.cache_control.max_age = True, KEPT_S
        return response

    blueprint.add_url_rule(rule, "stylesheet", public(stylesheet))


def _sheet(family: str, own: Path) -> Sheet:
    parts = (STATIC_FOLDER / "base.css", STATIC_FOLDER / family, own)
    text = "\n".join(part.read_text(encoding="utf-8") for part in parts)
    return Sheet(text, sha256(text.encode()).hexdigest()[:12])
