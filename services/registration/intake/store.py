"""The queue of submissions, for whoever fills it: one INSERT each, receipts by hash, the decider's public key.

The login of the public processes may insert named columns and may read no row of the table; what it may know of one
comes from functions that take a hash.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

_INSERT = text("""
    INSERT INTO submission (receipt_hash, form, form_revision, fingerprint, network, challenge, code, body, decider_key)
    VALUES (:receipt_hash, :form, :form_revision, :fingerprint, :network, :challenge, :code, :body, :decider_key)
    ON CONFLICT DO NOTHING
""")
_INSERT_BY_LINK = text("""
    INSERT INTO submission (receipt_hash, kind, form, form_revision, token_hash, fingerprint, code, body, decider_key)
    VALUES (:receipt_hash, :kind, :form, :form_revision, :token_hash, :fingerprint, :code, :body, :decider_key)
    ON CONFLICT DO NOTHING
""")
_RECEIPT = text("SELECT form, code, state, outcome, fingerprint, received_at FROM receipt_of(:hash)")


@dataclass(frozen=True, slots=True)
class QueuedSubmission:
    """A row to be inserted; hashes are 32 bytes.

    Attributes:
        kind: ``submission``, or a command by link.
        token_hash: of the link by which it comes; None for a form that anybody can send.
        body: sealed to the decider's key with the id ``decider_key``.
    """

    receipt_hash: bytes
    form: str
    form_revision: int
    fingerprint: bytes
    code: str
    decider_key: bytes
    body: bytes = field(repr=False)
    network: bytes | None = None
    challenge: bytes | None = None
    kind: str = "submission"
    token_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """What the sender of a submission may know of it.

    Attributes:
        state: ``received``, ``decided`` or ``parked``.
        outcome: of a decided one; a text for a submission, a list of results for a command.
    """

    form: str
    code: str
    state: str
    outcome: Any
    fingerprint: bytes
    received_at: datetime


def insert_submission(connection: Connection, queued: QueuedSubmission) -> bool:
    """Store a submission or a command; False if its receipt exists already, and nothing was stored."""
    values: Mapping[str, Any] = {name: getattr(queued, name) for name in QueuedSubmission.__slots__}
    statement = _INSERT if queued.token_hash is None else _INSERT_BY_LINK
    return connection.execute(statement, dict(values)).rowcount == 1


def find_receipt(connection: Connection, hash_: bytes) -> StoredReceipt | None:
    """Return what is known of the submission with this receipt hash; None if there is none, or no more."""
    row = connection.execute(_RECEIPT, {"hash": hash_}).fetchone()
    if row is None:
        return None
    form, code, state, outcome, fingerprint, received_at = row
    return StoredReceipt(form, code, state, outcome, bytes(fingerprint), received_at)
