"""Drafts a bulletin and shows what it would be: counted people, and the mail as they would read it.

A preview has a mark, which is another one for any other content and any other people. Whoever sends names the mark of
the preview they have read, so that nothing goes out, and to nobody, but what somebody has looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection

from services.notifications.domain.bulletin import check_bulletin
from services.notifications.mail.content import Bulletin as BulletinText
from services.notifications.mail.content import MailContext, Recipient
from services.notifications.mail.rendering import write
from services.notifications.store.audience import Audience, measure_audience
from services.notifications.store.bulletins import Bulletin, add_bulletin, list_bulletins, read_bulletin
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.ids import new_id
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork

FIRST_PAGE = 2**31 - 1


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
    """A bulletin with the people it has now, by the language of their registrations, its mails and its mark."""

    bulletin: Bulletin
    languages: Mapping[str, int]
    samples: list[SampleMail]
    mark: str

    @property
    def audience(self) -> int:
        """People in all."""
        return sum(self.languages.values())


def draft_bulletin(
    work: UnitOfWork, clock: Clock, who: str, segment: Mapping[str, str], texts: Mapping[str, Mapping[str, str]]
) -> Bulletin:
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
    check_bulletin(segment, texts)
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
    samples = [_sample(bulletin, language, letterhead, clock) for language in bulletin.texts]
    return Preview(bulletin, audience.languages, samples, mark_of(bulletin, audience))


def audience_of(connection: Connection, bulletin: Bulletin) -> Audience:
    """The people who would get a bulletin if it were sent now."""
    return measure_audience(connection, {**bulletin.segment, "wants_bulletins": True})


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


def show_bulletins(work: UnitOfWork, before: int | None, limit: int) -> list[Bulletin]:
    """Up to ``limit`` + 1 bulletins with a number below ``before``, newest first.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return list_bulletins(connection, before or FIRST_PAGE, limit + 1)


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
        unsubscribe=f"{letterhead.public_url.rstrip('/')}/u/of-each-person-alone",
    )
    text = write(context)
    return SampleMail(language, text.subject, text.plain, text.html)
