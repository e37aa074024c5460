"""Words for what the console shows of mails."""

from collections.abc import Mapping

KINDS: Mapping[str, str] = {
    "confirmation": "Confirmation",
    "waiting-list": "Waiting list",
    "promotion": "Seat from the waiting list",
    "cancelled-by-you": "Registration cancelled",
    "attempt-repeated": "Registered already",
    "verification": "Confirm the address",
    "verification-again": "Confirm the address, again",
    "proposal-verification": "Confirm the address of a proposal",
    "proposal-received": "Proposal received",
    "proposal-accepted": "Proposal accepted",
    "proposal-returned": "Proposal needs work",
    "proposal-declined": "Proposal declined",
    "proposal-scheduled": "Side event placed",
    "proposal-moved": "Side event moved",
    "event-rescheduled": "New date",
    "event-postponed": "Postponed",
    "event-cancelled": "Called off",
    "event-revived": "Takes place after all",
    "event-confirmed": "Date confirmed",
    "event-changed": "Changed details",
    "remote-possible": "Remote attendance possible",
    "reminder-7-days": "Reminder, 7 days",
    "reminder-1-day": "Reminder, 1 day",
    "reminder-1-hour": "Reminder, 1 hour",
    "recording-available": "Recording available",
    "bulletin": "Bulletin",
}

STATES: Mapping[str, str] = {
    "queued": "Queued",
    "claimed": "Being sent",
    "sent": "Sent",
    "deferred": "Trying again",
    "unknown": "Unknown",
    "failed": "Failed",
    "suppressed": "Suppressed",
    "called_off": "Called off",
    "missed": "Missed",
    "bounced": "Bounced",
}

SEGMENT: Mapping[str, str] = {
    "event": "Registered for",
    "not_registered_for": "Not registered for",
    "form": "On the form",
    "form_kind": "On a form of the kind",
    "working_group": "In the working group",
    "partner": "Came through",
    "country": "From",
    "language": "Language",
}

FORM_KINDS: Mapping[str, str] = {
    "webinar": "Webinar",
    "attendance": "Attendance",
    "delegation": "Delegation",
    "working_group": "Working group",
    "interest": "Interest in remote attendance",
}
