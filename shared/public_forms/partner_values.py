"""What a file says of a partner's pages: parsers for ``partners.yaml``, which more than one service reads."""

import re
from typing import Any
from urllib.parse import urlsplit

from shared.i18n.languages import LANGUAGES
from shared.public_forms.theme import read_theme

_HOST = re.compile(r"[A-Za-z0-9.\-\[\]:]+")
"""As browsers send it: letters of other scripts as ``xn--``. It stands in a header, and a coordinator has to see it."""

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
