"""The decider's public key: published once it is shown that this process opens what is sealed to it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from shared.core.errors import SettingsError
from shared.core.key_checks import check_value
from shared.core.sealing import open_sealed, public_key_of, seal_to
from shared.store.unit_of_work import UnitOfWork

_PUBLISH = text("""
    INSERT INTO decider_key (id, public, published_at) VALUES (:id, :public, :now) ON CONFLICT (id) DO NOTHING
""")
_TEST = {"test": "of the decider's own key"}


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
