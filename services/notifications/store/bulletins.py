"""Bulletins as they are written and sent, and the people who want none."""

# ruff: noqa: S608 - a constant list of columns

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.notifications.domain.bulletin import LANGUAGES, SEGMENT

_COLUMNS = "id::text, number, revision, segment, texts, created_at, sent_at, audience"
_ADD = text("""
    INSERT INTO bulletin (id, revision, segment, texts, created_at)
    VALUES (CAST(:id AS uuid), 1, CAST(:segment AS jsonb), CAST(:texts AS jsonb), :now)
""")
_CHANGE = text("""
    UPDATE bulletin SET revision = revision + 1, segment = CAST(:segment AS jsonb), texts = CAST(:texts AS jsonb)
    WHERE id = CAST(:id AS uuid)
""")
_DISCARD = text("DELETE FROM bulletin WHERE id = CAST(:id AS uuid) AND sent_at IS NULL")
_READ = text(f"SELECT {_COLUMNS} FROM bulletin WHERE id = CAST(:id AS uuid)")
_LOCK = text(f"SELECT {_COLUMNS} FROM bulletin WHERE id = CAST(:id AS uuid) FOR UPDATE")
_LIST = text(f"SELECT {_COLUMNS} FROM bulletin WHERE number < :before ORDER BY number DESC LIMIT :most")
_MARK = text("UPDATE bulletin SET sent_at = :now, audience = :audience WHERE id = CAST(:id AS uuid)")
_SEGMENT = text("SELECT segment FROM bulletin WHERE number = :number")
_SUPPRESS = text("""
    INSERT INTO suppression (person_ref, said_by, who, since) VALUES (:person_ref, :said_by, :who, :now)
    ON CONFLICT DO NOTHING
""")
_SUPPRESS_AS = text("""
    INSERT INTO suppression (person_ref, said_by, who, since)
    SELECT :after, said_by, who, :now FROM suppression WHERE person_ref = :before ON CONFLICT DO NOTHING
""")
_ALLOW = text("DELETE FROM suppression WHERE person_ref = :person_ref")
_SUPPRESSIONS = text("""
    SELECT person_ref, said_by, who, since FROM suppression WHERE person_ref > :after ORDER BY person_ref LIMIT :most
""")
_COUNT_SUPPRESSED = text("SELECT count(*) FROM suppression")


@dataclass(frozen=True, slots=True)
class Bulletin:
    """Attributes:
    number: that of its mails.
    revision: from 1, rises with each change of the draft.
    segment: whom it is for, by names of :mod:`services.notifications.store.audience`.
    texts: ``{subject, text}`` by language; English is always there.
    sent_at: None while it is a draft.
    audience: people counted when it was sent.
    """

    id: str
    number: int
    revision: int
    segment: Mapping[str, str]
    texts: Mapping[str, Mapping[str, str]]
    created_at: datetime
    sent_at: datetime | None
    audience: int | None


@dataclass(frozen=True, slots=True)
class Suppression:
    """A person who gets no bulletins, and who said so: ``recipient`` or ``coordinator``, and then ``who`` of them."""

    person_ref: str
    said_by: str
    who: str | None
    since: datetime


def add_bulletin(
    connection: Connection, bulletin_id: str, segment: Mapping[str, str], texts: Mapping[str, Any], now: datetime
) -> None:
    """Store a draft."""
    connection.execute(_ADD, {**_content(bulletin_id, segment, texts), "now": now})


def change_bulletin(
    connection: Connection, bulletin_id: str, segment: Mapping[str, str], texts: Mapping[str, Any]
) -> None:
    """Store another content of a draft; the caller holds its lock."""
    connection.execute(_CHANGE, _content(bulletin_id, segment, texts))


def discard_bulletin(connection: Connection, bulletin_id: str) -> None:
    """Delete a draft; the caller holds its lock."""
    connection.execute(_DISCARD, {"id": bulletin_id})


def read_bulletin(connection: Connection, bulletin_id: str) -> Bulletin | None:
    """The bulletin with this id, if there is one."""
    row = connection.execute(_READ, {"id": bulletin_id}).fetchone()
    return _bulletin(row) if row else None


def lock_bulletin(connection: Connection, bulletin_id: str) -> Bulletin | None:
    """The same, with everybody else kept from sending it until the transaction ends."""
    row = connection.execute(_LOCK, {"id": bulletin_id}).fetchone()
    return _bulletin(row) if row else None


def list_bulletins(connection: Connection, before: int, most: int) -> list[Bulletin]:
    """Bulletins with a smaller number than ``before``, newest first."""
    return [_bulletin(row) for row in connection.execute(_LIST, {"before": before, "most": most})]


def mark_sent(connection: Connection, bulletin_id: str, audience: int, now: datetime) -> None:
    """The bulletin is on its way to ``audience`` people; the caller holds its lock."""
    connection.execute(_MARK, {"id": bulletin_id, "audience": audience, "now": now})


def segment_of(connection: Connection, number: int) -> dict[str, Any]:
    """Whom the bulletin with this number is for."""
    return dict(connection.execute(_SEGMENT, {"number": number}).scalar_one())


def suppress(connection: Connection, person_ref: str, who: str | None, now: datetime) -> bool:
    """This person gets no bulletins, says the coordinator ``who``, or themselves; returns False if so already."""
    said_by = "recipient" if who is None else "coordinator"
    row = {"person_ref": person_ref, "said_by": said_by, "who": who, "now": now}
    return connection.execute(_SUPPRESS, row).rowcount == 1


def suppress_as(connection: Connection, before: str, after: str, now: datetime) -> None:
    """Send ``after`` no bulletins from ``now`` on if ``before`` gets none."""
    connection.execute(_SUPPRESS_AS, {"before": before, "after": after, "now": now})


def allow(connection: Connection, person_ref: str) -> bool:
    """This person gets bulletins again; returns False if they did already."""
    return connection.execute(_ALLOW, {"person_ref": person_ref}).rowcount == 1


def list_suppressions(connection: Connection, after: str, most: int) -> list[Suppression]:
    """People who get no bulletins, in the order of their references."""
    return [Suppression(*row) for row in connection.execute(_SUPPRESSIONS, {"after": after, "most": most})]


def count_suppressions(connection: Connection) -> int:
    """How many people get no bulletins."""
    return int(connection.execute(_COUNT_SUPPRESSED).scalar_one())


def _content(bulletin_id: str, segment: Mapping[str, str], texts: Mapping[str, Any]) -> dict[str, str]:
    return {"id": bulletin_id, "segment": json.dumps(segment), "texts": json.dumps(texts, ensure_ascii=False)}


def _bulletin(row: Sequence[Any]) -> Bulletin:
    """A row with its texts and its segment in their usual order, which jsonb does not keep."""
    bulletin_id, number, revision, segment, texts, *rest = row
    ordered = {name: segment[name] for name in SEGMENT if name in segment}
    languages = {name: texts[name] for name in LANGUAGES if name in texts}
    return Bulletin(bulletin_id, number, revision, ordered, languages, *rest)
