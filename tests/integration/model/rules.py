"""Rules of the model: the programme, periods, and which mails are due and correct when."""

from datetime import timedelta
from typing import Any

from tests.support.clock import WEBINAR_WEEK

EVENTS = {"webinar": WEBINAR_WEEK + timedelta(days=16), "side-event": WEBINAR_WEEK + timedelta(days=25)}
"""When they begin, until they are moved."""

HOUR = timedelta(hours=1)
FORMS: dict[str, dict[str, Any]] = {
    "at-once": {
        "kind": "webinar",
        "event": "webinar",
        "verify": "none",
        "list": True,
        "capacity": 1,
        "people": 3,
        "until": None,
    },
    "mailed": {
        "kind": "attendance",
        "event": "side-event",
        "verify": "email",
        "list": True,
        "capacity": 2,
        "people": 3,
        "until": "start",
    },
    "no-list": {
        "kind": "webinar",
        "event": "webinar",
        "verify": "email",
        "list": False,
        "capacity": 1,
        "people": 1,
        "until": None,
    },
}
NOTICE = HOUR
"""How long before the start the last person is promoted."""

OFFER_LASTS = 48 * HOUR
"""How long a seat is held for someone who has not answered."""

ANSWER_WAITS = timedelta(days=1)
"""How long after its end an offer is kept for an answer that was received in time and is not decided."""

SEAT_HELD, SEAT_FREE_BEFORE = timedelta(days=7), 24 * HOUR
MIN_TO_ACT, PROMOTED_HELD = 24 * HOUR, 48 * HOUR
"""How long a registration without verification holds its place unless its owner or a coordinator acts, and until when;
with less time to act it stays. Who gets a seat from the waiting list has longer."""

CANDIDATES, CANDIDATES_OF_A_NETWORK = 10, 2
RECEIPT_KEPT, CANDIDATE_AFTER_MAIL, CANDIDATE_AT_MOST = timedelta(days=8), timedelta(days=7), timedelta(days=14)
DIFFERENCE = timedelta(seconds=2)
"""Between the clocks of the decider and the database, at most."""

NETWORK_KEPT, LINK_KEPT, MAILBOX_QUIET = timedelta(days=1), timedelta(days=7), timedelta(days=1)
CONFIRMABLE, SEEN = timedelta(hours=24), timedelta(minutes=1)
ASKED_APART = timedelta(minutes=5)
"""Between two mails with a link to one person, at least."""

LIVE_LINKS = 5
"""Managing links of one person that open something: the newest ones."""

SPACING = (timedelta(minutes=5), timedelta(minutes=30), 2 * HOUR, 6 * HOUR, 12 * HOUR)
HELD_BACK = HOUR
"""How long a confirmation mail that was wanted first delays a managing link to the same mailbox."""

BATCHES = (200, 50, 12, 3, 1)
"""Submissions that are tried together, by the attempts of the first of them."""

TAKING_PLACE, LIVE = ("tentative", "confirmed"), ("confirmed", "waitlisted")
MAIL_OF = {"confirmed": "confirmation", "waitlisted": "waiting-list"}
TRUE_WHILE = {
    "confirmation": ("confirmed",),
    "promotion": ("confirmed",),
    "waiting-list": ("waitlisted",),
    "cancelled-by-you": ("cancelled",),
    "changed": LIVE,
    "seat-offered": ("waitlisted",),
    "offer-ended": ("waitlisted",),
}
"""Statuses under which each kind of mail about a registration is true."""
