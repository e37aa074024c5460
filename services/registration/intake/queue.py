"""The decider's side of the queue: leadership, claiming a batch, counting attempts, parking, replaying, public keys.

A batch that fails is retried with fewer rows, so that one bad submission cannot delay the others for long. Attempts are
counted in a separate transaction before each try: a submission that kills the process is counted too.

A public key is published once it is shown that this process opens what is sealed to it. Forms seal to the newest. An
older private half is needed as long as something waits that was sealed to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from services.registration.intake.received import QueuedRow
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import SettingsError
from shared.security.keys import check_value
from shared.security.sealing import open_sealed, public_key_of, seal_to

MAX_ATTEMPTS = 5
BATCH_BY_ATTEMPTS = (200, 50, 12, 3, 1)
"""Rows of a batch, by the attempts of its first row: after five, the last of them alone, a submission is parked."""

ABANDONED_AFTER = timedelta(seconds=2)
"""An attempt of another decider that holds no lock: so long it may be on its way from claiming to deciding."""

FAILED_OFTEN = "it failed or ended the decider five times"

_LEAD = text("SELECT try_to_lead()")
_LEFT_OVER = text("""
    DELETE FROM decider_attempt WHERE decider = CAST(:decider AS uuid) OR started_at < :abandoned RETURNING numbers
""")
_TRIED_BY_ANOTHER = text("SELECT EXISTS (SELECT FROM decider_attempt)")
_COUNT = text("""
    UPDATE submission SET attempts = attempts + 1 WHERE id = ANY(:numbers) AND state = 'received'
""")
_PARK_TRIED = text("""
    UPDATE submission SET state = 'parked', parked_reason = :reason
    WHERE state = 'received' AND attempts >= :max_attempts RETURNING id
""")
_HEAD = text("SELECT id, kind, attempts FROM submission WHERE state = 'received' ORDER BY id LIMIT :limit")
_BEGIN = text("""
    INSERT INTO decider_attempt (numbers, decider, started_at) VALUES (:numbers, CAST(:decider AS uuid), :now)
""")
_END = text("DELETE FROM decider_attempt")
_TAKE_BACK = text("DELETE FROM decider_attempt WHERE decider = CAST(:decider AS uuid)")
_READ = text("""
    SELECT id, kind, form, form_revision, token_hash, fingerprint, network, challenge, code, decider_key,
        received_at, body, entered_by
    FROM submission WHERE id = ANY(:numbers) AND state = 'received' ORDER BY id
""")
_PARK = text("UPDATE submission SET state = 'parked', parked_reason = :reason WHERE id = :number")
_BACKLOG = text("""
    SELECT count(*) FILTER (WHERE state = 'received'), min(received_at) FILTER (WHERE state = 'received'),
        count(*) FILTER (WHERE state = 'parked')
    FROM submission WHERE state IN ('received', 'parked')
""")
_UNDECIDED = text("""
    SELECT count(*) FROM submission
    WHERE form = :form AND kind = 'submission' AND state <> 'decided' AND received_at <= :before
""")
_PARKED = text("""
    SELECT id, kind, form, received_at, attempts, parked_reason FROM submission WHERE state = 'parked' ORDER BY id
""")
_REPLAY = text("""
    UPDATE submission SET state = 'received', parked_reason = NULL, attempts = 0
    WHERE state = 'parked' AND (CAST(:number AS bigint) IS NULL OR id = :number) RETURNING id
""")

_DROP = text("DELETE FROM submission WHERE state = 'parked' AND id = :number")


@dataclass(frozen=True, slots=True)
class ParkedSubmission:
    """A submission that was not decided and waits for an operator."""

    number: int
    kind: str
    form: str
    received_at: datetime
    attempts: int
    reason: str


def try_lead(connection: Connection) -> bool:
    """Return whether this transaction may decide; until it ends no other may."""
    return bool(connection.execute(_LEAD).scalar_one())


def begin_attempt(connection: Connection, now: datetime, decider: str, *, count_left_over: bool) -> list[int]:
    """Claim the next batch and record that it is tried; commit before trying.

    Args:
        connection: the connection of a transaction that leads.
        decider: the id of this decider, UUID text.
        count_left_over: whether to count an attempt that never ended; False if it ended because the database was down.

    Returns:
        the numbers of the batch, empty if nothing waits or another decider is about to try a batch.
    """
    left_over = connection.execute(_LEFT_OVER, {"decider": decider, "abandoned": now - ABANDONED_AFTER}).scalar()
    if left_over and count_left_over:
        connection.execute(_COUNT, {"numbers": left_over})
        connection.execute(_PARK_TRIED, {"max_attempts": MAX_ATTEMPTS, "reason": FAILED_OFTEN})
    elif left_over is None and connection.execute(_TRIED_BY_ANOTHER).scalar_one():
        return []
    head = connection.execute(_HEAD, {"limit": BATCH_BY_ATTEMPTS[0]}).fetchall()
    if not head:
        return []
    numbers = [row[0] for row in _prefix(head)]
    connection.execute(_BEGIN, {"numbers": numbers, "decider": decider, "now": now})
    return numbers


def _prefix(head: Sequence[tuple[int, str, int]]) -> Sequence[tuple[int, str, int]]:
    """The rows that are tried together: fewer after failures. An erasure is alone: it may have to wait."""
    rows = head[: BATCH_BY_ATTEMPTS[min(head[0][2], len(BATCH_BY_ATTEMPTS) - 1)]]
    alone = next((place for place, row in enumerate(rows) if row[1] == "erase"), None)
    return rows if alone is None else rows[: max(1, alone)]


def end_attempt(connection: Connection) -> None:
    """Record, in the transaction that decides a batch, that its attempt has ended."""
    connection.execute(_END)


def take_back_attempt(connection: Connection, decider: str) -> None:
    """Record that an attempt was not made: another process led before it could be, an import or a coordinator's act."""
    connection.execute(_TAKE_BACK, {"decider": decider})


