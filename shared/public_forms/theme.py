"""Themes: how a form appears in a partner's page, from an address or from ``partners.yaml``; every value is checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from shared.i18n.languages import LANGUAGES

Mode = Literal["auto", "light", "dark"]
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
RADIUS = re.compile(r"(?:[0-9]|[12][0-9]|3[0-2])(?:px)?")
FONT = re.compile(
    r"[A-Za-z][A-Za-z0-9-]*(?: [A-Za-z0-9-]+){0,4}(?:, ?[A-Za-z][A-Za-z0-9-]*(?: [A-Za-z0-9-]+){0,4}){0,4}"
)
MAX_FONT_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Theme:
    """Checked values; ``""`` leaves the default.

    Attributes:
        accent: colour of the button, ``#rrggbb``.
        radius: the radius of corners, ``0px`` to ``32px``.
        font: family names, comma-separated, of fonts that the reader's device has.
    """

    mode: Mode = "auto"
    accent: str = ""
    radius: str = ""
    font: str = ""

    def query(self) -> dict[str, str]:
        """The values as they travel in an address; defaults are left out."""
        pairs = {"theme": self.mode, "accent": self.accent, "radius": self.radius, "font": self.font}
        return {key: value for key, value in pairs.items() if value not in ("", "auto")}


PLAIN = Theme()
"""The default theme."""


def read_theme(values: Mapping[str, str]) -> Theme:
    """The theme in ``values`` (``theme``, ``accent``, ``radius``, ``font``); what is not valid is left out."""
    mode, accent = values.get("theme", "auto"), values.get("accent", "")
    radius, font = values.get("radius", ""), values.get("font", "")
    return Theme(
        mode=cast(Mode, mode) if mode in ("auto", "light", "dark") else "auto",
        accent=accent.lower() if COLOUR.fullmatch(accent) else "",
        radius=f"{radius.removesuffix('px')}px" if RADIUS.fullmatch(radius) else "",
        font=font if len(font) <= MAX_FONT_LENGTH and FONT.fullmatch(font) else "",
    )


def theme_css(theme: Theme) -> str:
    """The rules of a ``style`` element for ``theme``, ``""`` for the default. Nothing in it needs escaping."""
    properties = []
    if theme.accent:
        properties += [f"--troika-accent:{theme.accent}", f"--troika-on-accent:{_readable_on(theme.accent)}"]
    if theme.radius:
        properties.append(f"--troika-radius:{theme.radius}")
    if theme.font:
        properties.append(f"--troika-font:{theme.font},system-ui,sans-serif")
    return f":root:root{{{';'.join(properties)}}}" if properties else ""


def _readable_on(colour: str) -> str:
    """Black or white, whichever contrasts more with ``colour`` (WCAG 2.2 relative luminance): at least 4.5 to 1."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#000000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#ffffff"


_HOST = re.compile(r"[A-Za-z0-9.\-\[\]:]+")
"""As browsers send it: letters of other scripts as ``xn--``. A header contains it, and a coordinator has to see it."""

THEME_NAMES = ("accent", "radius", "font")


def origin(value: Any) -> str:
    """An exact origin.

    Raises:
        ValueError: it is none.
    """
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or f"{parts.scheme}://{parts.netloc}" != value:
        raise ValueError("an origin is required: scheme, host and port, nothing after")
    if not parts.hostname or not _HOST.fullmatch(parts.netloc):
        raise ValueError("an origin is required: scheme, host (as browsers send it, in ASCII) and port, nothing after")
    return str(value)


def origin_of(address: str) -> str:
    """The origin of the page at ``address``, as browsers write it: in lower case, without the default port.

    Raises:
        ValueError: it is no http or https address, or has a user, or a host that is not valid in an origin.
    """
    parts = urlsplit(address.strip())
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    host = parts.netloc.lower()
    if parts.port == usual:
        host = host.removesuffix(f":{usual}")
    return origin(f"{parts.scheme}://{host.removesuffix(':')}")


def theme_values(value: Any) -> dict[str, str]:
    """The values of a theme that can be used.

    Raises:
        ValueError: not a mapping of them, or one of them cannot be used.
    """
    if not isinstance(value, dict) or not set(value) <= set(THEME_NAMES):
        raise ValueError(f"a mapping with {', '.join(THEME_NAMES)} is required")
    unusable = [name for name, given in value.items() if not read_theme({name: str(given)}).query()]
    if unusable:
        raise ValueError(f"cannot be used: {', '.join(unusable)}")
    return {name: str(given) for name, given in value.items()}


def page_language(value: Any) -> str:
    """A language that pages have.

    Raises:
        ValueError: they have it not.
    """
    if value not in LANGUAGES:
        raise ValueError(f"one of {', '.join(LANGUAGES)} is required")
    return str(value)
