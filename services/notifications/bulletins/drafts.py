"""Use cases of drafts: write, change, discard, and preview with the number of people.

A preview has a mark, which is different for any other content and any other people. The order to send names the mark of
the preview that the sender has read. So only previewed bulletins are sent.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast

from sqlalchemy import Connection, text

from services.notifications.bulletins.model import AGAIN, EVERYONE, SCHEDULED, Texts, check_texts
from services.notifications.bulletins.store import (
    NEWEST,
    Bulletin,
    add_bulletin,
    change_bulletin,
    count_bulletins,
    discard_bulletin,
    list_bulletins,
    lock_bulletin,
    read_bulletin,
    sent_before,
)
from services.notifications.composing.model import BulletinText as BulletinText
from services.notifications.composing.model import MailContext, MailRecipient
from services.notifications.composing.rendering import write
from services.notifications.composing.texts import FALLBACK
from services.notifications.recipients.audience import (
    BulletinAudience,
    LeftOut,
    bulletin_conditions,
    count_audience,
    count_left_out,
)
from services.notifications.recipients.model import Segment, normalized
from services.notifications.recipients.service import UNSUBSCRIBE_SAMPLE
from shared.db.known_values import require_known
from shared.db.unit_of_work import UnitOfWork
from shared.i18n.languages import best_language
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_id
from shared.security.audit_log import AuditRecord, add_audit_record
from shared.security.sealing import Vault


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What all mails have in common: ``public_url`` of the system, address and name of the sender."""

    public_url: str
    mail_from: str
    organiser: str


@dataclass(frozen=True, slots=True)
class BulletinContext:
    """Attributes:
    work: the unit of work on the service's database.
    clock: the source of the current time.
    letterhead: the letterhead of sample mails.
    vault: encrypts the addresses of test copies.
    mail_domain: end of Message-IDs.
    """

    work: UnitOfWork
    clock: Clock
    letterhead: Letterhead
    vault: Vault
    mail_domain: str


@dataclass(frozen=True, slots=True)
class SampleMail:
    """A bulletin's mail in one language."""

    language: str
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class BulletinPreview:
    """A bulletin and the effect of sending it now.

    Attributes:
        languages: people by the language of their registrations.
        left_out: people of the segment who do not get it.
        samples: its mail in each of its languages.
        sent_before: number of the last sent bulletin with the same segment and texts; None if there is none.
        mark: the mark of the preview, which the order to send must repeat.
    """

    bulletin: Bulletin
    languages: Mapping[str, int]
    left_out: LeftOut
    samples: list[SampleMail]
    sent_before: int | None
    mark: str

    @property
    def audience(self) -> int:
        """Total number of people."""
        return sum(self.languages.values())

    @property
    def warnings(self) -> list[str]:
        """Warnings that the sender has to confirm."""
        return warnings_of(self.bulletin, self.sent_before)

    @property
    def reads(self) -> Mapping[str, str]:
        """The language of the text that people get, by the language of their registrations."""
        found = {language: best_language(language) for language in self.languages}
        return {language: own if own in self.bulletin.texts else FALLBACK for language, own in found.items()}


_EVENTS = """
    SELECT id FROM event_copy UNION SELECT event FROM recipient WHERE event = ANY(CAST(:named AS text[]))
"""
_FORMS = """
    SELECT id FROM form_copy UNION SELECT form FROM recipient WHERE form = ANY(CAST(:named AS text[]))
"""
_KNOWN = {
    "event": text(_EVENTS),
    "form": text(_FORMS),
    "not_registered_for": text(f"{_EVENTS} UNION {_FORMS}"),
    "working_group": text("SELECT id FROM working_group_copy"),
    "partner": text("SELECT id FROM partner_copy"),
}
"""Values that a segment may name, by part: what was published, and what registrations that arrived earlier name."""


def _require_known(connection: Connection, segment: Segment) -> None:
    """Refuse a segment that names nothing: it would reach no one, or with ``not_registered_for`` everyone.

    Raises:
        DomainError: ``unknown-value``.
    """
    named = [value for part in _KNOWN for value in cast(Sequence[str], segment.get(part, ()))]
    require_known(connection, segment, _KNOWN, {"named": named})


def draft_bulletin(work: UnitOfWork, clock: Clock, who: str, segment: Segment, texts: Texts) -> Bulletin:
    """Store a draft.

    Args:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        who: name of the author.
        segment: its audience; an empty one is everyone.
        texts: ``{subject, text}`` by language; English is required.

    Raises:
        DomainError: ``bulletin-invalid``; ``unknown-value``, it names an event, form, group or partner that does not
            exist.
        Unavailable: the database is down; nothing is stored.
    """
    segment = normalized(segment)
    check_texts(texts)
    bulletin_id = new_id()
    with work.transaction() as connection:
        now = clock()
        _require_known(connection, segment)
        add_bulletin(connection, bulletin_id, segment, texts, now)
        add_audit_record(connection, AuditRecord(who, "bulletin-drafted", "bulletin", bulletin_id), now)
        stored = read_bulletin(connection, bulletin_id)
    assert stored is not None
    return stored


