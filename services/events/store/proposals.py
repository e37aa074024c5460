"""The table of proposals. Who proposed one stands in it closed; one that was erased is found by no question but one."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from services.events.domain.proposal import Proposal, ProposalStatus
from services.events.domain.proposal_changes import Change
from services.events.store.proposal_changes import note_change

COLUMNS = (
    "title", "summary", "working_group", "organisation", "language", "attendance", "speakers", "preferred_on",
    "unavailable_on", "status", "note", "event_id", "revision", "submitted_at", "partner",
)  # fmt: skip
_LISTED = f"id::text AS id, {', '.join(COLUMNS)}, encode(person_ref, 'hex') AS person_ref"
_THERE = "erased_at IS NULL"
_SEEN = f"{_THERE} AND status <> 'unverified'"
"""By coordinators: nobody has said yet that the address of the others is theirs."""
_SAVE = text(
    f"UPDATE proposal SET {', '.join(f'{name} = :{name}' for name in COLUMNS)}, "  # noqa: S608 - as above
    "person_ref = decode(:person_ref, 'hex') WHERE id = CAST(:id AS uuid)"
)
_FIND = text(f"SELECT {_LISTED} FROM proposal WHERE id = CAST(:id AS uuid) AND {_SEEN}")  # noqa: S608 - as above
_LOCK = text(f"SELECT {_LISTED} FROM proposal WHERE id = CAST(:id AS uuid) AND {_THERE} FOR UPDATE")  # noqa: S608 - as above
_LOCK_UNVERIFIED = text(
    f"SELECT {_LISTED} FROM proposal WHERE status = 'unverified' AND person_ref = decode(:person_ref, 'hex') "  # noqa: S608 - as above
    "AND submitted_at > :since ORDER BY id FOR UPDATE"
)
_LOCK_NEVER_VERIFIED = text(
    f"SELECT {_LISTED} FROM proposal WHERE status = 'unverified' AND submitted_at <= :until "  # noqa: S608 - as above
    "ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED"
)
_LOCK_ALL = text("SELECT id FROM proposal WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE")
_BY_TOKEN = text(f"SELECT {_LISTED} FROM proposal WHERE token_hash = :token_hash")  # noqa: S608 - as above
_BY_STATUS = text(f"SELECT {_LISTED} FROM proposal WHERE status = ANY(:statuses) AND {_THERE} ORDER BY id")  # noqa: S608 - as above
_BLANK = text("""
    UPDATE proposal SET erased_at = :now, status = :status, revision = :revision, title = '', summary = '', note = '',
        working_group = NULL, organisation = NULL, language = 'und', attendance = 1, speakers = '{}',
        preferred_on = '{}', unavailable_on = '{}', person_ref = NULL, contact = NULL, speaker_names = NULL,
        token_hash = NULL
    WHERE id = CAST(:id AS uuid)
""")
_WAS_ERASED = text("SELECT erased_at FROM proposal WHERE id = CAST(:id AS uuid)")
_CONTACT = text("SELECT contact, speaker_names FROM proposal WHERE id = CAST(:id AS uuid)")
_KEEP_CONTACT = text("""
    UPDATE proposal SET contact = :contact, speaker_names = :speaker_names WHERE id = CAST(:id AS uuid)
