"""Turns what many people are to be told into mails, some people at a time. Killed anywhere, it goes on where it was.

Each chunk of mails is stored together with how far it reaches, and people come in the order of their references, each
once: by the registration that fits best. So one person gets one mail of an announcement whatever happens, also someone
who is on the delegation and has a seat of their own: the latter counts.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.notifications.domain.kinds import ALWAYS_TOLD, KINDS, NEWS_KINDS
from services.notifications.domain.mail import NewMail, mail_id_of
from services.notifications.domain.news import REMOTE_POSSIBLE, SHOWN_SINCE, News, is_news_untrue, news_of, told_after
from services.notifications.store.announcements import (
    NewAnnouncement,
    OpenAnnouncement,
    add_announcement,
    advance,
    next_open,
    supersede_news,
)
from services.notifications.store.audience import Addressee, some_of
from services.notifications.store.bulletin_mails import TakenRecipients, take_recipients
from services.notifications.store.events import KnownEvent, due_news, lock_event, mark_told, take_news
from services.notifications.store.mails import add_mail
from services.notifications.store.withdrawing import call_off_news
from services.notifications.usecases.addressing import fitting, kind_for
from shared.core.clock import Clock
from shared.core.failpoints import reach
from shared.core.ids import new_id
from shared.core.metrics import mails_total
from shared.store.unit_of_work import UnitOfWork

CHUNK = 200
"""People of one transaction."""

SUPERSEDED = "superseded by newer news of the event"


def decide_news(work: UnitOfWork, clock: Clock) -> bool:
    """Find what the changes of one event, if any are due, mean for people; returns whether there was one.

    Raises:
        Unavailable: the database is away; nothing is decided.
    """
    called_off: list[str] = []
    with work.transaction() as connection:
        now = clock()
        event = due_news(connection, now)
        if event is None:
            return False
        known, due = lock_event(connection, event), take_news(connection, event, now)
        if known is None or due is None:
            return True  # somebody else was faster, or another change came in between
        news = news_of(known.told, known.content)
        mark_told(connection, event, told_after(known.told, known.content))
        if news is not None:
            detail = _detail(news, known)
            new = NewAnnouncement(
                new_id(), "news", event, known.revision, detail, due.changed_at, now, due.correlation_id
            )
            add_announcement(connection, new)
            supersede_news(connection, event, known.revision, now)
            called_off = call_off_news(connection, event, known.revision, _superseded(known), SUPERSEDED, now)
        reach("schedule.decided")
    for kind in called_off:
        mails_total.labels(kind, "called_off").inc()
    return True


def announce_some(work: UnitOfWork, clock: Clock, mail_domain: str, chunk: int = CHUNK) -> int | None:
    """Make the next mails of an announcement; returns how many people it was, or None if nothing is left to announce.

    Args:
        work: on the service's database.
        clock: of the project.
        mail_domain: what Message-IDs end with.
        chunk: most people of one transaction.

    Raises:
        Unavailable: the database is away; the same people are next.
    """
    with work.transaction() as connection:
        now, current = clock(), next_open(connection)
        if current is None:
            return None
        taken = _next_people(connection, current, chunk)
        made = [_mail(current, person, mail_domain, now) for person in taken.people]
        mails = sum(add_mail(connection, mail) for mail in made)
        advance(connection, current.announcement.id, taken.reached, mails, None if taken.more else now)
        reach("schedule.chunk")
    reach("schedule.announced")
    return len(taken.people)


def _superseded(known: KnownEvent) -> list[str]:
    """Kinds of older news that newer ones replace: whoever only asked about remote attendance gets none of these."""
    return [kind for kind in NEWS_KINDS if kind != REMOTE_POSSIBLE or is_news_untrue(kind, known.content)]


def _detail(news: News, known: KnownEvent) -> dict[str, Any]:
    before = {name: known.told[name] for name in ("starts_at", "ends_at", "time_zone")}
    shown = known.content.get(SHOWN_SINCE, known.revision)
    return {"kind": news.kind, "remote": news.remote, "before": before, "shown": shown}


def _next_people(connection: Connection, current: OpenAnnouncement, most: int) -> TakenRecipients:
    """The next people. Those of a bulletin were stored when it was sent."""
    announcement = current.announcement
    if announcement.cause == "bulletin":
        return take_recipients(connection, announcement.number, current.reached, most)
    people = some_of(connection, _audience(connection, announcement), current.reached, most)
    return TakenRecipients(people, people[-1].person_ref if people else current.reached, len(people) == most)


def _audience(connection: Connection, announcement: NewAnnouncement) -> dict[str, Any]:
    """Conditions for :func:`services.notifications.store.audience.some_of`."""
    concerned = fitting(connection, announcement)
    if announcement.cause == "recording":
        return concerned
    concerned["heard_until"] = announcement.changed_at
    if announcement.detail["kind"] in ALWAYS_TOLD:
        return concerned
    return concerned | {"unknown_since": announcement.detail["shown"]}


def _mail(current: OpenAnnouncement, person: Addressee, mail_domain: str, now: datetime) -> NewMail:
    announcement = current.announcement
    kind = kind_for(announcement, person)
    mail_id = mail_id_of(kind, person.subject, announcement.number, person.person_ref)
    return NewMail(
        id=mail_id,
        kind=kind,
        subject=person.subject,
        revision=announcement.number,
        event=announcement.event,
        lane=KINDS[kind].lane,
        state="queued",
        reason=None,
        message_id=f"<{mail_id}@{mail_domain}>",
        cause_at=announcement.changed_at,
        created_at=now,
        correlation_id=announcement.correlation_id,
        detail=announcement.detail,
    )
