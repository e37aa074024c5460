"""Words for what the console shows of mails."""

from collections import Counter
from collections.abc import Mapping, Sequence

from services.notifications.store.choices import FormName
from services.notifications.usecases.oversee import SegmentNames
from shared.web.console.words import MAIL_KINDS, country_name, language_name

KINDS = MAIL_KINDS

STATES: Mapping[str, str] = {
    "queued": "Queued",
    "claimed": "Being sent",
    "sent": "Sent",
    "deferred": "Trying again",
    "unknown": "Unknown",
    "failed": "Failed",
    "suppressed": "Suppressed",
    "called_off": "Cancelled",
    "missed": "Missed",
    "bounced": "Bounced",
}

BULLETIN_STATES: Mapping[str, tuple[str, str]] = {
    "draft": ("Draft", "mind"),
    "scheduled": ("Scheduled", "mind"),
    "sending": ("Being sent", "mind"),
    "sent": ("Sent", "good"),
    "stopped": ("Stopped", ""),
}
"""Word and look of each state of a bulletin."""

OUTCOMES: Mapping[str, str] = {
    "waiting": "Waiting",
    "sent": "Sent",
    "deferred": "Trying again",
    "failed": "Failed",
    "unknown": "Unknown",
    "bounced": "Bounced",
    "suppressed": "Unsubscribed before",
    "called_off": "Cancelled",
    "unsubscribed": "Unsubscribed through this bulletin",
}

NOT_SENT: Mapping[str, str] = {
    "nobody": "It was not sent at the scheduled time: no person matched any more.",
    "access-ended": "It was not sent: the person who scheduled it may no longer send. Check it before you send it.",
    "late": "It was not sent: the scheduled time was more than a day ago.",
}

SEGMENT: Mapping[str, str] = {
    "event": "Registered for",
    "not_registered_for": "Not registered for",
    "working_group": "Working group",
    "representative": "Representative",
    "form_kind": "Kind of form",
    "form": "Form",
    "status": "Status",
    "partner": "Partner",
    "country": "Country",
    "language": "Language",
    "tag": "Tag",
    "mode": "Event takes place",
    "registration": "Chosen one by one",
}

STATUSES: Mapping[str, str] = {"confirmed": "Confirmed", "waitlisted": "Waiting list"}
MODES: Mapping[str, str] = {"online": "Online", "in_person": "In person", "hybrid": "Both online and in person"}

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


def partner_choices(slugs: Sequence[str], names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Slug and name of each partner, by name; the slug is added where two partners are called the same."""
    titles = {slug: names.get(slug, slug) for slug in slugs}
    often = Counter(titles.values())
    shown = ((slug, f"{title}: {slug}" if often[title] > 1 else title) for slug, title in titles.items())
    return sorted(shown, key=lambda pair: pair[1].casefold())


def segment_value(part: str, value: Sequence[str] | bool, names: SegmentNames) -> str:
    """The values of a part of a segment in words; what has no title that is known here stays as it is."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if part == "registration":
        return f"{len(value)} {'registration' if len(value) == 1 else 'registrations'}"
    return ", ".join(sorted(_value(part, one, names) for one in value))


def _value(part: str, value: str, names: SegmentNames) -> str:
    if part == "country":
        return country_name(value)
    if part == "language":
        return language_name(value)
    if value in names.titles.get(part, {}):
        return names.titles[part][value]
    if part in ("form", "not_registered_for") and value in names.forms:
        return form_title(names.forms[value])
    return {"form_kind": FORM_KINDS, "status": STATUSES, "mode": MODES}.get(part, {}).get(value, value)
