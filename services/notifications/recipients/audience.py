"""SQL on announcements and their audience: distinct people, each by the registration that fits best.

An announcement is one row for a mail to many people. It is processed in chunks; ``reached`` is the progress.

A person who registers or confirms their address just before or after a change gets a confirmation written from the
newest state. They do not need news of the same change: their confirmation contains it.
"""

# ruff: noqa: S608 - names of our own kinds and columns

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.notifications.mails.kinds import INFORMING_KINDS
from services.notifications.recipients.model import (
    REPRESENTATIVE,
    SEGMENT_PARTS,
    Segment,
    leaves_out_proposals,
    normalized,
)
from services.notifications.recipients.store import BEST_FIRST
from shared.calendar.event_news import NEWS_KINDS
from shared.vocabulary.form_kinds import PROPOSAL, WAITING_FOR_REMOTE, quoted

_ADD_ANNOUNCEMENT = text("""
    INSERT INTO announcement (id, cause, event, number, detail, changed_at, created_at, correlation_id)
    VALUES (CAST(:id AS uuid), :cause, :event, :number, CAST(:detail AS jsonb), :changed_at, :created_at,
        :correlation_id)
    ON CONFLICT ON CONSTRAINT one_announcement DO NOTHING
""")
_NEXT_ANNOUNCEMENT = text("""
    SELECT id::text, cause, event, number, detail, changed_at, created_at, correlation_id, reached FROM announcement
    WHERE ended_at IS NULL ORDER BY (cause = 'bulletin'), created_at LIMIT 1 FOR UPDATE SKIP LOCKED
""")
_FIND_ANNOUNCEMENT = text("""
    SELECT id::text, cause, event, number, detail, changed_at, created_at, correlation_id FROM announcement
    WHERE cause = :cause AND event IS NOT DISTINCT FROM :event AND number = :number
""")
_ADVANCE_ANNOUNCEMENT = text("""
    UPDATE announcement SET reached = CASE WHEN CAST(:ended_at AS timestamptz) IS NULL THEN :reached ELSE '' END,
        mails = mails + :mails, ended_at = :ended_at
    WHERE id = CAST(:id AS uuid)
""")
_SUPERSEDE_NEWS = text("""
    UPDATE announcement SET ended_at = :now, reached = ''
    WHERE cause = 'news' AND event = :event AND number < :number AND ended_at IS NULL
""")


@dataclass(frozen=True, slots=True)
class Announcement:
    """Attributes:
    cause: ``news``, ``recording`` or ``bulletin``.
    event: it is about; None for a bulletin.
    number: unique for its cause: the event's revision, or the bulletin's number.
    detail: content of its mails beyond the event, JSON values.
    changed_at: recipients who registered later know the change already.
    """

    id: str
    cause: str
    event: str | None
    number: int
    detail: Mapping[str, Any]
    changed_at: datetime
    created_at: datetime
    correlation_id: str


@dataclass(frozen=True, slots=True)
class OpenAnnouncement:
    """An announcement that is in progress.

    ``reached`` is the reference of the last person who has a mail (of a bulletin: the registration), or empty.
    """

    announcement: Announcement
    reached: str


def add_announcement(connection: Connection, new: Announcement) -> bool:
    """Store an announcement; returns False if it is stored already."""
    row = {
        "id": new.id,
        "cause": new.cause,
        "event": new.event,
        "number": new.number,
        "detail": json.dumps(new.detail, ensure_ascii=False),
        "changed_at": new.changed_at,
        "created_at": new.created_at,
        "correlation_id": new.correlation_id,
    }
    return connection.execute(_ADD_ANNOUNCEMENT, row).rowcount == 1


def lock_next_announcement(connection: Connection) -> OpenAnnouncement | None:
    """Lock and return the next announcement to process, bulletins last; None if none is open."""
    row = connection.execute(_NEXT_ANNOUNCEMENT).fetchone()
    return OpenAnnouncement(Announcement(*row[:8]), row[8]) if row else None


def find_announcement(connection: Connection, cause: str, event: str | None, number: int) -> Announcement | None:
    """Return the announcement with this cause and number, open or ended; None if there is none."""
    row = connection.execute(_FIND_ANNOUNCEMENT, {"cause": cause, "event": event, "number": number}).fetchone()
    return Announcement(*row) if row else None


def advance_announcement(
    connection: Connection, announcement_id: str, reached: str, mails: int, ended_at: datetime | None
) -> None:
    """Store the progress of an announcement. With ``ended_at`` it is finished, and the last reference is deleted."""
    row = {"id": announcement_id, "reached": reached, "mails": mails, "ended_at": ended_at}
    connection.execute(_ADVANCE_ANNOUNCEMENT, row)


def supersede_news(connection: Connection, event: str, number: int, now: datetime) -> None:
    """End older news of ``event``: people without a mail yet get the news with ``number``."""
    connection.execute(_SUPERSEDE_NEWS, {"event": event, "number": number, "now": now})


