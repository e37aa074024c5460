"""Words that every service's console uses for the same codes."""

from collections.abc import Mapping
from functools import cache

from babel import Locale, UnknownLocaleError

from shared.i18n.when import NO_BREAK as NO_BREAK
from shared.i18n.when import compact_instant as utc_text

__all__ = ["NO_BREAK", "SEATS", "country_name", "language_name", "utc_text"]

SEATS: Mapping[str, tuple[str, str]] = {
    "confirmed": ("Confirmed", "good"),
    "waitlisted": ("Waiting list", "mind"),
    "cancelled": ("Cancelled", ""),
    "offered": ("Seat offered", "mind"),
}
"""Word and look of each status of a registration."""


@cache
def _english() -> Locale:
    return Locale("en")


def country_name(code: str) -> str:
    """The country with an ISO 3166 code; the code itself if it is not known."""
    name: str = _english().territories.get(code, code)
    return name


@cache
def language_name(code: str) -> str:
    """The language with a BCP 47 code; the code itself if it is not known."""
    try:
        return Locale.parse(code, sep="-").get_display_name("en") or code
    except (ValueError, UnknownLocaleError):
        return code
