"""Words for what the console shows of mails."""

from collections import Counter
from collections.abc import Mapping, Sequence

from services.notifications.store.choices import FormName
from services.notifications.usecases.oversee import SegmentNames
from shared.web.console.words import country_name, language_name

KINDS: Mapping[str, str] = {
    "confirmation": "Confirmation",
    "waiting-list": "Waiting list",
    "promotion": "Seat from the waiting list",
    "seat-offered": "Seat offered",
    "offer-ended": "Offer of a seat ended",
    "cancelled-by-you": "Registration cancelled",
    "changed": "Registration changed",
    "link": "Own link again",
    "details": "Further details missing",
    "address-changed": "Address changed, to the former one",
    "address-restored": "Address no longer used, to its owner",
    "verification": "Confirmation asked for",
    "invitation": "Invitation of a colleague",
    "proposal-received": "Proposal received",
    "proposal-accepted": "Proposal accepted",
    "proposal-returned": "Proposal needs work",
    "proposal-declined": "Proposal declined",
    "proposal-scheduled": "Side event scheduled",
    "event-rescheduled": "New date",
    "event-postponed": "Postponed",
    "event-cancelled": "Event cancelled",
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
    "proposal": "Proposal of a side event",
    "working_group": "Working group",
    "interest": "Interest in remote attendance",
}


def form_title(name: FormName) -> str:
    """The name of a form in words: ``UPR Webinar Wednesday #10 (webinar)``, or its kind alone without an event."""
    kind = FORM_KINDS.get(name.kind, name.kind)
    return f"{name.event_title} ({kind.lower()})" if name.event_title else kind


def form_choices(names: Sequence[FormName]) -> list[tuple[str, str]]:
    """Slug and name of each form, by name; the slug is added where two forms are called the same."""
    titles = [form_title(name) for name in names]
    often = Counter(titles)
    pairs = ((name.form, title) for name, title in zip(names, titles, strict=True))
    return sorted(
        ((slug, f"{title}: {slug}" if often[title] > 1 else title) for slug, title in pairs), key=lambda pair: pair[1]
    )


def segment_value(part: str, value: str, names: SegmentNames) -> str:
    """The value of a part of a segment in words; what has no title that is known here stays as it is."""
    if part == "form":
        return form_title(names.form) if names.form else value
    if part == "form_kind":
        return FORM_KINDS.get(value, value)
    if part == "country":
        return country_name(value)
    return language_name(value) if part == "language" else names.titles.get(part, value)
