"""Takes in what happened to a registration: the recipient book is brought up to date and one mail is caused.

In any order of a registration's messages, and however often each comes, the same mails and the same entry result. A
message that causes a mail is never ignored: if it comes too late to be true, its mail is made and called off at once.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.notifications.domain.kinds import KINDS
from services.notifications.domain.mail import NewMail
from services.notifications.domain.truth import (
    ATTEMPT_REPEATED,
    SUPERSEDED,
    Standing,
    is_untrue,
    newer,
    untrue_kinds,
)
from services.notifications.store.mails import add_mail, call_off
from services.notifications.store.recipients import BookEntry, keep_entry, lock_standing
from shared.core.clock import Clock
from shared.core.ids import new_id
from shared.core.metrics import mails_total
from shared.core.sealing import Vault


@dataclass(frozen=True, slots=True)
class Contact:
    """What is personal: it stands in the table closed only."""

    name: str
    address: str
    token: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class ToldRegistration:
    """What one message says.

    Attributes:
        kind: of the mail it causes.
        number: the mail's revision: the registration's, or the number of the attempt.
        revision: the registration's.
        occurred_at: when it happened, aware UTC.
    """

    kind: str
    number: int
    registration_id: str
    revision: int
    status: str
    person_ref: str
    form: str
    event: str | None
    language: str
    position: int | None
    occurred_at: datetime
    contact: Contact
    correlation_id: str

    @property
    def standing(self) -> Standing:
        """The registration's state as told."""
        return Standing(self.revision, self.status)


def note_registration(
    connection: Connection, clock: Clock, vault: Vault, mail_domain: str, told: ToldRegistration
) -> None:
    """Bring the book up to date, make the mail, call off older mails that are untrue by now.

    Args:
        connection: of the message's own transaction.
        clock: of the project.
        vault: closes what is personal.
        mail_domain: what Message-IDs end with.
        told: by the message.
    """
    now = clock()
    known = lock_standing(connection, told.registration_id)
    if newer(known, told.standing, told.kind):
        keep_entry(connection, _entry(told, vault), now)
        known = told.standing
        _call_off_untrue(connection, told.registration_id, known, now)
    mail = _mail(told, known or told.standing, mail_domain, now)
    if add_mail(connection, mail) and mail.state == "called_off":
        mails_total.labels(mail.kind, "called_off").inc()


def _entry(told: ToldRegistration, vault: Vault) -> BookEntry:
    contact = told.contact
    personal = {
        "name": contact.name,
        "address": contact.address,
        "token": contact.token,
        "time_zone": contact.time_zone,
    }
    return BookEntry(
        registration_id=told.registration_id,
        person_ref=told.person_ref,
        form=told.form,
        event=told.event,
        language=told.language,
        status=told.status,
        revision=told.revision,
        position=told.position,
        closed=vault.close(personal, row=told.registration_id),
    )


def _call_off_untrue(connection: Connection, registration_id: str, known: Standing, now: datetime) -> None:
    kinds = untrue_kinds(known)
    for kind in call_off(connection, registration_id, known.revision, kinds, [ATTEMPT_REPEATED], SUPERSEDED, now):
        mails_total.labels(kind, "called_off").inc()


def _mail(told: ToldRegistration, known: Standing, mail_domain: str, now: datetime) -> NewMail:
    mail_id, untrue = new_id(), is_untrue(told.kind, told.number, known)
    return NewMail(
        id=mail_id,
        kind=told.kind,
        subject=told.registration_id,
        revision=told.number,
        recipient=told.person_ref,
        event=told.event,
        lane=KINDS[told.kind].lane,
        state="called_off" if untrue else "queued",
        reason=SUPERSEDED if untrue else None,
        message_id=f"<{mail_id}@{mail_domain}>",
        cause_at=told.occurred_at,
        created_at=now,
        correlation_id=told.correlation_id,
    )
