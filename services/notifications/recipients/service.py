"""Use cases of recipients: readdress, change of address, erasure, unsubscribing, export of one person's data.

A registration that ends leaves its announcements to another registration of the same person that fits. A mail that
waits keeps its row and its number and goes by the other registration. So the person misses nothing and gets nothing
twice.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from services.notifications.mails.kinds import ANNOUNCED_KINDS, ATTENDING, LIVE, REMINDER_KINDS, REMOTE_POSSIBLE
from services.notifications.mails.model import ERASED
from services.notifications.mails.store import (
    WaitingMail,
    call_off_all,
    call_off_duplicates,
    call_off_linked,
    change_person,
    move_mail,
    release_bulletins,
    release_mails,
    waiting_mails,
)
from services.notifications.recipients.audience import (
    Addressee,
    Announcement,
    bulletin_conditions,
    find_announcement,
    list_audience,
    segment_of,
)
from services.notifications.recipients.model import NO_BULLETINS
from services.notifications.recipients.store import (
    PERSONAL_TABLES,
    RecipientTombstone,
    Suppression,
    carry_over,
    copy_suppression,
    hold_registrations,
    list_suppressions,
    lock_person_ref,
    lock_state,
    suppress,
    unsuppress,
    upsert_tombstone,
)
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.metrics import mails_total
from shared.core.sealing import Unsealable, Vault
from shared.store.deeds import Deed, note_deed
from shared.store.personal_tables import erase_rows, export_rows, reasons_of
from shared.store.unit_of_work import UnitOfWork

BULLETIN, RECORDING = "bulletin", "recording-available"


def audience_conditions(connection: Connection, announcement: Announcement) -> dict[str, Any]:
    """Registrations that an announcement concerns, as conditions for
    :func:`services.notifications.recipients.audience.list_audience`.
    """
    if announcement.cause == "bulletin":
        return bulletin_conditions(segment_of(connection, announcement.number))
    if announcement.cause == "recording":
        return {"event": announcement.event, "form_kinds": list(ATTENDING), "statuses": ["confirmed"]}
    kinds = [*ATTENDING, "interest"] if announcement.detail["remote"] else list(ATTENDING)
    return {"event": announcement.event, "form_kinds": kinds, "statuses": list(LIVE)}


def cause_of(kind: str) -> str:
    """The cause of the announcement that a mail of this kind is of."""
    return {BULLETIN: "bulletin", RECORDING: "recording"}.get(kind, "news")


def kind_for(announcement: Announcement, person: Addressee) -> str:
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
    best = list_audience(connection, {**audience_conditions(connection, announcement), "person": person_ref}, "", 1)
    if not best:
        return False
    return move_mail(connection, mail.id, kind_for(announcement, best[0]), best[0].subject, clock())


LINK_ENDED = "its link has ended with a change of address"
TOLD_BY_OTHER = "it is told by another registration"


def leave_address(connection: Connection, subject: str) -> None:
    """Prepare a registration for another address: its entry is locked, so that nobody makes a mail for it meanwhile.

    The old address may have another registration for the event: with it goes the count of changes, since the number of
    their one calendar entry must not fall.
    """
    lock_person_ref(connection, subject)
    carry_over(connection, subject)


def follow_address(connection: Connection, clock: Clock, subject: str, before: str, after: str) -> None:
    """Let everything of a registration that has not gone go to its new address.

    Args:
        connection: of the message's own transaction, in which the new address is stored.
        clock: of the project.
        subject: id of the registration.
        before, after: references of the two addresses.
    """
    now = clock()
    release_mails(connection, subject, now)
    readdress(connection, clock, subject, before, ANNOUNCED_KINDS)
    for kind in call_off_linked(connection, subject, LINK_ENDED, now):
        mails_total.labels(kind, "called_off").inc()
    once = (*ANNOUNCED_KINDS, *REMINDER_KINDS)
    for kind in call_off_duplicates(connection, subject, after, once, TOLD_BY_OTHER, now):
        mails_total.labels(kind, "called_off").inc()
    change_person(connection, subject, before, after)
    copy_suppression(connection, before, after, now)


def erase_subject(connection: Connection, clock: Clock, tombstone: RecipientTombstone) -> None:
    """Leave a tombstone in place of its subject; doing it again changes nothing.

    Args:
        connection: of the message's own transaction.
        clock: of the project.
        tombstone: what may remain.
    """
    now = clock()
    known = lock_state(connection, tombstone.subject)
    if known is not None and known.erased:
        return
    person_ref = lock_person_ref(connection, tombstone.subject)
    carry_over(connection, tombstone.subject)
    upsert_tombstone(connection, tombstone, now)
    if person_ref is not None and tombstone.about == "registration":
        readdress(connection, clock, tombstone.subject, person_ref, ANNOUNCED_KINDS)
    for kind in call_off_all(connection, tombstone.subject, ERASED, now):
        mails_total.labels(kind, "called_off").inc()
    erase_rows(connection, PERSONAL_TABLES, {"subject": tombstone.subject, "reason": ERASED})


WANTS_NONE = NO_BULLETINS
UNSUBSCRIBE_SAMPLE = "of-each-person-alone"
"""In place of a token, where a bulletin is shown to whoever writes it."""

TOKEN_VALIDITY = timedelta(days=730)
_PURPOSE = "unsubscribe"
_DAYS_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_TOKEN_LENGTH = 1000
"""Characters of a token, generously."""


@dataclass(frozen=True, slots=True)
class UnsubscribeLink:
    """Whom a link belongs to, and the language and the number of the bulletin that it stood in."""

    person_ref: str
    language: str
    bulletin: int | None = None


def make_unsubscribe_token(
    vault: Vault, person_ref: str, language: str, now: datetime, bulletin: int | None = None
) -> str:
    """The token of a person's link in the bulletin with this number: base64url, another one each time."""
    content = {"p": person_ref, "l": language, "d": (now - _DAYS_BEGIN).days, "b": bulletin}
    return _encoded(vault.close(content, row=_PURPOSE))