_WRITTEN_STATES = "('claimed', 'sent', 'unknown', 'bounced')"
"""States of a composed mail: the person may have it."""


def _listed(kinds: tuple[str, ...]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)


KNOWS_CHANGE = f"""(
    SELECT coalesce(bool_or(t.kind IN ({_listed(INFORMING_KINDS)}) AND (t.state IN ('queued', 'deferred')
            OR (t.state IN {_WRITTEN_STATES} AND t.event_revision >= {{shown}}))), false)
        AND NOT coalesce(bool_or(t.state IN {_WRITTEN_STATES} AND coalesce(t.event_revision, 0) < {{shown}}), false)
    FROM mail t WHERE t.recipient = {{person}} AND t.event = {{event}}
        AND t.kind IN ({_listed((*INFORMING_KINDS, *NEWS_KINDS))}))"""
"""A condition on ``person``, ``event`` and ``shown``, the revision of the last change that people see.

It is an aggregate, so that the planner reads the mails of one person by their index. EXISTS could be planned as a
hash table of all mails, which would be built again for each chunk of people.
"""


_KNOWS_SINCE = KNOWS_CHANGE.format(person="r.person_ref", event="r.event", shown=":unknown_since")
_LIVE = "(r.status = 'confirmed' OR (r.status = 'waitlisted' AND r.verified))"
_SUPPRESSED = "EXISTS (SELECT FROM suppression s WHERE s.person_ref = r.person_ref)"
_OF_SEGMENT = {
    **{part: f"r.{part} = ANY(:in_{part})" for part in SEGMENT_PARTS},
    REPRESENTATIVE: "r.representative = :in_representative",
    "tag": """EXISTS (
        SELECT FROM recipient_tags t WHERE t.subject = r.subject AND t.tags && CAST(:in_tag AS text[]))""",
    "mode": """EXISTS (
        SELECT FROM event_copy e WHERE e.id = r.event AND e.content ->> 'mode' = ANY(:in_mode))""",
    "not_registered_for": f"""NOT EXISTS (
        SELECT FROM recipient o WHERE o.person_ref = r.person_ref AND o.status IN ('confirmed', 'waitlisted')
            AND (o.form = ANY(:in_not_registered_for)
                OR (o.event = ANY(:in_not_registered_for) AND o.form_kind NOT IN ({quoted(WAITING_FOR_REMOTE)}))))""",
    "registration": "r.subject = ANY(CAST(:in_registration AS uuid[]))",
}
"""Conditions by part of a segment."""

_CONDITIONS = {
    "event": "r.event = :event",
    "form_kinds": "r.form_kind = ANY(:form_kinds)",
    "statuses": "r.status = ANY(:statuses)",
    "received_until": "r.heard_at <= :received_until",
    "received_before": "r.heard_at < :received_before",
    "person": "r.person_ref = :person",
    "but_kind": "r.form_kind <> :but_kind",
    "wants_bulletins": f"{_LIVE} AND NOT {_SUPPRESSED} AND CAST(:wants_bulletins AS boolean)",
    "unknown_since": f"(r.form_kind IN ({quoted(WAITING_FOR_REMOTE)}) OR NOT {_KNOWS_SINCE})",
    "without": """NOT EXISTS (
        SELECT FROM mail m WHERE m.recipient = r.person_ref AND m.kind = :without AND m.revision = :number
            AND m.event = r.event AND m.state <> 'cancelled')""",
    **{f"in_{part}": condition for part, condition in _OF_SEGMENT.items()},
}
_BEST = f"""
    SELECT DISTINCT ON (r.person_ref) r.subject::text AS subject, r.person_ref, r.form_kind, r.event, r.language
    FROM recipient r WHERE r.about = 'registration' AND r.erased_at IS NULL AND {{conditions}}
    ORDER BY r.person_ref, {BEST_FIRST.format("r")}
"""


@dataclass(frozen=True, slots=True)
class Addressee:
    """A person, by one of their registrations."""

    subject: str
    person_ref: str
    form_kind: str
    event: str | None
    language: str