""")


@dataclass(frozen=True, slots=True)
class ProposalFilter:
    """Which proposals; ``after`` is the id of the last one before, None means any."""

    status: str | None = None
    working_group: str | None = None
    after: str | None = None
    limit: int = 50


def find(connection: Connection, proposal_id: str) -> Proposal | None:
    """The proposal with this id (UUID text), if coordinators may see it."""
    row = connection.execute(_FIND, {"id": proposal_id}).first()
    return None if row is None else _proposal(row)


def find_for_change(connection: Connection, proposal_id: str) -> Proposal | None:
    """The proposal with this id, whoever may see it, locked until the transaction ends."""
    row = connection.execute(_LOCK, {"id": proposal_id}).first()
    return None if row is None else _proposal(row)


def lock_unverified(connection: Connection, person_ref: str, since: datetime) -> list[Proposal]:
    """What the person with this reference has sent after ``since`` (aware) and not confirmed, locked."""
    rows = connection.execute(_LOCK_UNVERIFIED, {"person_ref": person_ref, "since": since})
    return [_proposal(row) for row in rows]


def lock_never_verified(connection: Connection, until: datetime, most: int) -> list[Proposal]:
    """Up to ``most`` that were sent up to ``until`` (aware) and are not confirmed, locked, but for those in use."""
    return [_proposal(row) for row in connection.execute(_LOCK_NEVER_VERIFIED, {"until": until, "most": most})]


def lock_all(connection: Connection, proposal_ids: Collection[str]) -> None:
    """Lock all of these (UUID texts) until the transaction ends; in the order of their ids, so that nobody waits for
    somebody who waits for them."""
    connection.execute(_LOCK_ALL, {"ids": list(proposal_ids)})


def find_by_token(connection: Connection, token_hash: bytes) -> Proposal | None:
    """The proposal whose link token has this hash."""
    row = connection.execute(_BY_TOKEN, {"token_hash": token_hash}).first()
    return None if row is None else _proposal(row)


def contact_of(connection: Connection, proposal_id: str) -> tuple[bytes, bytes | None]:
    """The closed contact of a proposal that is there, and the closed names of its speakers; None without any."""
    contact, speaker_names = connection.execute(_CONTACT, {"id": proposal_id}).one()
    return contact, speaker_names


def keep_contact(connection: Connection, proposal_id: str, contact: bytes, speaker_names: bytes | None) -> None:
    """Store another closed contact, whose link token must be the same, and other closed names of speakers."""
    connection.execute(_KEEP_CONTACT, {"id": proposal_id, "contact": contact, "speaker_names": speaker_names})


def save(
    connection: Connection, proposal: Proposal, changed_by: str, at: datetime, changes: Sequence[Change] = ()
) -> None:
    """Store a new revision of ``proposal``, who made it, and what it changed."""
    connection.execute(_SAVE, row_of(proposal))
    note_change(connection, proposal, changed_by, at, changes)


def store_erased(connection: Connection, proposal: Proposal, now: datetime) -> None:
    """Make a tombstone of a locked proposal: only status and revision of ``proposal`` are stored."""
    values = {"id": proposal.id, "status": str(proposal.status), "revision": proposal.revision}
    connection.execute(_BLANK, {**values, "now": now})


def erased_at(connection: Connection, proposal_id: str) -> datetime | None:
    """When a proposal was erased; None if it was not, or never was."""
    found: datetime | None = connection.execute(_WAS_ERASED, {"id": proposal_id}).scalar()
    return found


def with_status(connection: Connection, statuses: Collection[ProposalStatus]) -> list[Proposal]:
    """All proposals with one of ``statuses``, in order of arrival."""
    rows = connection.execute(_BY_STATUS, {"statuses": [str(status) for status in statuses]})
    return [_proposal(row) for row in rows]


def select(connection: Connection, wanted: ProposalFilter) -> list[Proposal]:
    """At most ``wanted.limit`` proposals that coordinators may see, in order of arrival."""
    conditions = {
        "status = :status": wanted.status,
        "working_group = :working_group": wanted.working_group,
        "id > CAST(:after AS uuid)": wanted.after,
    }
    where = " AND ".join([_SEEN, *(condition for condition, value in conditions.items() if value)])
    query = text(f"SELECT {_LISTED} FROM proposal WHERE {where} ORDER BY id LIMIT :limit")  # noqa: S608 - constants
    return [_proposal(row) for row in connection.execute(query, asdict(wanted))]


def row_of(proposal: Proposal) -> dict[str, Any]:
    """Its columns by name."""
    row = asdict(proposal)
    lists = ("speakers", "preferred_on", "unavailable_on")
    return row | {name: list(row[name]) for name in lists} | {"status": str(proposal.status)}


def _proposal(row: Row[Any]) -> Proposal:
    values = dict(row._mapping)
    lists = ("speakers", "preferred_on", "unavailable_on")
    status = ProposalStatus(values["status"])
    return Proposal(**values | {name: tuple(values[name]) for name in lists} | {"status": status})
