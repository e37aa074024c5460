"""Who is concerned: distinct people, each by the one registration that fits best, in the order of their references."""

# ruff: noqa: S608 - the conditions are constant, all values are parameters

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from services.notifications.domain.kinds import PROPOSAL
from services.notifications.domain.segment import PARTS, REPRESENTATIVE, Segment, leaves_out_proposals
from services.notifications.store.knowing import KNOWS
from services.notifications.store.recipients import BEST_FIRST

_KNOWS = KNOWS.format(person="r.person_ref", event="r.event", shown=":unknown_since")
_LIVE = "(r.status = 'confirmed' OR (r.status = 'waitlisted' AND r.verified))"
_SUPPRESSED = "EXISTS (SELECT FROM suppression s WHERE s.person_ref = r.person_ref)"
_OF_SEGMENT = {
    **{part: f"r.{part} = ANY(:in_{part})" for part in PARTS},
    REPRESENTATIVE: "r.representative = :in_representative",
    "tag": """EXISTS (
        SELECT FROM recipient_tags t WHERE t.subject = r.subject AND t.tags && CAST(:in_tag AS text[]))""",
    "mode": """EXISTS (
        SELECT FROM event_copy e WHERE e.id = r.event AND e.content ->> 'mode' = ANY(:in_mode))""",
    "not_registered_for": """NOT EXISTS (
        SELECT FROM recipient o WHERE o.person_ref = r.person_ref AND o.status IN ('confirmed', 'waitlisted')
            AND (o.form = ANY(:in_not_registered_for)
                OR (o.event = ANY(:in_not_registered_for) AND o.form_kind <> 'interest')))""",
    "registration": "r.subject = ANY(CAST(:in_registration AS uuid[]))",
}
"""Conditions by part of a segment."""

_CONDITIONS = {
    "event": "r.event = :event",
    "form_kinds": "r.form_kind = ANY(:form_kinds)",
    "statuses": "r.status = ANY(:statuses)",
    "heard_until": "r.heard_at <= :heard_until",
    "heard_before": "r.heard_at < :heard_before",
    "person": "r.person_ref = :person",
    "but_kind": "r.form_kind <> :but_kind",
    "wants_bulletins": f"{_LIVE} AND NOT {_SUPPRESSED} AND CAST(:wants_bulletins AS boolean)",
    "unknown_since": f"(r.form_kind = 'interest' OR NOT {_KNOWS})",
    "without": """NOT EXISTS (
        SELECT FROM mail m WHERE m.recipient = r.person_ref AND m.kind = :without AND m.revision = :number
            AND m.event = r.event AND m.state <> 'called_off')""",
    **{f"in_{part}": condition for part, condition in _OF_SEGMENT.items()},
}
_BEST = f"""
    SELECT DISTINCT ON (r.person_ref) r.subject::text AS subject, r.person_ref, r.form_kind, r.event, r.language
    FROM recipient r WHERE r.about = 'registration' AND r.erased_at IS NULL AND {{conditions}}
    ORDER BY r.person_ref, {BEST_FIRST.format("r")}
"""


@dataclass(frozen=True, slots=True)
class Addressee:
    """A person by one of their registrations."""

    subject: str
    person_ref: str
    form_kind: str
    event: str | None
    language: str


@dataclass(frozen=True, slots=True)
class Audience:
    """People by the language of their registrations, largest first; ``print`` is another for any other people."""

    languages: Mapping[str, int]
    print: str

    @property
    def people(self) -> int:
        """All of them."""
        return sum(self.languages.values())


@dataclass(frozen=True, slots=True)
class LeftOut:
    """People of a segment who get no bulletin: they want none, or have cancelled or not confirmed their address."""

    suppressed: int
    not_live: int


def in_segment(segment: Segment) -> dict[str, Any]:
    """Conditions for :func:`some_of`: registrations that belong to a segment."""
    found = {f"in_{part}": value for part, value in segment.items()}
    return found | {"but_kind": PROPOSAL} if leaves_out_proposals(segment) else found


def readers_of(segment: Segment) -> dict[str, Any]:
    """The same, without those who get no bulletins."""
    return in_segment(segment) | {"wants_bulletins": True}


def some_of(connection: Connection, wanted: Mapping[str, Any], after: str, most: int) -> list[Addressee]:
    """The next people of an audience.

    Args:
        connection: to read by.
        wanted: names of ``_CONDITIONS`` with their values; a person's registration must fit all.
        after: the reference of the last one before; empty at first.
        most: people.
    """
    query = text(f"{_best([*wanted, ''])} LIMIT :most")
    rows = connection.execute(query, {**wanted, "after": after, "most": most})
    return [Addressee(*row) for row in rows]


def measure_audience(connection: Connection, wanted: Mapping[str, Any]) -> Audience:
    """Count an audience as it is now."""
    query = text(f"""
        WITH a AS ({_best(list(wanted))}), f AS (
            SELECT sha256(convert_to(string_agg(person_ref || ' ' || language, ',' ORDER BY person_ref), 'UTF8'))
            FROM a)
        SELECT language, count(*), (SELECT encode(sha256, 'hex') FROM f) FROM a GROUP BY 1 ORDER BY 2 DESC, 1
    """)
    rows = connection.execute(query, dict(wanted)).fetchall()
    return Audience({row[0]: row[1] for row in rows}, rows[0][2] if rows else "")


def freeze_audience(connection: Connection, number: int, segment: Segment) -> None:
    """Store who gets the bulletin ``number``: each person of the segment by the registration that fits best."""
    wanted = readers_of(segment)
    query = text(f"""
        INSERT INTO bulletin_recipient (bulletin, subject)
        SELECT CAST(:bulletin AS integer), CAST(subject AS uuid) FROM ({_best(list(wanted))}) AS a
    """)
    connection.execute(query, {**wanted, "bulletin": number})


def measure_left_out(connection: Connection, segment: Segment) -> LeftOut:
    """Count people of a segment who get no bulletin of it."""
    wanted = in_segment(segment)
    conditions = " AND ".join(_CONDITIONS[name] for name in wanted) or "true"
    query = text(f"""
        WITH f AS (
            SELECT r.person_ref, bool_or({_LIVE}) AS live, bool_or({_SUPPRESSED}) AS suppressed
            FROM recipient r WHERE r.about = 'registration' AND r.erased_at IS NULL AND {conditions} GROUP BY 1)
        SELECT count(*) FILTER (WHERE live AND suppressed), count(*) FILTER (WHERE NOT live) FROM f
    """)
    return LeftOut(*connection.execute(query, wanted).one())


def _best(names: list[str]) -> str:
    """The query; an empty name stands for the place in the order."""
    conditions = [_CONDITIONS[name] if name else "r.person_ref > :after" for name in names if name != "number"]
    return _BEST.format(conditions=" AND ".join(conditions) or "true")
