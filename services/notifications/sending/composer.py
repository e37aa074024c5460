"""A claimed mail becomes the bytes for the relay, or the reason why not. Must never log decrypted data."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.notifications.composing.mime import UnusableAddress
from services.notifications.composing.model import (
    BulletinText,
    CalendarEntry,
    EventCopy,
    MailContext,
    MailRecipient,
    PreviousTime,
)
from services.notifications.composing.rendering import render
from services.notifications.composing.texts import FALLBACK
from services.notifications.mails.kinds import (
    BULLETIN_TEST,
    KINDS,
    RECORDING,
    SUPERSEDED,
    is_outdated,
)
from services.notifications.mails.model import STOPPED_REASON, HandoverOutcome
from services.notifications.recipients.model import NO_BULLETINS
from services.notifications.recipients.service import UNSUBSCRIBE_SAMPLE, make_unsubscribe_token
from services.notifications.rules.model import (
    EVENT_PAST,
    RECORDING_HIDDEN,
    is_date_of,
    is_late,
    is_news_outdated,
    is_past,
)
from services.notifications.sending.outcomes import cancelled, failed, held_back, postponed, retried, suppressed
from services.notifications.sending.store import Claim
from shared.calendar.entries import personal_key
from shared.db.readiness import CheckedClock
from shared.i18n.languages import Text, best_language
from shared.runtime.clock import parse_rfc3339
from shared.runtime.logs import caused_by, describe
from shared.security.sealing import Unsealable, Vault
from shared.vocabulary.form_kinds import GROUP_MEMBERSHIP, PROPOSAL

log = logging.getLogger(__name__)

NO_EVENT = "the form has no event to write about"
EVENT_MISSING = "its event is not known yet"
GROUP_MISSING = "its working group is not known yet"
NEWS_UNTRUE = "its content is outdated"
NEWS_KNOWN = "the person's confirmation contains this"
NOT_OPENED = "the recipient cannot be decrypted with the vault keys"
BAD_ADDRESS = "the address is not one mailbox"
DISCARDED = "the bulletin was discarded"
NOT_COMPOSED = "the mail could not be composed"


@dataclass(frozen=True, slots=True)
class ComposedMail:
    """A composed mail: ``content`` to ``address``."""

    address: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Composer:
    """Composes mails.

    Attributes:
        vault: decrypts recipients.
        links: encrypts unsubscribe links.
        public_url: the address of the whole system, for personal links.
        mail_from: address of the sender.
        organiser: name of the sender.
        clock: the process's clock, compared with the database's.
    """

    vault: Vault
    links: Vault
    public_url: str
    mail_from: str
    organiser: str
    clock: CheckedClock

    @property
    def vaults_of_links(self) -> Sequence[Vault]:
        """What opens unsubscribe links: those of bulletins from before links had a key open with that of recipients."""
        return self.links, self.vault

    def compose(self, claim: Claim) -> ComposedMail | HandoverOutcome:
        """Return the mail, or the outcome if there is none to send. An error of one mail does not stop others."""
        with caused_by(claim.mail.correlation_id):
            return self._compose(claim)

    def _compose(self, claim: Claim) -> ComposedMail | HandoverOutcome:
        mail, now = claim.mail, self.clock()
        outcome = unfit(claim, self.clock)
        if outcome is not None:
            return outcome
        try:
            return self._write(claim, now)
        except Unsealable:
            log.error("a recipient's entry does not open", extra={"mail_id": mail.id})
            return retried(mail, NOT_OPENED, self.clock)  # a missing key can be restored
        except UnusableAddress:
            return failed(mail, BAD_ADDRESS, now)
        except Exception as error:  # noqa: BLE001 - the boundary of one mail, as the inbox is that of one message
            log.error("a mail could not be composed", extra={"mail_id": mail.id, "error": describe(error)})
            return retried(mail, NOT_COMPOSED, self.clock)

    def _write(self, claim: Claim, now: datetime) -> ComposedMail:
        personal = self.vault.open(claim.personal, row=claim.recipient.subject)
        content, detail = self._content(claim), claim.detail or {}
        recipient = _recipient(claim, personal, content.get("token") or personal.get("token", ""))
        is_about_event = KINDS[claim.mail.kind].about_event
        bulletin, language = _bulletin(claim, recipient.language)
        entry = self._entry(claim, recipient.view)
        context = MailContext(
            mail_id=claim.mail.id,
            kind=claim.mail.kind,
            recipient=replace(recipient, language=language),
            event=_event(claim.event, language) if is_about_event and claim.event is not None else None,
            public_url=self.public_url.rstrip("/"),
            mail_from=self.mail_from,
            organiser_name=self.organiser,
            now=now,
            entry=entry,
            attend=_event(claim.attend, language) if claim.attend is not None else None,
            group=_in_language(claim.group, language) if claim.group is not None else None,
            before=_event_time(detail.get("before")),
            title=personal.get("title", ""),
            note=content.get("note", ""),
            recording=claim.resource["url"] if claim.resource is not None else None,
            bulletin=bulletin,
            unsubscribe=self._unsubscribe(claim, language) if bulletin is not None else None,
            late=_is_late(claim, now),
            until=_datetime(detail.get("until")),
            by_coordinator=bool(detail.get("by_coordinator")),
            promotion_mode=detail.get("promotion_mode", ""),
            lapsed=bool(detail.get("lapsed")),
        )
        # the Message-ID is as stored, though the sender's domain change
        return ComposedMail(recipient.address, render(context, claim.mail.message_id))

    def _content(self, claim: Claim) -> Mapping[str, str]:
        """Return the personal content of this mail only: the token of a managing link, a note, or nothing."""
        return {} if claim.closed is None else self.vault.open(claim.closed, row=claim.mail.id)

    def _entry(self, claim: Claim, own_view: str) -> CalendarEntry | None:
        """Return the person's calendar entry of the event; its link is that of the registration with the seat."""
        held, own = claim.held, claim.recipient
        if held is None or claim.mail.event is None:
            return None
        view = own_view
        if held.seat is not None and held.seat.subject != own.subject:
            view = self.vault.open(held.seat.closed, row=held.seat.subject)["view"]
        key = personal_key(own.person_ref, claim.mail.event)
        return CalendarEntry(key, held.changes, held.seat is not None, view, held.alarm_minutes)

    def _unsubscribe(self, claim: Claim, language: str) -> str:
        """Return the unsubscribe link; that of a test copy has no person."""
        token = UNSUBSCRIBE_SAMPLE
        if claim.mail.kind != BULLETIN_TEST:
            person_ref, number = claim.recipient.person_ref, claim.mail.revision
            token = make_unsubscribe_token(self.links, person_ref, language, self.clock(), number)
        return f"{self.public_url.rstrip('/')}/u/{token}"


