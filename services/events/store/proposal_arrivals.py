"""New proposals, and the receipts by which a repeated submission is answered like the first one."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from services.events.domain.proposal import Proposal, ProposalStatus
from services.events.store.proposals import COLUMNS, row_of

KEEP_RECEIPTS = timedelta(hours=48)
"""A client that repeats its key later than this proposes anew; the promise is 24 hours."""

_ADD = text(
    f"INSERT INTO proposal (id, {', '.join(COLUMNS)}, person_ref, contact, speaker_names, token_hash) "  # noqa: S608 - names of our own columns
    f"VALUES (CAST(:id AS uuid), {', '.join(f':{name}' for name in COLUMNS)}, decode(:person_ref, 'hex'), "
    ":contact, :speaker_names, :token_hash)"
)
_NOTE = text("""
    INSERT INTO proposal_change (proposal_id, revision, status, note, changed_by, changed_at)
    VALUES (CAST(:id AS uuid), :revision, :status, :note, '', :submitted_at)
""")
_RECEIPT = text("""
    INSERT INTO proposal_receipt (key_hash, fingerprint, proposal_id, status, received_at)
    VALUES (:key_hash, :fingerprint, CAST(:proposal_id AS uuid), :status, :received_at)
    ON CONFLICT (key_hash) DO UPDATE SET key_hash = excluded.key_hash
    RETURNING key_hash, fingerprint, proposal_id::text, status, received_at
""")
_HOW_MANY = text("""
    SELECT count(*) FROM (SELECT FROM proposal WHERE person_ref = decode(:person_ref, 'hex') AND submitted_at > :since
        AND (status = 'unverified') = :unverified LIMIT :most) made
""")
_FORGET = text("""
    DELETE FROM proposal_receipt WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM proposal_receipt WHERE received_at < :before LIMIT :most))
""")


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is stored beside a new proposal: who proposed it and the speakers' names, both encrypted; the hash of the
    link token."""

    contact: bytes
    speaker_names: bytes | None
    token_hash: bytes


@dataclass(frozen=True, slots=True)
class ProposalReceipt:
    """What a submission with an idempotency key was answered.

    Attributes:
        key_hash: of the idempotency key, 32 bytes.
        fingerprint: of the whole submission, 32 bytes.
        proposal_id, status: the answer.
        received_at: aware.
    """

    key_hash: bytes
    fingerprint: bytes
    proposal_id: str
    status: str
    received_at: datetime


def add(connection: Connection, proposal: Proposal, arrival: Arrival) -> None:
    """Store a new proposal and its first revision."""
    values = row_of(proposal) | asdict(arrival)
    connection.execute(_ADD, values)
    connection.execute(_NOTE, values)


def keep_receipt(connection: Connection, receipt: ProposalReceipt) -> ProposalReceipt:
    """Store ``receipt`` unless its key has one already.

    A transaction that is storing a receipt with the same key is waited for.

    Returns:
        The receipt that is stored: this one or the earlier one.
    """
    return ProposalReceipt(*connection.execute(_RECEIPT, asdict(receipt)).one())


def how_many_like(connection: Connection, proposal: Proposal, since: datetime, most: int) -> int:
    """How many whoever makes ``proposal`` has made after ``since`` (aware); counted up to ``most``.

    Those that are unverified count for each other alone: they cost a stranger nothing, so they must not use up what
    the owner of the address may send.
    """
    unverified = proposal.status is ProposalStatus.UNVERIFIED
    asked = {"person_ref": proposal.person_ref, "since": since, "most": most, "unverified": unverified}
    number: int = connection.execute(_HOW_MANY, asked).scalar_one()
    return number


def forget_receipts(connection: Connection, now: datetime, most: int) -> None:
    """Delete up to ``most`` receipts that are older than ``KEEP_RECEIPTS``."""
    connection.execute(_FORGET, {"before": now - KEEP_RECEIPTS, "most": most})
