"""Use cases of recipients: readdress, change of address, erasure, unsubscribing, export of one person's data.

A registration that ends leaves its announcements to another registration of the same person that fits. A waiting mail
keeps its row and number, and uses the other registration. So the person misses nothing and gets nothing twice.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from services.notifications.mails.kinds import ANNOUNCED_KINDS, LIVE, RECORDING, REMINDER_KINDS
from services.notifications.mails.model import ERASED
from services.notifications.mails.store import (
    WaitingMail,
    cancel_all,
    cancel_duplicates,
    cancel_linked,
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
from services.notifications.recipients.store import (
    PERSONAL_TABLES,
    RecipientTombstone,
    Suppression,
    add_request,
    are_former_links_valid,
    carry_over,
    copy_suppression,
    hold_registrations,
    list_suppressions,
    lock_person_ref,
    lock_state,
    suppress,
    take_requests,
    unsuppress,
    upsert_tombstone,
)
from services.notifications.telemetry import mails_total
from shared.calendar.event_news import REMOTE_POSSIBLE
from shared.db.cleanup import erase_rows, export_rows, reasons_of
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError, Unavailable
from shared.security.audit_log import AuditRecord, add_audit_record
from shared.security.sealing import Unsealable, Vault
from shared.vocabulary.form_kinds import IN_CALENDARS, WAITING_FOR_REMOTE, notified_kinds

BULLETIN = "bulletin"


def audience_conditions(connection: Connection, announcement: Announcement) -> dict[str, Any]:
    """Return the registrations that an announcement concerns, as conditions for
    :func:`services.notifications.recipients.audience.list_audience`.
    """
    if announcement.cause == "bulletin":
        return bulletin_conditions(segment_of(connection, announcement.number))
    if announcement.cause == "recording":
        return {"event": announcement.event, "form_kinds": list(IN_CALENDARS), "statuses": ["confirmed"]}
    kinds = list(notified_kinds(remote=bool(announcement.detail["remote"])))
    return {"event": announcement.event, "form_kinds": kinds, "statuses": list(LIVE)}


def cause_of(kind: str) -> str:
    """Return the cause of the announcement of a mail of this kind."""
    return {BULLETIN: "bulletin", RECORDING: "recording"}.get(kind, "news")


def kind_for(announcement: Announcement, person: Addressee) -> str:
    """Return the kind of an announcement's mail to ``person``."""
    if announcement.cause == "bulletin":
        return BULLETIN
    if announcement.cause == "recording":
        return RECORDING
    return REMOTE_POSSIBLE if person.form_kind in WAITING_FOR_REMOTE else str(announcement.detail["kind"])


def readdress(connection: Connection, clock: Clock, subject: str, person_ref: str, kinds: Sequence[str]) -> set[str]:
    """Move unsent announcements to another registration of the person; returns the ids of the moved mails.

    A mail that fits no other registration does not change. A claimed mail is released, unless its handover has begun,
    because the claim names the old registration.

    Args:
        connection: the connection of the caller's transaction, in which the registration ended.
        clock: the source of the current time.
        subject: id of the registration that ended.
        person_ref: the reference of its person.
        kinds: the kinds of mail that are outdated by the end of the registration.
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


LINK_ENDED = "its link ended when the address changed"
SENT_TO_OTHER = "another registration of the person gets the mail"


def leave_address(connection: Connection, subject: str) -> None:
    """Prepare a registration for another address: lock the recipient, so that no mail is created for it.

    If the old address has another registration for the event, that one takes over the number of changes, because the
    number of their common calendar entry must not fall.
    """
    lock_person_ref(connection, subject)
    carry_over(connection, subject)


def follow_address(connection: Connection, clock: Clock, subject: str, before: str, after: str) -> None:
    """Readdress the unsent mails of a registration to its new address; none go to the former one.

    Mails with a managing link are cancelled: the change ends all links, and the mail about it contains a new one. A
    queued announcement or reminder stays with the former address if that has another registration in the audience, and
    is cancelled if the new address gets it by another registration. A suppression is copied to the new address.

    Args:
        connection: the connection of the message's own transaction, in which the new address is stored.
        clock: the source of the current time.
        subject: id of the registration.
        before: the reference of the former address.
        after: the reference of the new address.
    """
    now = clock()
    release_mails(connection, subject, now)
    readdress(connection, clock, subject, before, ANNOUNCED_KINDS)
    for kind in cancel_linked(connection, subject, LINK_ENDED, now):
        mails_total.labels(kind, "cancelled").inc()
    once = (*ANNOUNCED_KINDS, *REMINDER_KINDS)
    for kind in cancel_duplicates(connection, subject, after, once, SENT_TO_OTHER, now):
        mails_total.labels(kind, "cancelled").inc()
    change_person(connection, subject, before, after)
    copy_suppression(connection, before, after, now)


def erase_subject(connection: Connection, clock: Clock, tombstone: RecipientTombstone) -> None:
    """Erase a subject and leave a tombstone; doing it again changes nothing.

    Unsent mails are cancelled. If the same person has another registration, unsent announcements move to that one. A
    suppression remains: it is a keyed hash of the address, without which the person's choice would end with their data.

    Args:
        connection: the connection of the message's own transaction.
        clock: the source of the current time.
        tombstone: what remains.
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
    for kind in cancel_all(connection, tombstone.subject, ERASED, now):
        mails_total.labels(kind, "cancelled").inc()
    erase_rows(connection, PERSONAL_TABLES, {"subject": tombstone.subject, "reason": ERASED})


UNSUBSCRIBE_SAMPLE = "of-each-person-alone"
"""Replaces the token in previews of a bulletin."""

