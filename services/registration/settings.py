"""Settings of the registration service, from the environment; one error lists all that is missing or wrong."""

from dataclasses import dataclass, field
from pathlib import Path

from shared.core.key_files import KEY_BYTES
from shared.core.settings import Reader
from shared.process.settings import CommonSettings, key_file, read_common


@dataclass(frozen=True, slots=True)
class RegistrationSettings:
    """Attributes:
    common: what every service has.
    person_keys: turn an address into its reference; this service alone has them, newest first.
    master_keys: wrap the keys of forms, newest first.
    form_keys_folder: of the wrapped keys, outside the database.
    notifications_key: the notifications service's public key.
    organiser: shown on forms.
    """

    common: CommonSettings
    person_keys: tuple[bytes, ...] = field(repr=False)
    master_keys: tuple[bytes, ...] = field(repr=False)
    form_keys_folder: Path
    notifications_key: bytes
    organiser: str


def read_settings() -> RegistrationSettings:
    """The settings from the environment.

    Raises:
        SettingsError: lists everything that is missing or wrong.
    """
    reader = Reader()
    settings = RegistrationSettings(
        common=read_common(reader, "registration"),
        person_keys=reader.take("TROIKA_PERSON_KEY_FILE", key_file),
        master_keys=reader.take("TROIKA_MASTER_KEY_FILE", key_file),
        form_keys_folder=reader.folder("TROIKA_FORM_KEYS"),
        notifications_key=reader.take("TROIKA_NOTIFICATIONS_PUBLIC_KEY", _public_key),
        organiser=reader.text("TROIKA_ORGANISER", "The organisers"),
    )
    reader.finish()
    return settings


def _public_key(text: str) -> bytes:
    key = bytes.fromhex(text)
    if len(key) != KEY_BYTES:
        raise ValueError("64 hex digits are required")
    return key
