"""Use cases of rules: store copies of events, decide on news, create mails from announcements and dates.

The service stores each event, so that mails about it can be sent while the events service is down. A change that
participants see makes news. News wait for a short time, so that several changes in a row make one mail. Reminders of a
date that is no longer valid are cancelled at once, and so are requests for details when the event does not take place.

A chunk of mails is committed together with the progress of its announcement, and people come in the order of their
references, each once. So each person always gets one mail of an announcement, also a person who is on the delegation
and has a seat; then the seat counts. A process that is killed loses nothing.

Planning repeats until a reminder is due, so it includes people who register later. An event without a date, or one that
does not take place, gets no reminders.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.notifications.mails.kinds import DETAILS, KINDS, REMINDER_KINDS, TAKING_PLACE
from services.notifications.mails.model import NewMail, mail_id_of
from services.notifications.mails.store import (
    add_mail,
    add_reminder,
    cancel_news,
    cancel_reminders,
    make_held_due,
    miss_expired,
)
from services.notifications.recipients.audience import (
    Addressee,
    Announcement,
    OpenAnnouncement,
    TakenRecipients,
    add_announcement,
    advance_announcement,
    list_audience,
    lock_next_announcement,
    supersede_news,
    take_recipients,
)
from services.notifications.recipients.service import audience_conditions, kind_for
from services.notifications.rules.model import (
    RECORDING_HIDDEN,
    SHOWN_SINCE,
    News,
    PlannedReminder,
    are_over,
    date_of,
    differs,
    is_news_outdated,
    is_recording_of,
    known_after,
    minute_of,
    news_of,
    planned_reminders,
    reminder_horizon,
)
from services.notifications.rules.store import (
    KnownEvent,
    due_news,
    lock_event,
    mark_announced,
    open_news_since,
    take_news,
    upcoming_events,
    upsert_copy,
    upsert_event,
    upsert_news,
)
from services.notifications.telemetry import mails_total
from shared.calendar.event_news import NEWS_KINDS, REMOTE_POSSIBLE, due_after
from shared.db.unit_of_work import UnitOfWork
from shared.i18n.languages import Text
from shared.runtime.clock import Clock, parse_rfc3339, rfc3339
from shared.runtime.failpoints import reach
from shared.runtime.ids import new_id
from shared.vocabulary.form_kinds import IN_CALENDARS

MOVED = "the event takes place at another time, or not at all"


def handle_event(connection: Connection, clock: Clock, data: Mapping[str, Any], correlation_id: str) -> None:
    """Store the event unless the same or a newer revision is stored, and open news if participants see a change.

    Args:
        connection: the connection of the message's own transaction.
        clock: the source of the current time.
        data: validated data of the message, with aware datetimes.
        correlation_id: the correlation id of the message.
    """
    known = lock_event(connection, data["id"])
    if known is not None and data["revision"] <= known.revision:
        return
    now, content = clock(), plain(data) | _last_date(known)
    content[SHOWN_SINCE] = _shown_since(known, content)
    upsert_event(connection, data["id"], data["revision"], content, now)
    if known is None:
        return
    _cancel_reminders(connection, data["id"], content, now)
    began_at = open_news_since(connection, data["id"])
    if began_at is not None or differs(known.announced, content):
        upsert_news(connection, data["id"], now, due_after(began_at or now, now), correlation_id)


def plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """Validated data as JSON values."""
    return {name: _plain(value) for name, value in data.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Text):
        return value.as_mapping
    return rfc3339(value) if isinstance(value, datetime) else value


def _last_date(known: KnownEvent | None) -> dict[str, Any]:
    """The last date that calendars may contain, for an event that has none now."""
    if known is None:
        return {}
    before = known.content
    if date_of(before) is not None:
        return {"last_starts_at": before["starts_at"], "last_ends_at": before["ends_at"]}
    return {name: before[name] for name in ("last_starts_at", "last_ends_at") if name in before}


def _shown_since(known: KnownEvent | None, content: Mapping[str, Any]) -> int:
    """The revision of the last change that participants see."""
    if known is None or differs(known.content, content):
        return int(content["revision"])
    return int(known.content.get(SHOWN_SINCE, known.revision))


def _cancel_reminders(connection: Connection, event_id: str, content: Mapping[str, Any], now: datetime) -> None:
    """Cancel all reminders except those of the current date; requests for details if the event does not take place."""
    takes_place = content["status"] in TAKING_PLACE
    date = date_of(content) if takes_place else None
    kept = minute_of(parse_rfc3339(date)) if date else 0
    kinds = REMINDER_KINDS if takes_place else (*REMINDER_KINDS, DETAILS)
    for kind in cancel_reminders(connection, event_id, kinds, kept, MOVED, now):
        mails_total.labels(kind, "cancelled").inc()


FIRST_RECORDING = 1
"""The number of the only announcement of a recording: another language or a better version causes no mail."""


def upsert_working_group(connection: Connection, clock: Clock, data: Mapping[str, Any]) -> None:
    """Store a working group unless the same or a newer revision is stored.

    Args:
        connection: the connection of the message's own transaction.
        clock: the source of the current time.
        data: validated data of the message.
    """
    upsert_copy(connection, "working_group_copy", data["id"], data["revision"], plain(data), clock())


def upsert_form(connection: Connection, clock: Clock, data: Mapping[str, Any]) -> None:
    """Store what mails need of a form unless the same or a newer revision is stored."""
    content = {"alarm_minutes": data["alarm_minutes"]}
    upsert_copy(connection, "form_copy", data["id"], data["revision"], content, clock())


def upsert_partner(connection: Connection, clock: Clock, data: Mapping[str, Any]) -> None:
    """Store the name of a partner unless the same or a newer revision is stored."""
    upsert_copy(connection, "partner_copy", data["slug"], data["revision"], {"name": data["name"]}, clock())


def handle_resource(connection: Connection, clock: Clock, data: Mapping[str, Any], correlation_id: str) -> None:
    """Store a resource unless the same or a newer revision is stored, and announce the first recording of an event.

    People with a seat get the mail. Slides, briefs, and resources of a series or a city are on the public pages and
    make no mail. Mails that wait because the recording was hidden are sent with this one.

    Args:
        connection: the connection of the message's own transaction.
        clock: the source of the current time.
        data: validated data of the message.
        correlation_id: the correlation id of the message.
    """
    now, content = clock(), plain(data)
    is_newest = upsert_copy(connection, "resource_copy", data["id"], data["revision"], content, now)
    if not is_newest or not is_recording_of(content, data["event"]):
        return
    detail = {"resource": data["id"]}
    announcement = Announcement(new_id(), "recording", data["event"], FIRST_RECORDING, detail, now, now, correlation_id)
    add_announcement(connection, announcement)
    make_held_due(connection, data["event"], RECORDING_HIDDEN, now)


CHUNK = 200
"""Maximum number of people in one transaction."""

SUPERSEDED_BY_NEWS = "superseded by a newer change of the event"


def decide_news(work: UnitOfWork, clock: Clock) -> bool:
    """Decide on the due news of one event; returns whether there was one.

    Raises:
        Unavailable: the database is down; nothing is decided.
    """
    cancelled: list[str] = []
    with work.transaction() as connection:
        now = clock()
        event = due_news(connection, now)
        if event is None:
            return False
        known, due = lock_event(connection, event), take_news(connection, event, now)
        if known is None or due is None:
            return True  # another scheduler took it, or another change arrived
        if are_over(known.announced, known.content, min(due.began_at, now)):
            return True  # what people know stays: a date to come is compared with it
        news = news_of(known.announced, known.content)
        mark_announced(connection, event, known_after(known.announced, known.content))
        if news is not None:
            detail = _detail(news, known)
            new = Announcement(new_id(), "news", event, known.revision, detail, due.changed_at, now, due.correlation_id)
            add_announcement(connection, new)
            supersede_news(connection, event, known.revision, now)
            cancelled = cancel_news(connection, event, known.revision, _superseded(known), SUPERSEDED_BY_NEWS, now)
        reach("schedule.decided")
    for kind in cancelled:
        mails_total.labels(kind, "cancelled").inc()
    return True


def announce_some(work: UnitOfWork, clock: Clock, mail_domain: str, chunk: int = CHUNK) -> int | None:
    """Create the next mails of an announcement; returns the number of people, or None if no announcement is open.

    Args:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        mail_domain: what Message-IDs end with.
        chunk: maximum number of people in one transaction.

    Raises:
        Unavailable: the database is down; the same people come next.
    """
    with work.transaction() as connection:
        now, current = clock(), lock_next_announcement(connection)
        if current is None:
            return None
        taken = _next_people(connection, current, chunk)
        made = [_announcement_mail(current, person, mail_domain, now) for person in taken.people]
        mails = sum(add_mail(connection, mail) for mail in made)
        advance_announcement(connection, current.announcement.id, taken.reached, mails, None if taken.more else now)
        reach("schedule.chunk")
    reach("schedule.announced")
    return len(taken.people)


def _superseded(known: KnownEvent) -> list[str]:
    """Kinds of older news that newer ones replace. People who only asked about remote attendance get none of these."""
    return [kind for kind in NEWS_KINDS if kind != REMOTE_POSSIBLE or is_news_outdated(kind, known.content)]


def _detail(news: News, known: KnownEvent) -> dict[str, Any]:
    before = {name: known.announced[name] for name in ("starts_at", "ends_at", "time_zone")}
    shown = known.content.get(SHOWN_SINCE, known.revision)
    return {"kind": news.kind, "remote": news.remote, "before": before, "shown": shown}


def _next_people(connection: Connection, current: OpenAnnouncement, limit: int) -> TakenRecipients:
    """The next people of an announcement. The audience of a bulletin was stored when it was sent."""
    announcement = current.announcement
    if announcement.cause == "bulletin":
        return take_recipients(connection, announcement.number, current.reached, limit)
    people = list_audience(connection, _conditions(connection, announcement), current.reached, limit)
    return TakenRecipients(people, people[-1].person_ref if people else current.reached, len(people) == limit)


def _conditions(connection: Connection, announcement: Announcement) -> dict[str, Any]:
    """Conditions for :func:`services.notifications.recipients.audience.list_audience`."""
    concerned = audience_conditions(connection, announcement)
    if announcement.cause == "recording":
        return concerned
    concerned["received_until"] = announcement.changed_at
    if not KINDS[announcement.detail["kind"]].replaceable:
        return concerned
    return concerned | {"unknown_since": announcement.detail["shown"]}


def _announcement_mail(current: OpenAnnouncement, person: Addressee, mail_domain: str, now: datetime) -> NewMail:
    announcement = current.announcement
    kind = kind_for(announcement, person)
    mail_id = mail_id_of(kind, person.subject, announcement.number, person.person_ref)
    return NewMail(
        id=mail_id,
        kind=kind,
        subject=person.subject,
        revision=announcement.number,
        event=announcement.event,
        message_id=f"<{mail_id}@{mail_domain}>",
        cause_at=announcement.changed_at,
        created_at=now,
        correlation_id=announcement.correlation_id,
        detail=announcement.detail,
    )


LATE = "its time has passed"


def plan_reminders(work: UnitOfWork, now: datetime, mail_domain: str) -> int:
    """Create the reminders that are to be planned now; returns their number.

    Args:
        work: the unit of work on the service's database.
        now: compared with the database's time.
        mail_domain: what Message-IDs end with.

    Raises:
        Unavailable: the database is down; try again later.
    """
    with work.transaction() as connection:
        events = upcoming_events(connection, rfc3339(now), rfc3339(now + reminder_horizon()))
    starts = [(event, content["starts_at"]) for event, content in events]
    made = 0
    for event, starts_at in starts:
        for planned in planned_reminders(parse_rfc3339(starts_at), now):
            made += _plan_one(work, now, mail_domain, event, planned)
    return made


def miss_reminders(work: UnitOfWork, now: datetime) -> int:
    """Mark reminders as missed whose time has passed by ``now``, a checked time; returns their number.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        missed = miss_expired(connection, now, LATE)
    for kind in missed:
        mails_total.labels(kind, "missed").inc()
    return len(missed)


