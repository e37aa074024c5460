"""The decider's public keys: one is published once it is shown that this process opens what is sealed to it.

Forms seal to the newest. An older private half is needed as long as something waits that was sealed to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from shared.core.errors import SettingsError
from shared.core.key_checks import check_value
from shared.core.sealing import open_sealed, public_key_of, seal_to
from shared.store.unit_of_work import UnitOfWork

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
"""Until then a process may still seal to the key before the newest: it looks at a form anew every second, and every
minute at least while the database is slow."""

_TEST = {"test": "of the decider's own key"}


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """Attributes:
    id: hexadecimal.
    at: when it was published.
    needed_by: how many submissions wait that were sealed to it.
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
        work: on the service's database.
        private_keys: of the decider, newest first.
        now: the time.

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
