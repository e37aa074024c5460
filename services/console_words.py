"""Words that the console of each service uses for the same codes."""

from collections.abc import Mapping

from shared.i18n.catalogue import country_name as country_name
from shared.i18n.catalogue import language_name as language_name
from shared.i18n.when import NO_BREAK as NO_BREAK
from shared.i18n.when import compact_instant as utc_text

__all__ = [
    "MAIL_KINDS",
    "NO_BREAK",
    "SEATS",
    "changed_since_opened",
    "changed_since_typed",
    "country_name",
    "language_name",
    "utc_text",
]

SEATS: Mapping[str, tuple[str, str]] = {
    "confirmed": ("Confirmed", "good"),
    "waitlisted": ("Waiting list", "mind"),
    "cancelled": ("Cancelled", ""),
    "offered": ("Seat offered", "mind"),
}
"""Word and tag class of each status of a registration."""

MAIL_KINDS: Mapping[str, str] = {
    "confirmation": "Confirmation",
    "waiting-list": "Waiting list",
    "promotion": "Seat from the waiting list",
    "seat-offered": "Seat offered",
    "offer-ended": "Offer of a seat ended",
    "cancelled-by-you": "Registration cancelled",
    "changed": "Registration changed",
    "link": "Personal link, sent again",
    "details": "Further details missing",
    "address-changed": "Address changed (to the old address)",
    "address-restored": "Address restored (to its owner)",
    "verification": "Request to confirm an address",
    "invitation": "Invitation of a colleague",
    "proposal-received": "Proposal received",
    "proposal-accepted": "Proposal accepted",
    "proposal-returned": "Proposal needs work",
    "proposal-declined": "Proposal declined",
    "proposal-scheduled": "Side event scheduled",
    "event-rescheduled": "New date",
    "event-postponed": "Postponed",
    "event-cancelled": "Event cancelled",
    "event-revived": "Event takes place after all",
    "event-confirmed": "Date confirmed",
    "event-changed": "Changed details",
    "remote-possible": "Remote attendance possible",
    "reminder-7-days": "Reminder, 7 days",
    "reminder-1-day": "Reminder, 1 day",
    "reminder-1-hour": "Reminder, 1 hour",
    "recording-available": "Recording available",
    "bulletin": "Bulletin",
    "bulletin-test": "Bulletin, test copy",
}
"""Kinds of mail in words."""


def changed_since_opened(what: str) -> str:
    """Return the notice for a page that shows an older revision of ``what`` (such as ``form``) than the stored one."""
    return f"This {what} was changed after you opened the page, so nothing was done. Check the current version."


def changed_since_typed(
    what: str, typed: Mapping[str, object], stored: Mapping[str, object], titles: Mapping[str, str]
) -> str:
    """Return the notice for a page that still shows what was typed, although ``what`` has changed since it was opened.

    Args:
        what: the kind of what was changed, such as ``form``.
        typed: the values that the page shows, by name.
        stored: the values of the stored revision, by name.
        titles: the titles of what is compared, by name.
    """
    differing = [title for name, title in titles.items() if typed.get(name) != stored.get(name)]
    where = f" It differs from the current version in: {', '.join(differing)}." if differing else ""
    return (
        f"This {what} was changed after you opened the page, so nothing was saved. "
        f"What you typed is still here.{where} Check it, then save again."
    )