def _plan_one(work: UnitOfWork, now: datetime, mail_domain: str, event: str, planned: PlannedReminder) -> int:
    wanted = {
        "event": event,
        "form_kinds": list(IN_CALENDARS),
        "statuses": ["confirmed"],
        "received_before": planned.due_at,
        "without": planned.kind,
        "number": planned.number,
    }
    made, after = 0, ""
    while True:
        with work.transaction() as connection:
            people = list_audience(connection, wanted, after, CHUNK)
            made += sum(
                add_reminder(connection, _reminder_mail(event, planned, person, mail_domain, now)) for person in people
            )
            reach("schedule.reminders")
        if len(people) < CHUNK:
            return made
        after = people[-1].person_ref


def _reminder_mail(event: str, planned: PlannedReminder, person: Addressee, mail_domain: str, now: datetime) -> NewMail:
    mail_id = mail_id_of(planned.kind, person.subject, planned.number, person.person_ref)
    return NewMail(
        id=mail_id,
        kind=planned.kind,
        subject=person.subject,
        revision=planned.number,
        event=event,
        message_id=f"<{mail_id}@{mail_domain}>",
        cause_at=planned.due_at,
        created_at=now,
        correlation_id="",
        due_at=planned.due_at,
        expires_at=planned.expires_at,
    )