def unfit(claim: Claim, clock: CheckedClock) -> HandoverOutcome | None:
    """Return the outcome of a mail that is not to be composed now (too early, outdated, not wanted); else None."""
    mail, recipient, now = claim.mail, claim.recipient, clock()
    if is_outdated(mail.kind, mail.revision, recipient.state):
        return cancelled(mail, SUPERSEDED, now)  # it became outdated during a handover that failed
    if claim.stopped and mail.kind == "bulletin":
        return cancelled(mail, STOPPED_REASON, now)
    if mail.kind == BULLETIN_TEST and claim.texts is None:
        return cancelled(mail, DISCARDED, now)
    if claim.suppressed:
        return suppressed(mail, NO_BULLETINS, now)
    if recipient.form_kind == GROUP_MEMBERSHIP and recipient.working_group is not None and claim.group is None:
        return postponed(mail, GROUP_MISSING, clock)
    kind = KINDS[mail.kind]
    if not kind.about_event:
        return None
    if mail.event is None:
        is_of_event = recipient.about == "registration" and recipient.form_kind not in (GROUP_MEMBERSHIP, PROPOSAL)
        return failed(mail, NO_EVENT, now) if is_of_event else None
    if claim.event is None:
        return postponed(mail, EVENT_MISSING, clock)
    if kind.of_event_state and is_news_outdated(mail.kind, claim.event):
        return cancelled(mail, NEWS_UNTRUE, now)
    if claim.sent_again and is_past(mail.kind, claim.event, now):
        return cancelled(mail, EVENT_PAST, now)
    if claim.known:
        return cancelled(mail, NEWS_KNOWN, now)
    if mail.kind == RECORDING and claim.resource is None:
        return held_back(mail, RECORDING_HIDDEN, clock)
    if kind.too_late == "start" and not is_date_of(claim.event, mail.revision):
        return cancelled(mail, NEWS_UNTRUE, now)
    return None


def _is_late(claim: Claim, now: datetime) -> bool:
    """Whether a reminder is so late that its words ("in one week") are wrong."""
    starts_at = None if claim.event is None else _datetime(claim.event["starts_at"])
    return starts_at is not None and is_late(claim.mail.kind, starts_at, now)


def _recipient(claim: Claim, personal: Mapping[str, str], token: str) -> MailRecipient:
    recipient = claim.recipient
    return MailRecipient(
        name=personal.get("name", ""),
        address=personal["address"],
        language=recipient.language,
        time_zone=personal.get("time_zone", ""),
        token=token,
        view=personal.get("view", ""),
        join=personal.get("join", ""),
        position=recipient.position,
        address_confirmed=recipient.verified,
        status=recipient.status,
        form_kind=recipient.form_kind,
    )


def _bulletin(claim: Claim, language: str) -> tuple[BulletinText | None, str]:
    """Return the text of the bulletin and its language: the recipient's language if available, else English."""
    if claim.texts is None:
        return None, language
    own = best_language(language)
    chosen = own if own in claim.texts else FALLBACK
    return BulletinText(claim.texts[chosen]["subject"], claim.texts[chosen]["text"]), chosen


def _event_time(content: Mapping[str, Any] | None) -> PreviousTime | None:
    if content is None or content["starts_at"] is None:
        return None
    return PreviousTime(parse_rfc3339(content["starts_at"]), _datetime(content["ends_at"]), content["time_zone"])


def _event(content: Mapping[str, Any], language: str) -> EventCopy:
    """Return the event with its texts in ``language``."""
    return EventCopy(
        id=content["id"],
        title=_in_language(content["title"], language),
        summary=_in_language(content["summary"], language),
        starts_at=_datetime(content["starts_at"]),
        ends_at=_datetime(content["ends_at"]),
        time_zone=content["time_zone"],
        status=content["status"],
        mode=content["mode"],
        city=content["city"],
        place=content["place"],
        join_url=content["join_url"],
        revision=content["revision"],
        series=content["series"],
        series_number=content["series_number"],
        last_starts_at=_datetime(content.get("last_starts_at")),
        last_ends_at=_datetime(content.get("last_ends_at")),
        kind=content["kind"],
    )


def _in_language(texts: Mapping[str, str], language: str) -> str:
    return Text.of(texts).in_language(best_language(language))


def _datetime(text: str | None) -> datetime | None:
    return parse_rfc3339(text) if text else None
