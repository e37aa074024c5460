"""What the model goes by: the programme, how long things last, and which mails are owed and true when."""

from datetime import timedelta
from typing import Any

from tests.support.clock import WEBINAR_WEEK

EVENTS = {"webinar": WEBINAR_WEEK + timedelta(days=16), "side-event": WEBINAR_WEEK + timedelta(days=25)}
"""When they begin, until they are moved."""

HOUR = timedelta(hours=1)
FORMS: dict[str, dict[str, Any]] = {
    "plain": {"kind": "webinar", "event": "webinar", "hold": None, "list": True, "capacity": 1, "notice": HOUR},
    "held": {"kind": "attendance", "event": "side-event", "hold": HOUR, "list": True, "capacity": 2, "notice": HOUR},
    "no-list": {"kind": "webinar", "event": "webinar", "hold": 24 * HOUR, "list": False, "capacity": 1, "notice": HOUR},
}
GRACE, ATTEMPTS_EVERY, USE_SHOWN = timedelta(days=7), timedelta(hours=24), timedelta(minutes=15)
STANDING, LIVE, ENDED = ("tentative", "confirmed"), ("confirmed", "waitlisted"), ("cancelled", "expired")
MAIL_OF = {"unverified": "verification", "confirmed": "confirmation", "waitlisted": "waiting-list"}
TRUE_WHILE = {
    "confirmation": ("confirmed",),
    "promotion": ("confirmed",),
    "waiting-list": ("waitlisted",),
    "cancelled-by-you": ("cancelled",),
    "verification": ("unverified",),
    "verification-again": ("unverified",),
    "attempt-repeated": LIVE,
}
"""Statuses under which each kind of mail about a registration says what is so."""
