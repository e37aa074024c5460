"""Settings of the events service: those that every service has, and the keys of proposals."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.core.key_files import KEY_BYTES
from shared.core.settings import Reader
from shared.process.settings import CommonSettings, key_file, read_common


@dataclass(frozen=True, slots=True)
class EventsSettings:
    """Attributes:
    common: what every service has.
    proposal_keys: close who proposed a side event, and turn people into references; newest first.
    notifications_key: the notifications service's public key.
    """

    common: CommonSettings
    proposal_keys: tuple[bytes, ...] = field(repr=False)
    notifications_key: bytes


def read_settings(environment: Mapping[str, str] | None = None) -> EventsSettings:
    """The settings in ``environment`` (this process's, if None).

    Raises:
        SettingsError: something is missing or wrong; it lists all of it.
    """
    reader = Reader(environment)
    settings = EventsSettings(
        common=read_common(reader, "events"),
        proposal_keys=reader.take("TROIKA_PROPOSAL_KEY_FILE", key_file),
        notifications_key=reader.take("TROIKA_NOTIFICATIONS_PUBLIC_KEY", _public_key),
    )
    reader.finish()
    return settings


def _public_key(text: str) -> bytes:
    key = bytes.fromhex(text)
    if len(key) != KEY_BYTES:
        raise ValueError("64 hex digits are required")
    return key
