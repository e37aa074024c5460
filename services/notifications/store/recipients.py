"""The recipient book: whom a registration, link or former address belongs to. What is personal is closed."""

# ruff: noqa: S608 - names of our own columns

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.notifications.domain.book import Entry
from services.notifications.domain.kinds import ATTENDING, MAILED_ONCE, SEATED
from services.notifications.domain.truth import Standing

_NAMES = tuple(field.name for field in fields(Entry))
ENTRY_COLUMNS = ", ".join("r.subject::text" if name == "subject" else f"r.{name}" for name in _NAMES) + ", r.closed"
"""What :func:`entry_of` reads, from the table under the name ``r``."""

ENTRY_WIDTH = len(_NAMES) + 1
_VALUES = {name: f":{name}" for name in _NAMES} | {"subject": "CAST(:subject AS uuid)"}
_BY_DECISIONS = ("event", "decision")
_CHANGING = ", ".join(
    f"{name} = excluded.{name}" for name in (*_NAMES[1:], "closed", "noted_at") if name not in _BY_DECISIONS
)

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 0))")
_STANDING = text("""
    SELECT revision, status, erased_at IS NOT NULL, person_ref, event, decision FROM recipient
    WHERE subject = CAST(:subject AS uuid)
""")
_LOCK_ALL = text("""
    SELECT pg_advisory_xact_lock(hashtextextended(subject, 0)) FROM unnest(CAST(:subjects AS text[])) AS subject
""")
_STANDINGS = text("""
    SELECT subject::text, revision, status, erased_at IS NOT NULL, person_ref, event, decision FROM recipient
    WHERE subject = ANY(CAST(:subjects AS uuid[]))
""")
_HOLD = text("""
    SELECT FROM recipient WHERE person_ref = :person_ref AND subject <> CAST(:subject AS uuid) ORDER BY subject
    FOR SHARE
""")
_KEEP = text(f"""
    INSERT INTO recipient ({", ".join(_NAMES)}, closed, noted_at, heard_at)
    VALUES ({", ".join(_VALUES[name] for name in _NAMES)}, :closed, :now, :now)
    ON CONFLICT (subject) DO UPDATE SET {_CHANGING}, event = coalesce(excluded.event, recipient.event)
        WHERE (recipient.revision, recipient.occurred_at) <= (excluded.revision, excluded.occurred_at)
""")
_DECIDE = text("""
    UPDATE recipient SET decision = :revision, event = coalesce(:event, event), noted_at = :now
    WHERE subject = CAST(:subject AS uuid)
""")
_MAILED = text("SELECT subject::text FROM mail WHERE subject = ANY(CAST(:subjects AS uuid[]))")
_FORGET_MAILED = text("""
    WITH gone AS (
        DELETE FROM recipient WHERE subject = ANY(CAST(:subjects AS uuid[])) AND about = ANY(:once)
            AND erased_at IS NULL RETURNING subject)
    UPDATE mail m SET recipient = NULL FROM gone WHERE m.subject = gone.subject
""")


BEST_FIRST = f"{{0}}.status <> '{SEATED}', array_position(ARRAY{list(ATTENDING)}, {{0}}.form_kind), {{0}}.subject"
"""Order of one person's registrations under the name that is put in: with a seat first, the event's own forms first."""


_STORE_TAGS = text("""
    INSERT INTO recipient_tags (subject, tags, revision)
    SELECT CAST(:subject AS uuid), CAST(:tags AS text[]), :revision
    WHERE NOT EXISTS (SELECT FROM recipient WHERE subject = CAST(:subject AS uuid) AND erased_at IS NOT NULL)
    ON CONFLICT (subject) DO UPDATE SET tags = excluded.tags, revision = excluded.revision
        WHERE recipient_tags.revision < excluded.revision
""")


@dataclass(frozen=True, slots=True)
class BookEntry:
    """One subject in the book. ``closed`` is bound to the entry's subject."""

    entry: Entry
    closed: bytes


def lock_standing(connection: Connection, subject: str) -> Standing | None:
    """What is known of a subject, with all else about it kept out until the transaction ends."""
    connection.execute(_LOCK, {"subject": subject})
    row = connection.execute(_STANDING, {"subject": subject}).fetchone()
    return Standing(*row) if row else None


def lock_standings(connection: Connection, subjects: Sequence[str]) -> dict[str, Standing]:
    """As ``lock_standing`` for several: what is known, by subject. In their order, so that nobody waits in a circle."""
    wanted = {"subjects": sorted(set(subjects))}
    connection.execute(_LOCK_ALL, wanted)
    return {row[0]: Standing(*row[1:]) for row in connection.execute(_STANDINGS, wanted)}


def hold_registrations(connection: Connection, person_ref: str, subject: str) -> None:
    """Wait for changes of the person's entries but ``subject`` and keep out more until the transaction ends."""
    connection.execute(_HOLD, {"person_ref": person_ref, "subject": subject})


def keep_entry(connection: Connection, kept: BookEntry, now: datetime) -> None:
    """Store ``kept`` in place of what was known, unless that is newer."""
    keep_entries(connection, [kept], now)


def keep_entries(connection: Connection, kept: Sequence[BookEntry], now: datetime) -> None:
    """As ``keep_entry`` for several."""
    connection.execute(_KEEP, [_values(one) | {"now": now} for one in kept])


def store_tags(connection: Connection, subject: str, tags: Sequence[str], revision: int) -> None:
    """Store the tags of a registration, known or not yet, unless newer ones are stored or its person is erased."""
    connection.execute(_LOCK, {"subject": subject})
    connection.execute(_STORE_TAGS, {"subject": subject, "tags": list(tags), "revision": revision})


def store_decision(connection: Connection, subject: str, revision: int, event: str | None, now: datetime) -> None:
    """Store which decision on a proposal is the newest, and the side event that the proposal became, if it did.

    Messages about its registration leave both as they are. The caller holds the lock.
    """
    connection.execute(_DECIDE, {"subject": subject, "revision": revision, "event": event, "now": now})


def mailed_among(connection: Connection, subjects: Sequence[str]) -> set[str]:
    """Those of these subjects that there is a mail about."""
    return set(connection.execute(_MAILED, {"subjects": list(subjects)}).scalars())


def forget_mailed(connection: Connection, subjects: Sequence[str]) -> None:
    """Delete the entries of links and former addresses whose mails have ended: address and token are needed no more."""
    if subjects:
        connection.execute(_FORGET_MAILED, {"subjects": list(subjects), "once": list(MAILED_ONCE)})


def _values(kept: BookEntry) -> dict[str, Any]:
    return {name: getattr(kept.entry, name) for name in _NAMES} | {"closed": kept.closed}


def entry_of(values: tuple[Any, ...]) -> BookEntry:
    """The entry in the columns of ``ENTRY_COLUMNS``."""
    return BookEntry(Entry(*values[:-1]), values[-1])
