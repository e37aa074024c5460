"""New proposals, and their shadows: what is written for one that is answered as if it were taken, and is not.

A shadow is as much, by the same statements, in tables of the same shape that no list reads, and holds nothing of a
person. It stays until its idempotency key could not be sent again, since a repetition is answered as at first.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, TextClause, text

from services.events.domain.proposal import Proposal, ProposalStatus
from services.events.store.proposals import COLUMNS, row_of

Place = Literal["proposal", "shadow_proposal"]
KEEP_SHADOWS = timedelta(hours=48)
"""A client that repeats after longer is answered as a new one; the promise is 24 hours."""


def _add(place: Place) -> TextClause:
    return text(
        f"INSERT INTO {place} (id, {', '.join(COLUMNS)}, person_ref, contact, "  # noqa: S608 - names of our own tables and columns
        "speaker_names, token_hash, key_hash, fingerprint) "
        f"VALUES (CAST(:id AS uuid), {', '.join(f':{name}' for name in COLUMNS)}, decode(:person_ref, 'hex'), "
        ":contact, :speaker_names, :token_hash, :key_hash, :fingerprint) ON CONFLICT (key_hash) DO NOTHING RETURNING id"
    )


def _note(place: Place) -> TextClause:
    return text(
        f"INSERT INTO {place}_change (proposal_id, revision, status, note, changed_by, changed_at) "  # noqa: S608 - as above
        "VALUES (CAST(:id AS uuid), :revision, :status, :note, '', :submitted_at)"
    )


_ADD: Mapping[Place, TextClause] = {"proposal": _add("proposal"), "shadow_proposal": _add("shadow_proposal")}
_NOTE: Mapping[Place, TextClause] = {"proposal": _note("proposal"), "shadow_proposal": _note("shadow_proposal")}
_BY_KEY = text("""
    SELECT id::text, fingerprint, (SELECT status FROM proposal_change WHERE proposal_id = id AND revision = 1)
    FROM proposal WHERE key_hash = :key_hash
    UNION ALL SELECT id::text, fingerprint, status FROM shadow_proposal WHERE key_hash = :key_hash
""")
_HOW_MANY = text("""
    SELECT count(*) FROM (SELECT FROM proposal WHERE person_ref = decode(:person_ref, 'hex') AND submitted_at > :since
        AND (status = 'unverified') = :unverified LIMIT :most) made
""")
_FORGET = text("""
    DELETE FROM shadow_proposal WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM shadow_proposal WHERE submitted_at < :before LIMIT :most))
""")


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is stored beside a new proposal: who proposed it and the speakers' names, closed; the hashes of link token
    and idempotency key; the fingerprint."""

    contact: bytes
    speaker_names: bytes | None
    token_hash: bytes
    key_hash: bytes | None
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Known:
    """A proposal that came with a key: its id, the fingerprint of what came, the status it had then."""

    id: str
    fingerprint: bytes
    status: str


def add(connection: Connection, place: Place, proposal: Proposal, arrival: Arrival) -> bool:
    """Store a new proposal and its first revision in ``place``; False if its idempotency key is known there."""
    values: dict[str, Any] = row_of(proposal) | asdict(arrival)
    if connection.execute(_ADD[place], values).first() is None:
        return False
    connection.execute(_NOTE[place], values)
    return True


def known_key(connection: Connection, key_hash: bytes) -> Known | None:
    """What came with this key before."""
    row = connection.execute(_BY_KEY, {"key_hash": key_hash}).first()
    return None if row is None else Known(*row)


def how_many_like(connection: Connection, proposal: Proposal, since: datetime, most: int) -> int:
    """How many whoever makes ``proposal`` has made after ``since`` (aware); counted up to ``most``.

    Those that are unverified count for each other alone: they cost a stranger nothing, so they must not use up what
    the owner of the address may send.
    """
    unverified = proposal.status is ProposalStatus.UNVERIFIED
    asked = {"person_ref": proposal.person_ref, "since": since, "most": most, "unverified": unverified}
    number: int = connection.execute(_HOW_MANY, asked).scalar_one()
    return number


def forget_shadows(connection: Connection, now: datetime, most: int) -> None:
    """Delete up to ``most`` shadows whose keys are sent no more."""
    connection.execute(_FORGET, {"before": now - KEEP_SHADOWS, "most": most})