TOKEN_VALIDITY = timedelta(days=730)
_PURPOSE = "unsubscribe"
_DAYS_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_TOKEN_LENGTH = 1000
"""Characters of a token; real ones are much shorter."""
_FORM = r"[A-Za-z0-9_-]{140,240}"
"""Of a token: nonce, tag, and the reference with language, day and number as JSON, in base64url."""

REQUESTS_AT_ONCE = 100
"""Requests that one transaction of a sender carries out."""


@dataclass(frozen=True, slots=True)
class UnsubscribeLink:
    """The person of an unsubscribe link, and language and number of the bulletin that contained it."""

    person_ref: str
    language: str
    bulletin: int | None = None


def make_unsubscribe_token(
    vault: Vault, person_ref: str, language: str, now: datetime, bulletin: int | None = None
) -> str:
    """Return the token of a person's unsubscribe link in a bulletin: base64url, different each time.

    The token is the person's reference and language and the day, encrypted with a key for this one purpose, which opens
    no stored data. So it needs no table (which a dump would contain), outlives the person's registrations, follows the
    rotation of the key, and reveals nothing to a person who sees the link. A random token with its hash in a table does
    neither of the first two; one derived by HMAC would need a search through all people.

    It is valid for two years: RFC 8058 names no end, laws want a month at least, and a mailbox keeps a bulletin for
    longer. A person who finds no unsubscribe link that works reports the mail as spam, which harms all other mails. It
    can be used repeatedly: mail programs may send the request twice, and a person who steals one can only unsubscribe
    its owner, which coordinators see and can undo. An old key must stay in the file as long as its links are to work.
    """
    content = {"p": person_ref, "l": language, "d": (now - _DAYS_BEGIN).days, "b": bulletin}
    return _encoded(vault.close(content, row=_PURPOSE))


def read_unsubscribe_token(vault: Vault, token: str, now: datetime) -> UnsubscribeLink | None:
    """Return the content of a token; None if it is not ours, expired, or its key no longer exists.

    A token without a day is valid as long as its key.
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


def may_be_former(token: str) -> bool:
    """Whether a token looks like one made with the key of the recipients, before links had a key of their own."""
    return re.fullmatch(_FORM, token) is not None


def _encoded(closed: bytes) -> str:
    return base64.urlsafe_b64encode(closed).decode().rstrip("=")


def takes_former_links(work: UnitOfWork, clock: Clock) -> bool:
    """Whether there may be links that only senders can read.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return are_former_links_valid(connection, clock())


def request_unsubscribing(work: UnitOfWork, clock: Clock, token: str) -> None:
    """Store that the link with this token was used; the next sender carries it out before it sends another bulletin.

    Raises:
        Unavailable: the database is down, or too many requests wait; nothing is stored.
    """
    with work.transaction() as connection:
        is_stored = add_request(connection, token, clock())
    if not is_stored:
        raise Unavailable("too many unsubscribe requests wait", 60.0)


def carry_out_requests(work: UnitOfWork, vaults: Sequence[Vault]) -> int:
    """Unsubscribe the people whose links were used; a link that none of ``vaults`` opens has no effect.

    Returns:
        how many requests there were.

    Raises:
        Unavailable: the database is down; the requests wait.
    """
    with work.transaction() as connection:
        requests = take_requests(connection, REQUESTS_AT_ONCE)
        for token, used_at in requests:
            found = (read_unsubscribe_token(vault, token, used_at) for vault in vaults)
            link = next((link for link in found if link is not None), None)
            if link is not None:
                _leave(connection, link.person_ref, None, used_at, link.bulletin)
    return len(requests)


def unsubscribe(work: UnitOfWork, clock: Clock, person_ref: str, who: str) -> bool:
    """Stop sending bulletins to this person, on the order of ``who``; doing it again changes nothing.

    The next sender suppresses queued bulletins and publishes that.

    Args:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        person_ref: whose.
        who: name of the coordinator.

    Returns:
        whether the person was not suppressed before.

    Raises:
        Unavailable: the database is down; nothing is stored.
    """
    with work.transaction() as connection:
        now = clock()
        fresh = _leave(connection, person_ref, who, now)
        if fresh:
            add_audit_record(connection, AuditRecord(who, "suppression-added"), now)
    return fresh


def _leave(
    connection: Connection, person_ref: str, who: str | None, now: datetime, bulletin: int | None = None
) -> bool:
    fresh = suppress(connection, person_ref, who, now, bulletin)
    release_bulletins(connection, person_ref, now)
    return fresh


def resubscribe(work: UnitOfWork, clock: Clock, person_ref: str, who: str) -> None:
    """Send this person bulletins again, on the order of ``who``.

    Raises:
        DomainError: ``not-found``: the person gets them.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        if not unsuppress(connection, person_ref):
            raise DomainError("not-found", "this person is not suppressed")
        add_audit_record(connection, AuditRecord(who, "suppression-taken-back"), clock())


def suppressions(work: UnitOfWork, after: str, limit: int) -> list[Suppression]:
    """Return up to ``limit`` + 1 people who get no bulletins, in the order of their references.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return list_suppressions(connection, after, limit + 1)


LEFT_OUT = reasons_of(PERSONAL_TABLES)


def export_person(
    work: UnitOfWork, person_refs: Sequence[str], subjects: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows about a person by table.

    Args:
        work: the unit of work on the service's database.
        person_refs: references of the person in registration and events, 64 hex digits each.
        subjects: ids of registrations, confirmation links and former addresses, UUID texts.
    """
    with work.transaction() as connection:
        return export_rows(connection, PERSONAL_TABLES, {"refs": list(person_refs), "subjects": list(subjects)})