def preview_bulletin(work: UnitOfWork, clock: Clock, bulletin_id: str, letterhead: Letterhead) -> BulletinPreview:
    """Count the audience of a bulletin and compose its mail in each of its languages.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        bulletin = require_bulletin(read_bulletin(connection, bulletin_id))
        audience = audience_of(connection, bulletin)
        left_out, before = count_left_out(connection, bulletin.segment), sent_before(connection, bulletin_id)
    samples = [_sample(bulletin, language, letterhead, clock) for language in bulletin.texts]
    return BulletinPreview(bulletin, audience.languages, left_out, samples, before, preview_mark(bulletin, audience))


def audience_of(connection: Connection, bulletin: Bulletin) -> BulletinAudience:
    """Return the audience of a bulletin now."""
    return count_audience(connection, bulletin_conditions(bulletin.segment))


def warnings_of(bulletin: Bulletin, before: int | None) -> list[str]:
    """Return the warnings to confirm before sending; ``before``: number of an identical bulletin that was sent."""
    return [*([] if bulletin.segment else [EVERYONE]), *([] if before is None else [AGAIN])]


def preview_mark(bulletin: Bulletin, audience: BulletinAudience) -> str:
    """Return the mark of a preview of ``bulletin`` for ``audience``: 64 hex digits."""
    return sha256(f"{bulletin.id} {bulletin.revision} {audience.fingerprint}".encode()).hexdigest()


def show_bulletin(work: UnitOfWork, bulletin_id: str) -> Bulletin:
    """Return a bulletin.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return require_bulletin(read_bulletin(connection, bulletin_id))


def show_bulletins(work: UnitOfWork, wanted: Mapping[str, Any], limit: int, sort: str = NEWEST) -> list[Bulletin]:
    """Return up to ``limit`` + 1 bulletins, see :func:`services.notifications.bulletins.store.list_bulletins`.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return list_bulletins(connection, wanted, sort, limit + 1)


def read_bulletin_position(key: Sequence[str]) -> int:
    """Return the position of a bulletin in a list: its number.

    Raises:
        ValueError: it is none.
    """
    number = int(key[0])
    if not 0 < number < 2**31:
        raise ValueError("no number of a bulletin")
    return number


def total_bulletins(work: UnitOfWork, wanted: Mapping[str, Any]) -> int:
    """Return the number of bulletins that fit.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return count_bulletins(connection, wanted)


def require_bulletin(bulletin: Bulletin | None) -> Bulletin:
    """Return ``bulletin``.

    Raises:
        DomainError: ``not-found``: there is none.
    """
    if bulletin is None:
        raise DomainError("not-found", "there is no such bulletin")
    return bulletin


def _sample(bulletin: Bulletin, language: str, letterhead: Letterhead, clock: Clock) -> SampleMail:
    recipient = MailRecipient("", "you@example.org", language, "", "")
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


ANY = "*"
"""Replaces a revision: any."""


@dataclass(frozen=True, slots=True)
class Writer:
    """The author of a change of a draft; ``seen`` are the revisions that they have seen, or ``ANY``."""

    who: str
    bulletin_id: str
    seen: Collection[str]


def change_draft(
    work: UnitOfWork,
    clock: Clock,
    writer: Writer,
    segment: Segment | None = None,
    texts: Texts | None = None,
) -> Bulletin:
    """Change the segment of a draft, its texts or both. Identical content changes nothing, not even the revision.

    Args:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        writer: author and draft.
        segment: the new one; None for no change.
        texts: all new texts; None for no change.

    Raises:
        DomainError: ``not-found``, ``already-sent``, ``edit-conflict``, ``bulletin-invalid``, ``unknown-value``.
        Unavailable: the database is down; nothing is stored.
    """
    with work.transaction() as connection:
        draft = _draft(connection, writer)
        segment = normalized(draft.segment if segment is None else segment)
        texts = draft.texts if texts is None else texts
        check_texts(texts)
        if segment != draft.segment:
            _require_known(connection, segment)
        if (segment, texts) != (draft.segment, draft.texts):
            change_bulletin(connection, writer.bulletin_id, segment, texts)
            _record(connection, clock, writer, "bulletin-changed", {"revision": draft.revision + 1})
        return require_bulletin(read_bulletin(connection, writer.bulletin_id))


def discard_draft(work: UnitOfWork, clock: Clock, writer: Writer) -> None:
    """Delete a draft.

    Args:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        writer: author and draft.

    Raises:
        DomainError: ``not-found``, ``already-sent``, ``edit-conflict``.
        Unavailable: the database is down; it is still there.
    """
    with work.transaction() as connection:
        draft = _draft(connection, writer)
        discard_bulletin(connection, writer.bulletin_id)
        _record(connection, clock, writer, "bulletin-discarded", {"number": draft.number})


def _record(connection: Connection, clock: Clock, writer: Writer, action: str, detail: Mapping[str, int]) -> None:
    add_audit_record(connection, AuditRecord(writer.who, action, "bulletin", writer.bulletin_id, detail), clock())


def _draft(connection: Connection, writer: Writer) -> Bulletin:
    """Lock and return the draft: others can neither send nor change it until the transaction ends."""
    bulletin = require_bulletin(lock_bulletin(connection, writer.bulletin_id))
    if bulletin.sent_at is not None:
        raise DomainError("already-sent", "this bulletin has been sent")
    if bulletin.state == SCHEDULED:
        raise DomainError("scheduled", "this bulletin is scheduled: cancel that first")
    if ANY not in writer.seen and str(bulletin.revision) not in writer.seen:
        raise DomainError("edit-conflict", "this draft was changed after you read it")
    return bulletin