@dataclass(frozen=True, slots=True)
class BulletinAudience:
    """Number of people by language of their registrations, largest first, and a fingerprint of the people."""

    languages: Mapping[str, int]
    fingerprint: str

    @property
    def people(self) -> int:
        """Total number of people."""
        return sum(self.languages.values())


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Number of people of a segment without a bulletin: suppressed, or cancelled or without a confirmed address."""

    suppressed: int
    not_live: int


def segment_conditions(segment: Segment) -> dict[str, Any]:
    """Return conditions for :func:`list_audience`: registrations of a segment."""
    found = {f"in_{part}": value for part, value in segment.items()}
    return found | {"but_kind": PROPOSAL} if leaves_out_proposals(segment) else found


def bulletin_conditions(segment: Segment) -> dict[str, Any]:
    """Return the same conditions, without people who get no bulletins."""
    return segment_conditions(segment) | {"wants_bulletins": True}


def list_audience(connection: Connection, wanted: Mapping[str, Any], after: str, limit: int) -> list[Addressee]:
    """Return the next people of an audience.

    Args:
        wanted: keys of ``_CONDITIONS`` with their values; a registration must fit all.
        after: reference of the last person of the previous page; empty at first.
        limit: people.
    """
    query = text(f"{_best([*wanted, ''])} LIMIT :most")
    rows = connection.execute(query, {**wanted, "after": after, "most": limit})
    return [Addressee(*row) for row in rows]


def count_audience(connection: Connection, wanted: Mapping[str, Any]) -> BulletinAudience:
    """Count an audience now."""
    query = text(f"""
        WITH a AS ({_best(list(wanted))}), f AS (
            SELECT sha256(convert_to(string_agg(person_ref || ' ' || language, ',' ORDER BY person_ref), 'UTF8'))
            FROM a)
        SELECT language, count(*), (SELECT encode(sha256, 'hex') FROM f) FROM a GROUP BY 1 ORDER BY 2 DESC, 1
    """)
    rows = connection.execute(query, dict(wanted)).fetchall()
    return BulletinAudience({row[0]: row[1] for row in rows}, rows[0][2] if rows else "")


def store_audience(connection: Connection, number: int, segment: Segment) -> None:
    """Store the audience of the bulletin ``number``: each person of the segment by the best registration."""
    wanted = bulletin_conditions(segment)
    query = text(f"""
        INSERT INTO bulletin_recipient (bulletin, subject)
        SELECT CAST(:bulletin AS integer), CAST(subject AS uuid) FROM ({_best(list(wanted))}) AS a
    """)
    connection.execute(query, {**wanted, "bulletin": number})


def count_left_out(connection: Connection, segment: Segment) -> LeftOut:
    """Count people of a segment who get no bulletin."""
    wanted = segment_conditions(segment)
    conditions = " AND ".join(_CONDITIONS[name] for name in wanted) or "true"
    query = text(f"""
        WITH f AS (
            SELECT r.person_ref, bool_or({_LIVE}) AS live, bool_or({_SUPPRESSED}) AS suppressed
            FROM recipient r WHERE r.about = 'registration' AND r.erased_at IS NULL AND {conditions} GROUP BY 1)
        SELECT count(*) FILTER (WHERE live AND suppressed), count(*) FILTER (WHERE NOT live) FROM f
    """)
    return LeftOut(*connection.execute(query, wanted).one())


def _best(names: list[str]) -> str:
    """Return the query; an empty name is the condition on the position in the order."""
    conditions = [_CONDITIONS[name] if name else "r.person_ref > :after" for name in names if name != "number"]
    return _BEST.format(conditions=" AND ".join(conditions) or "true")


_TAKE_RECIPIENTS = text("""
    WITH taken AS (
        DELETE FROM bulletin_recipient WHERE (bulletin, subject) IN (
            SELECT bulletin, subject FROM bulletin_recipient WHERE bulletin = :number AND subject > CAST(:after AS uuid)
            ORDER BY subject LIMIT :most)
        RETURNING subject)
    SELECT r.subject::text, r.person_ref, r.form_kind, r.event, r.language, r.erased_at IS NULL AND NOT EXISTS (
        SELECT FROM mail m WHERE m.recipient = r.person_ref AND m.kind = 'bulletin' AND m.revision = :number)
    FROM taken JOIN recipient r USING (subject) ORDER BY subject
""")
_FIRST_SUBJECT = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class TakenRecipients:
    """People who get a mail now; ``reached`` is the last registration taken, ``more`` whether more can follow.

    People who were erased, or have a mail of the bulletin by another registration, are left out.
    """

    people: list[Addressee]
    reached: str
    more: bool


def take_recipients(connection: Connection, number: int, reached: str, limit: int) -> TakenRecipients:
    """Take up to ``limit`` people from the stored audience of a bulletin.

    The caller creates their mails in the same transaction and holds the lock of the bulletin's announcement.

    Args:
        connection: the connection of that transaction.
        number: the number of the bulletin.
        reached: the last registration that was taken before; empty at first.
        limit: people.
    """
    rows = connection.execute(
        _TAKE_RECIPIENTS, {"number": number, "after": reached or _FIRST_SUBJECT, "most": limit}
    ).fetchall()
    people = [Addressee(*row[:5]) for row in rows if row[5]]
    return TakenRecipients(people, rows[-1][0] if rows else reached, len(rows) == limit)


_SEGMENT = text("SELECT segment FROM bulletin WHERE number = :number")


def segment_of(connection: Connection, number: int) -> Segment:
    """Return the segment of the bulletin with this number."""
    return normalized(connection.execute(_SEGMENT, {"number": number}).scalar_one())
