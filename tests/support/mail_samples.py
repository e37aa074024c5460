"""Sample mails: each kind in each language. The event is the reference scenario's webinar."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from services.notifications.composing.model import (
    LATE_REMINDER,
    SIDE_EVENT,
    VARIANTS,
    WORDED_KINDS,
    BulletinText,
    CalendarEntry,
    EventCopy,
    MailContext,
    MailRecipient,
    PreviousTime,
)
from services.notifications.mails.kinds import (
    CANCELLED,
    DECISION_KINDS,
    INVITATION,
    KINDS,
    MANAGING_KINDS,
    RECEIVED,
    RECOVERY,
    REGISTRATIONS,
    REMINDER_KINDS,
    SCHEDULED,
)
from shared.calendar.event_news import NEWS_KINDS
from shared.vocabulary.form_kinds import PROPOSAL

SAMPLE_EVENT = EventCopy(
    id="upr-webinar-10",
    title="UPR Webinar Wednesday #10: advocacy with embassies and missions",
    summary="How to speak with embassies and permanent missions, and what to expect in Geneva.",
    starts_at=datetime(2020, 3, 4, 19, 0, tzinfo=UTC),
    ends_at=datetime(2020, 3, 4, 20, 30, tzinfo=UTC),
    time_zone="America/New_York",
    status="confirmed",
    mode="online",
    city=None,
    place=None,
    join_url="https://meet.example.org/upr-webinar-10",
    revision=1,
    series="upr-webinar-wednesday",
    series_number=10,
)
"""The webinar."""

REVIEW = replace(
    SAMPLE_EVENT,
    id="upr-review",
    title="Universal Periodic Review of the United States",
    starts_at=datetime(2020, 11, 9, 13, 30, tzinfo=UTC),
    ends_at=datetime(2020, 11, 9, 17, 0, tzinfo=UTC),
    time_zone="Europe/Zurich",
    mode="in_person",
    city="Geneva",
    place="Palais des Nations, Room XX",
    join_url=None,
    revision=2,
    series=None,
    series_number=None,
)
"""The review at its second date."""

_TITLE, _NOTE = "Housing after the floods", "Please name your speakers.\nTwo are enough."
SAMPLE = MailContext(
    mail_id="01900000-0000-7000-8000-000000000001",
    kind="confirmation",
    recipient=MailRecipient(
        name="A participant",
        address="participant@example.org",
        language="en",
        time_zone="Africa/Nairobi",
        token="sample-link-that-opens-nothing",
        view="sample-view",
        join="sample-join",
        position=3,
    ),
    event=SAMPLE_EVENT,
    entry=CalendarEntry("entry-of-the-sample", 1, True, "sample-view"),
    public_url="https://register.example.org",
    mail_from="coordinators@example.org",
    organiser_name="UPR coordinators",
    now=datetime(2020, 2, 27, 15, 0, tzinfo=UTC),
)
"""A context to start from: ``dataclasses.replace`` what matters."""

_BEFORE = PreviousTime(
    datetime(2020, 5, 11, 12, 30, tzinfo=UTC), datetime(2020, 5, 11, 16, 0, tzinfo=UTC), "Europe/Zurich"
)
_CONSOLE_LINK = "https://console.example.org/console/invitation/sample"
_BULLETIN = BulletinText(
    "Working groups: who speaks for you in the webinar?",
    "Five groups have nobody in Wednesday's webinar yet.\n\nPlease choose somebody and register them here:\n"
    "https://register.example.org/embed/upr-webinar-10\n\nWith thanks for all your work.",
)
_CHANGES: dict[str, dict[str, Any]] = {
    "event-rescheduled": {"event": REVIEW, "before": _BEFORE},
    "event-postponed": {
        "event": replace(REVIEW, status="postponed", starts_at=None, ends_at=None, last_starts_at=_BEFORE.starts_at)
    },
    "event-cancelled": {"event": replace(REVIEW, status="cancelled")},
    "event-revived": {"event": REVIEW},
    "event-confirmed": {"event": REVIEW},
    "event-changed": {"event": REVIEW},
    "remote-possible": {"event": replace(SAMPLE_EVENT, mode="hybrid", city="Geneva", place="Palais des Nations")},
    "seat-offered": {"until": datetime(2020, 3, 3, 19, 0, tzinfo=UTC)},
    "recording-available": {"recording": "https://videos.example.org/upr-webinar-10"},
}


def sample(kind: str, language: str, form_kind: str = "webinar") -> MailContext:
    """Return the sample context for a kind of mail, a language and a kind of form."""
    form_kind = PROPOSAL if kind in (RECEIVED, *DECISION_KINDS) else form_kind
    recipient = replace(SAMPLE.recipient, language=language, form_kind=form_kind)
    if kind not in MANAGING_KINDS and KINDS[kind].about == "registration":
        recipient = replace(recipient, token="")
    context = replace(SAMPLE, kind=kind, recipient=recipient, **_CHANGES.get(kind, {}))
    if form_kind == PROPOSAL:
        context = _proposed(context)
    if kind == CANCELLED and SAMPLE.entry is not None:
        return replace(context, entry=replace(SAMPLE.entry, seated=False))
    if kind == "bulletin":
        return replace(context, event=None, bulletin=_BULLETIN, unsubscribe="https://register.example.org/u/sample")
    if KINDS[kind].about == "confirmation":
        shown = form_kind if form_kind == REGISTRATIONS else "confirmation"
        return replace(context, event=None, entry=None, recipient=replace(recipient, name="", form_kind=shown))
    if kind == INVITATION:
        return _invited(replace(context, recipient=replace(recipient, name="", token=_CONSOLE_LINK)), form_kind)
    if KINDS[kind].about == "former-address":
        until = datetime(2020, 3, 5, 15, 0, tzinfo=UTC) if kind == "address-changed" else None
        return replace(context, entry=None, until=until)
    if form_kind == "delegation":
        return replace(context, event=REVIEW, attend=SAMPLE_EVENT)
    return replace(context, event=None, group="Housing") if form_kind == "working_group" else context


def _invited(context: MailContext, form_kind: str) -> MailContext:
    """Return the context for a colleague: an invitation, or a new link."""
    recipient = replace(context.recipient, form_kind=RECOVERY if form_kind == RECOVERY else INVITATION)
    until = datetime(2020, 3, 5, 15, 0, tzinfo=UTC)
    return replace(context, event=None, entry=None, recipient=recipient, title="A coordinator", until=until)


def _proposed(context: MailContext) -> MailContext:
    """Return the context for a proposer: some mails are about the resulting side event, others name the proposal."""
    recipient, note = (
        replace(context.recipient, address_confirmed=True),
        _NOTE if context.kind in DECISION_KINDS else "",
    )
    title = _TITLE if KINDS[context.kind].about == "registration" else ""
    context = replace(context, recipient=recipient, title=title, note=note)
    if context.kind not in (SCHEDULED, "recording-available", *NEWS_KINDS, *REMINDER_KINDS):
        return replace(context, event=None, entry=None)
    event = context.event if context.kind in NEWS_KINDS and context.event is not None else REVIEW
    return replace(context, event=replace(event, title=_TITLE, summary="", place="Room XXV", kind=SIDE_EVENT))


def contexts(language: str) -> Iterator[tuple[str, MailContext]]:
    """Yield name and context of every wording in a language, and of the bulletin."""
    for kind in (*WORDED_KINDS, "bulletin"):
        yield kind, sample(kind, language)
    yield LATE_REMINDER, replace(sample("reminder-1-day", language), late=True)
    for (text, form_kind), name in VARIANTS.items():
        late = text == LATE_REMINDER
        yield name, replace(sample("reminder-1-day" if late else text, language, form_kind), late=late)
