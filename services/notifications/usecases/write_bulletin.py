"""Drafts a bulletin and shows what it would be: counted people, and the mail as they would read it.

A preview has a mark, which is another one for any other content and any other people. Whoever sends names the mark of
the preview they have read, so that nothing goes out, and to nobody, but what somebody has looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from services.notifications.domain.bulletin import AGAIN, EVERYBODY, Texts, check_texts
from services.notifications.domain.segment import Segment, normal
from services.notifications.mail.content import Bulletin as BulletinText
from services.notifications.mail.content import MailContext, Recipient
from services.notifications.mail.rendering import write
from services.notifications.mail.wording import FALLBACK, language_for
from services.notifications.store.audience import Audience, LeftOut, measure_audience, measure_left_out, readers_of
from services.notifications.store.bulletins import (
    NEWEST,
    Bulletin,
    add_bulletin,
    count_bulletins,
    list_bulletins,
    read_bulletin,
    sent_before,
)
from services.notifications.usecases.unsubscribe import UNSUBSCRIBE_SAMPLE
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.ids import new_id
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What every mail has in common: ``public_url`` of the system, the sender's address and name."""

    public_url: str
    mail_from: str
    organiser: str


@dataclass(frozen=True, slots=True)
class SampleMail:
    """A bulletin's mail in one language."""

    language: str
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Preview:
    """A bulletin with what sending it now would do.

    Attributes:
        languages: people by the language of their registrations.
        left_out: people of the segment who do not get it.
        samples: its mail in each language that it has.
        sent_before: number of the latest bulletin with the same segment and texts that was sent; None if none was.
        mark: to be named when it is sent.
    """

    bulletin: Bulletin
    languages: Mapping[str, int]
    left_out: LeftOut
    samples: list[SampleMail]
    sent_before: int | None
    mark: str

    @property
    def audience(self) -> int:
        """People in all."""
        return sum(self.languages.values())

    @property
    def warnings(self) -> list[str]:
        """What whoever sends it has to confirm."""
        return warnings_of(self.bulletin, self.sent_before)

    @property
    def reads(self) -> Mapping[str, str]:
        """The language in which people read it, by the language of their registrations."""
        found = {language: language_for(language) for language in self.languages}
        return {language: own if own in self.bulletin.texts else FALLBACK for language, own in found.items()}


def draft_bulletin(work: UnitOfWork, clock: Clock, who: str, segment: Segment, texts: Texts) -> Bulletin:
    """Store a draft.

    Args:
        work: on the service's database.
        clock: of the project.
        who: drafts it.
        segment: whom it is for; an empty one is everybody.
        texts: ``{subject, text}`` by language; English is required.

    Raises:
        DomainError: ``bulletin-invalid``.
        Unavailable: the database is away; nothing is stored.
    """
    segment = normal(segment)
    check_texts(texts)
    bulletin_id = new_id()
    with work.transaction() as connection:
        now = clock()
        add_bulletin(connection, bulletin_id, segment, texts, now)
        note_deed(connection, Deed(who, "bulletin-drafted", "bulletin", bulletin_id), now)
        stored = read_bulletin(connection, bulletin_id)
    assert stored is not None
    return stored


def preview_bulletin(work: UnitOfWork, clock: Clock, bulletin_id: str, letterhead: Letterhead) -> Preview:
    """Count a bulletin's people and write its mail in each of its languages.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        bulletin = found(read_bulletin(connection, bulletin_id))
        audience = audience_of(connection, bulletin)
        left_out, before = measure_left_out(connection, bulletin.segment), sent_before(connection, bulletin_id)
    samples = [_sample(bulletin, language, letterhead, clock) for language in bulletin.texts]
    return Preview(bulletin, audience.languages, left_out, samples, before, mark_of(bulletin, audience))


def audience_of(connection: Connection, bulletin: Bulletin) -> Audience:
    """The people who would get a bulletin if it were sent now."""
    return measure_audience(connection, readers_of(bulletin.segment))


def warnings_of(bulletin: Bulletin, before: int | None) -> list[str]:
    """What has to be confirmed before a bulletin goes; ``before`` is the number of the same one that was sent."""
    return [*([] if bulletin.segment else [EVERYBODY]), *([] if before is None else [AGAIN])]


def mark_of(bulletin: Bulletin, audience: Audience) -> str:
    """The mark of a preview of ``bulletin`` for ``audience``: 64 hex digits."""
    return sha256(f"{bulletin.id} {bulletin.revision} {audience.print}".encode()).hexdigest()


def show_bulletin(work: UnitOfWork, bulletin_id: str) -> Bulletin:
    """One bulletin.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return found(read_bulletin(connection, bulletin_id))


def show_bulletins(work: UnitOfWork, wanted: Mapping[str, Any], limit: int, sort: str = NEWEST) -> list[Bulletin]:
    """Up to ``limit`` + 1 bulletins, see :func:`services.notifications.store.bulletins.list_bulletins`.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return list_bulletins(connection, wanted, sort, limit + 1)


def total_bulletins(work: UnitOfWork, wanted: Mapping[str, Any]) -> int:
    """How many bulletins fit.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return count_bulletins(connection, wanted)


def found(bulletin: Bulletin | None) -> Bulletin:
    """``bulletin``.

    Raises:
        DomainError: ``not-found``: there is none.
    """
    if bulletin is None:
        raise DomainError("not-found", "there is no such bulletin")
    return bulletin


def _sample(bulletin: Bulletin, language: str, letterhead: Letterhead, clock: Clock) -> SampleMail:
    recipient = Recipient("", "you@example.org", language, "", "")
    context = MailContext(
        mail_id=bulletin.id,
        kind="bulletin",
        recipient=recipient,
        event=None,
        public_url=letterhead.public_url.rstrip("/"),
        mail_from=letterhead.mail_from,
        organiser_name=letterhead.organiser,
        now=clock(),
        bulletin=BulletinText(**bulletin.texts[language]),
        unsubscribe=f"{letterhead.public_url.rstrip('/')}/u/{UNSUBSCRIBE_SAMPLE}",
    )
    text = write(context)
    return SampleMail(language, text.subject, text.plain, text.html)
