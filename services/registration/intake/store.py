"""The queue as others than its decider see it: the decider's public key, whether it is full, and how to pause it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from shared.public_forms.work_asked import MOST_COUNTED, RUSH_WINDOW

_KEY = text("SELECT id, public FROM decider_key ORDER BY published_at DESC, id LIMIT 1")
_IS_FULL = text("SELECT intake_is_full(:max_bytes)")
_COUNT_CHALLENGES = text("""
    SELECT count(*) FROM
        (SELECT FROM used_challenge WHERE form = :form AND used_at > :since LIMIT :most) AS lately
""")


@dataclass(frozen=True, slots=True)
class DeciderPublicKey:
    """A key that only the decider can open: id of 8 bytes, X25519 public key of 32."""

    id: bytes
    public: bytes


def newest_decider_key(connection: Connection) -> DeciderPublicKey | None:
    """Return the key to seal to; None before a decider has published one."""
    row = connection.execute(_KEY).fetchone()
    return None if row is None else DeciderPublicKey(bytes(row[0]), bytes(row[1]))


def is_full(connection: Connection, max_bytes: int) -> bool:
    """Return whether the queue takes more than ``max_bytes`` of the disk, so that nothing more is accepted."""
    return bool(connection.execute(_IS_FULL, {"max_bytes": max_bytes}).scalar_one())


def used_lately(connection: Connection, form: str, now: datetime) -> int:
    """How many challenges of ``form`` were used in the time that decides how much work the next one asks for.

    All processes count the same rows, so they ask for the same work. It is never counted further than matters.
    """
    values = {"form": form, "since": now - RUSH_WINDOW, "most": MOST_COUNTED}
    return int(connection.execute(_COUNT_CHALLENGES, values).scalar_one())


_INSERT = text("""
    INSERT INTO submission (receipt_hash, kind, form, form_revision, fingerprint, network, challenge, code, body,
        decider_key)
    VALUES (:receipt_hash, :kind, :form, :form_revision, :fingerprint, :network, :challenge, :code, :body, :decider_key)
    ON CONFLICT DO NOTHING
""")
_INSERT_BY_LINK = text("""
    INSERT INTO submission (receipt_hash, kind, form, form_revision, token_hash, fingerprint, network, code, body,
        decider_key)
    VALUES (:receipt_hash, :kind, :form, :form_revision, :token_hash, :fingerprint, :network, :code, :body,
        :decider_key)
    ON CONFLICT DO NOTHING
""")
_INSERT_BY_DESK = text("""
    INSERT INTO submission (receipt_hash, kind, form, form_revision, fingerprint, code, body, decider_key, entered_by)
    VALUES (:receipt_hash, :kind, :form, :form_revision, :fingerprint, :code, :body, :decider_key, :entered_by)
    ON CONFLICT DO NOTHING
""")
_RECEIPT = text("""
    SELECT form, code, state, outcome, fingerprint, received_at, calendar_key FROM receipt_of(:hash)
""")


@dataclass(frozen=True, slots=True)
class QueuedSubmission:
    """A row to be inserted; hashes are 32 bytes.

    Attributes:
        kind: ``submission``, ``send-list``, a command by link, or one of the desk.
        token_hash: of the link by which it comes; None for what anybody can send.
        body: sealed to the decider's key with the id ``decider_key``.
        entered_by: the coordinator whose command it is; None for everybody else's.
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
    entered_by: str | None = None


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """What the sender of a submission may know of it.

    Attributes:
        state: ``received``, ``decided`` or ``parked``.
        outcome: of a decided one; a text for a submission, a list of results for a command.
        calendar_key: of the UID that the invitation has, if a seat was given at once.
    """

    form: str
    code: str
    state: str
    outcome: Any
    fingerprint: bytes
    received_at: datetime
    calendar_key: str | None = None


def insert_submission(connection: Connection, queued: QueuedSubmission) -> bool:
    """Store a submission or a command; False if its receipt exists already, and nothing was stored."""
    values: Mapping[str, Any] = {name: getattr(queued, name) for name in QueuedSubmission.__slots__}
    statement = _INSERT if queued.token_hash is None else _INSERT_BY_LINK
    statement = statement if queued.entered_by is None else _INSERT_BY_DESK
    return connection.execute(statement, dict(values)).rowcount == 1


def find_receipt(connection: Connection, hash_: bytes) -> StoredReceipt | None:
    """Return what is known of the submission with this receipt hash; None if there is none, or no more."""
    row = connection.execute(_RECEIPT, {"hash": hash_}).fetchone()
    if row is None:
        return None
    form, code, state, outcome, fingerprint, received_at, calendar_key = row
    return StoredReceipt(form, code, state, outcome, bytes(fingerprint), received_at, calendar_key)