def read_rows(connection: Connection, numbers: Sequence[int]) -> list[QueuedRow]:
    """Return the rows of a batch that are still to be decided, in order."""
    return [_row(row) for row in connection.execute(_READ, {"numbers": list(numbers)})]


def park(connection: Connection, number: int, reason: str) -> None:
    """Set a submission aside that can never be decided as it is; its body is kept."""
    connection.execute(_PARK, {"number": number, "reason": reason})


def backlog(connection: Connection) -> tuple[int, datetime | None, int]:
    """Return how many submissions are undecided, when the oldest of them was received, and how many are parked."""
    undecided, oldest, parked = connection.execute(_BACKLOG).one()
    return int(undecided), oldest, int(parked)


def undecided_submissions(connection: Connection, form: str, before: datetime) -> int:
    """Return how many submissions of ``form``, received until ``before``, are not decided yet, or parked."""
    return int(connection.execute(_UNDECIDED, {"form": form, "before": before}).scalar_one())


def parked_submissions(connection: Connection) -> list[ParkedSubmission]:
    """Return all parked submissions, in order."""
    return [ParkedSubmission(*row) for row in connection.execute(_PARKED)]


def replay_parked(connection: Connection, number: int | None) -> list[int]:
    """Let the decider try parked submissions again, one or (None) all; returns their numbers, in order."""
    return sorted(connection.execute(_REPLAY, {"number": number}).scalars())


def drop_parked(connection: Connection, number: int) -> bool:
    """Delete a parked submission for good; returns whether there was one."""
    return connection.execute(_DROP, {"number": number}).rowcount == 1


def _row(row: Sequence[object]) -> QueuedRow:
    values = [bytes(value) if isinstance(value, memoryview) else value for value in row]
    return QueuedRow(*values)  # type: ignore[arg-type]  # as the statement has them


_PUBLISH = text("""
    INSERT INTO decider_key (id, public, published_at) VALUES (:id, :public, :now) ON CONFLICT (id) DO NOTHING
""")
_PUBLISHED = text("""
    SELECT encode(k.id, 'hex'), k.published_at, (SELECT count(*) FROM submission s
        WHERE s.decider_key = k.id AND s.state IN ('received', 'parked'))
    FROM decider_key k ORDER BY k.published_at, k.id
""")
_RETIRE = text("""
    DELETE FROM decider_key k WHERE EXISTS (SELECT FROM decider_key newer
            WHERE (newer.published_at, newer.id) > (k.published_at, k.id)
                AND newer.published_at < clock_timestamp() - make_interval(secs => :seen_s))
        AND NOT EXISTS (SELECT FROM submission s WHERE s.decider_key = k.id AND s.state IN ('received', 'parked'))
    RETURNING encode(k.id, 'hex')
""")
SEEN_AFTER_S = 120
"""Until then a process may still seal to the key before the newest: it reloads a form every second, and at least every
minute while the database is slow."""

_TEST = {"test": "of the decider's own key"}


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A published key of the decider.

    Attributes:
        id: the id of the key pair, hexadecimal.
        at: the time of publication.
        needed_by: the number of waiting submissions that were sealed to it.
    """

    id: str
    at: datetime
    needed_by: int


def key_id(private: bytes) -> bytes:
    """Return the id of a key pair, 8 bytes."""
    return bytes.fromhex(check_value(private, "decider"))


def publish_key(work: UnitOfWork, private_keys: Sequence[bytes], now: datetime) -> None:
    """Publish the newest key, if it is not published yet.

    Args:
        work: the unit of work on the service's database.
        private_keys: the private keys of the decider, newest first.

    Raises:
        SettingsError: what is sealed to the key does not open by it.
    """
    public = public_key_of(private_keys[0])
    if open_sealed(list(private_keys), seal_to(public, _TEST)) != _TEST:
        raise SettingsError(["TROIKA_DECIDER_KEY_FILE: the newest key does not open what is sealed to it"])
    with work.transaction() as connection:
        connection.execute(_PUBLISH, {"id": key_id(private_keys[0]), "public": public, "now": now})


def published_keys(connection: Connection) -> list[PublishedKey]:
    """Return the decider's public keys, the newest last."""
    return [PublishedKey(*row) for row in connection.execute(_PUBLISHED)]


def retire_keys(connection: Connection) -> list[str]:
    """Delete the keys that are not the newest and that nothing needs; returns their ids."""
    return list(connection.execute(_RETIRE, {"seen_s": SEEN_AFTER_S}).scalars())
