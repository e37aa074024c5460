"""By which of their registrations somebody is told of an announcement, and by which other if that one ends first.

A mail that waits keeps its row and its number and only goes to another registration of its person. So nobody who is
still concerned misses it, and nobody gets it twice.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from services.notifications.domain.kinds import ANNOUNCED_KINDS, ATTENDING, LIVE
from services.notifications.domain.news import REMOTE_POSSIBLE
from services.notifications.store.announcements import NewAnnouncement, find_announcement
from services.notifications.store.audience import Addressee, readers_of, some_of
from services.notifications.store.bulletins import segment_of
from services.notifications.store.mails import WaitingMail, move_mail, waiting_mails
from services.notifications.store.recipients import hold_registrations
from shared.core.clock import Clock

BULLETIN, RECORDING = "bulletin", "recording-available"


def fitting(connection: Connection, announcement: NewAnnouncement) -> dict[str, Any]:
    """Registrations that an announcement concerns, as conditions for
    :func:`services.notifications.store.audience.some_of`.
    """
    if announcement.cause == "bulletin":
        return readers_of(segment_of(connection, announcement.number))
    if announcement.cause == "recording":
        return {"event": announcement.event, "form_kinds": list(ATTENDING), "statuses": ["confirmed"]}
    kinds = [*ATTENDING, "interest"] if announcement.detail["remote"] else list(ATTENDING)
    return {"event": announcement.event, "form_kinds": kinds, "statuses": list(LIVE)}


def cause_of(kind: str) -> str:
    """The cause of the announcement that a mail of this kind is of."""
    return {BULLETIN: "bulletin", RECORDING: "recording"}.get(kind, "news")


def kind_for(announcement: NewAnnouncement, person: Addressee) -> str:
    """The kind of the mail that tells ``person`` of an announcement."""
    if announcement.cause == "bulletin":
        return BULLETIN
    if announcement.cause == "recording":
        return RECORDING
    return REMOTE_POSSIBLE if person.form_kind == "interest" else str(announcement.detail["kind"])


def readdress(connection: Connection, clock: Clock, subject: str, person_ref: str, kinds: Sequence[str]) -> set[str]:
    """Let announcements that wait for a sender go by another registration of their person; returns the mails' ids.

    What no other registration fits stays as it is. A mail in a sender's hands is taken out of them, as long as the
    sender has not committed to hand it over: it names the old registration.

    Args:
        connection: of the caller's transaction, which has stored that the registration ended.
        clock: of the project.
        subject: id of the registration that ended.
        person_ref: whose it is.
        kinds: of mails that it makes untrue.
    """
    waiting = waiting_mails(connection, subject, [kind for kind in ANNOUNCED_KINDS if kind in kinds])
    if not waiting:
        return set()
    hold_registrations(connection, person_ref, subject)
    return {mail.id for mail in waiting if _readdress_one(connection, clock, mail, person_ref)}


def _readdress_one(connection: Connection, clock: Clock, mail: WaitingMail, person_ref: str) -> bool:
    announcement = find_announcement(connection, cause_of(mail.kind), mail.event, mail.number)
    if announcement is None:
        return False
    best = some_of(connection, {**fitting(connection, announcement), "person": person_ref}, "", 1)
    if not best:
        return False
    return move_mail(connection, mail.id, kind_for(announcement, best[0]), best[0].subject, clock())