def read_unsubscribe_token(vault: Vault, token: str, now: datetime) -> UnsubscribeLink | None:
    """Whom a token belongs to; None if it is none of ours, two years old, or of a key that is gone.

    One without a day is from before they had one: it is good for as long as its key is.
    """
    if len(token) > _MAX_TOKEN_LENGTH:
        return None
    try:
        closed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        content = vault.open(closed, row=_PURPOSE)
    except (binascii.Error, ValueError, Unsealable):
        return None
    made_on = content.get("d")
    if _encoded(closed) != token or (made_on is not None and _DAYS_BEGIN + timedelta(made_on) + TOKEN_VALIDITY <= now):
        return None
    return UnsubscribeLink(content["p"], content["l"], content.get("b"))


def _encoded(closed: bytes) -> str:
    return base64.urlsafe_b64encode(closed).decode().rstrip("=")


def unsubscribe(
    work: UnitOfWork, clock: Clock, person_ref: str, who: str | None = None, bulletin: int | None = None
) -> bool:
    """Send this person no bulletins from now on; doing it again changes nothing.

    Those that wait are suppressed by the next sender, with the message that says so.

    Args:
        work: on the service's database.
        clock: of the project.
        person_ref: whose.
        who: name of the coordinator who says so; None: the person themselves, by the link.
        bulletin: number of the bulletin that the link stood in.

    Returns:
        whether it was not so before.

    Raises:
        Unavailable: the database is away; nothing is stored.
    """
    with work.transaction() as connection:
        now = clock()
        fresh = suppress(connection, person_ref, who, now, bulletin)
        release_bulletins(connection, person_ref, now)
        if fresh and who is not None:
            note_deed(connection, Deed(who, "suppression-added"), now)
    return fresh


def resubscribe(work: UnitOfWork, clock: Clock, person_ref: str, who: str) -> None:
    """Send this person bulletins again, as ``who`` says.

    Raises:
        DomainError: ``not-found``: the person gets them.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        if not unsuppress(connection, person_ref):
            raise DomainError("not-found", "this person is not suppressed")
        note_deed(connection, Deed(who, "suppression-taken-back"), clock())


def suppressions(work: UnitOfWork, after: str, limit: int) -> list[Suppression]:
    """Up to ``limit`` + 1 people who get no bulletins, in the order of their references.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return list_suppressions(connection, after, limit + 1)


LEFT_OUT = reasons_of(PERSONAL_TABLES)


def export_person(
    work: UnitOfWork, person_refs: Sequence[str], subjects: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows about a person by table.

    Args:
        work: on the service's database.
        person_refs: as registration and events know the person, 64 hex digits each.
        subjects: ids of registrations, confirmation links and former addresses, UUID texts.
    """
    with work.transaction() as connection:
        return export_rows(connection, PERSONAL_TABLES, {"refs": list(person_refs), "subjects": list(subjects)})
