"""Words that every service's console uses for the same codes, and one way to write a moment."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

from babel import Locale, UnknownLocaleError

NO_BREAK = "\N{NO-BREAK SPACE}"

SEATS: Mapping[str, tuple[str, str]] = {
    "confirmed": ("Confirmed", "good"),
    "waitlisted": ("Waiting list", "mind"),
    "cancelled": ("Cancelled", ""),
    "unverified": ("Unverified", "mind"),
    "expired": ("Expired", ""),
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


def utc_text(moment: datetime) -> str:
    """``moment`` (aware) as ``4 Mar 2020, 19:00 UTC``."""
    in_utc = moment.astimezone(UTC)
    return f"{in_utc.day}{NO_BREAK}{in_utc:%b %Y, %H:%M}{NO_BREAK}UTC"
