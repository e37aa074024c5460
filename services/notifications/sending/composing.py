"""A claimed mail becomes the bytes that go to the relay, or the reason why not. Must never log what it opens."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from services.notifications.domain.mail import Verdict
from services.notifications.mail.content import EventCopy, MailContext, MailKind, Recipient
from services.notifications.mail.mailbox import UnusableAddress
from services.notifications.mail.rendering import render
from services.notifications.sending.judging import failed, postponed, retried
from services.notifications.store.handovers import Claim
from shared.core.clock import Clock, parse_rfc3339
from shared.core.context import caused_by
from shared.core.logs import describe
from shared.core.sealing import Unsealable, Vault

log = logging.getLogger(__name__)

NO_EVENT = "the form has no event to write about"
EVENT_MISSING = "its event has not been heard of yet"
NOT_OPENED = "the recipient's entry does not open with the keys of the vault"
BAD_ADDRESS = "the address is not one mailbox"
NOT_COMPOSED = "the mail could not be composed"


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail ready to go: ``content`` to ``address``."""

    address: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Composer:
    """Writes mails.

    Attributes:
        vault: opens the recipient book.
        public_url: of the whole system, where personal links lead.
        mail_from: the sender's address.
        organiser: shown beside it.
        clock: of the project.
    """

    vault: Vault
    public_url: str
    mail_from: str
    organiser: str
    clock: Clock

    def compose(self, claim: Claim) -> Letter | Verdict:
        """The mail, or the verdict if there is none to send. Whatever is wrong with one mail stops no other."""
        with caused_by(claim.mail.correlation_id):
            return self._compose(claim)

    def _compose(self, claim: Claim) -> Letter | Verdict:
        mail, now = claim.mail, self.clock()
        if mail.event is None:
            return failed(mail, NO_EVENT, now)
        if claim.event is None:
            return postponed(mail, EVENT_MISSING, now)
        try:
            return self._write(claim, claim.event, now)
        except Unsealable:
            log.error("a recipient's entry does not open", extra={"mail_id": mail.id})
            return retried(mail, NOT_OPENED, now)  # a key that was forgotten can be put back
        except UnusableAddress:
            return failed(mail, BAD_ADDRESS, now)
        except Exception as error:  # noqa: BLE001 - the boundary of one mail, as the inbox is that of one message
            log.error("a mail could not be composed", extra={"mail_id": mail.id, "error": describe(error)})
            return retried(mail, NOT_COMPOSED, now)

    def _write(self, claim: Claim, event: Mapping[str, Any], now: datetime) -> Letter:
        recipient = _recipient(claim, self.vault)
        context = MailContext(
            mail_id=claim.mail.id,
            kind=cast(MailKind, claim.mail.kind),
            recipient=recipient,
            event=_event(event),
            public_url=self.public_url,
            mail_from=self.mail_from,
            organiser_name=self.organiser,
            now=now,
        )
        message = render(context)
        message.replace_header("Message-ID", claim.mail.message_id)  # as stored, though the sender's domain change
        return Letter(recipient.address, message.as_bytes())


def _recipient(claim: Claim, vault: Vault) -> Recipient:
    entry = claim.recipient
    personal = vault.open(entry.closed, row=entry.registration_id)
    return Recipient(
        registration_id=entry.registration_id,
        name=personal["name"],
        address=personal["address"],
        language=entry.language,
        time_zone=personal["time_zone"],
        token=personal["token"],
        revision=entry.revision,
        position=entry.position,
    )


def _event(content: Mapping[str, Any]) -> EventCopy:
    return EventCopy(
        id=content["id"],
        title=content["title"],
        summary=content["summary"],
        starts_at=_moment(content["starts_at"]),
        ends_at=_moment(content["ends_at"]),
        time_zone=content["time_zone"],
        status=content["status"],
        mode=content["mode"],
        city=content["city"],
        place=content["place"],
        join_url=content["join_url"],
        revision=content["revision"],
        series=content["series"],
        series_number=content["series_number"],
    )


def _moment(text: str | None) -> datetime | None:
    return parse_rfc3339(text) if text else None
