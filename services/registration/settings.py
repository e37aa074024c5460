"""Settings of the registration service, from the environment; one error lists all that is missing or wrong."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from services.registration.rights import RIGHTS
from shared.core.key_checks import NOTIFICATIONS_PUBLIC, SIGNING, HeldKey, KeyKind, KeyRule
from shared.core.key_files import KEY_BYTES
from shared.core.settings import Reader
from shared.process.settings import OPERATOR, WEB, CommonSettings, key_file, read_common, with_embedded

PERSON = KeyKind(
    "person",
    "TROIKA_PERSON_KEY_FILE",
    KeyRule.IDENTITY,
    "People who are known would be registered a second time, and could not be found again.",
)
MASTER = KeyKind(
    "master",
    "TROIKA_MASTER_KEY_FILE",
    KeyRule.DATA,
    "Sealed answers could not be read, and new ones would be lost with the right key.",
)
KEY_KINDS = (SIGNING, PERSON, MASTER, NOTIFICATIONS_PUBLIC)


@dataclass(frozen=True, slots=True)
class RegistrationSettings:
    """Attributes:
    common: what every service has.
    person_keys: turn an address into its reference; newest first. The web processes alone have them.
    master_keys: wrap the keys of forms, newest first. The web processes have them, and who loads forms.
    form_keys_folder: of the wrapped keys, outside the database; likewise.
    notifications_key: the notifications service's public key.
    organiser: shown on forms.
    """

    common: CommonSettings
    person_keys: tuple[bytes, ...] = field(default=(), repr=False)
    master_keys: tuple[bytes, ...] = field(default=(), repr=False)
    form_keys_folder: Path = Path()
    notifications_key: bytes = b""
    organiser: str = ""

    @property
    def held_keys(self) -> list[HeldKey]:
        """The keys of this kind of process, to be compared with those that the database knows."""
        return [
            *self.common.held_keys,
            *PERSON.held(self.person_keys),
            *MASTER.held(self.master_keys),
            *NOTIFICATIONS_PUBLIC.held([self.notifications_key] if self.notifications_key else []),
        ]


def read_settings(process: str = WEB) -> RegistrationSettings:
    """What a kind of process needs of the settings in the environment; the rest is left empty.

    Raises:
        SettingsError: lists everything that is missing or wrong.
    """
    reader = Reader()
    settings = RegistrationSettings(read_common(reader, "registration", process))
    if process == WEB:
        settings = replace(
            settings,
            person_keys=reader.take("TROIKA_PERSON_KEY_FILE", key_file),
            notifications_key=reader.take("TROIKA_NOTIFICATIONS_PUBLIC_KEY", _public_key),
            organiser=reader.text("TROIKA_ORGANISER", "The organisers"),
        )
    if process in (WEB, OPERATOR):
        settings = replace(
            settings,
            master_keys=reader.take("TROIKA_MASTER_KEY_FILE", key_file),
            form_keys_folder=reader.folder("TROIKA_FORM_KEYS"),
        )
    reader.finish()
    return replace(settings, common=with_embedded(reader, settings.common, RIGHTS))


def _public_key(text: str) -> bytes:
    key = bytes.fromhex(text)
    if len(key) != KEY_BYTES:
        raise ValueError("64 hex digits are required")
    return key
