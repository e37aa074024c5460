"""Settings of the events service: those that every service has, and the keys of proposals."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast, get_args

from services.events.rights import RIGHTS
from shared.core.key_checks import NOTIFICATIONS_PUBLIC, SIGNING, HeldKey, KeyKind, KeyRule
from shared.core.key_files import KEY_BYTES
from shared.core.settings import Reader
from shared.process.settings import REKEY, WEB, CommonSettings, key_file, read_common, with_embedded
from shared.public_forms.work_asked import Asking

PROPOSAL = KeyKind(
    "proposal",
    "TROIKA_PROPOSAL_KEY_FILE",
    KeyRule.IDENTITY,
    "Proposers who are known would be taken for others, and could not be found again.",
)
PROPOSAL_VAULT = KeyKind(
    "proposal-vault",
    "TROIKA_PROPOSAL_VAULT_FILE",
    KeyRule.DATA,
    "Contacts of proposers could not be opened, and new ones would be closed by a key that others do not hold.",
)
KEY_KINDS = (SIGNING, PROPOSAL, PROPOSAL_VAULT, NOTIFICATIONS_PUBLIC)


@dataclass(frozen=True, slots=True)
class EventsSettings:
    """Attributes:
    common: what every service has.
    proposal_keys: turn people into references; and close who proposed a side event where there is no vault. The first
        is never replaced. The web processes alone have them.
    vault_keys: close who proposed a side event, newest first; none where the proposal key does.
    notifications_key: the notifications service's public key.
    proof_of_work: whether the proposal form asks for one.
    """

    common: CommonSettings
    proposal_keys: tuple[bytes, ...] = field(default=(), repr=False)
    vault_keys: tuple[bytes, ...] = field(default=(), repr=False)
    notifications_key: bytes = b""
    proof_of_work: Asking = "off"

    @property
    def held_keys(self) -> list[HeldKey]:
        """The keys of this kind of process, to be compared with those that the database knows."""
        return [
            *self.common.held_keys,
            *PROPOSAL.held(self.proposal_keys),
            *PROPOSAL_VAULT.held(self.vault_keys),
            *NOTIFICATIONS_PUBLIC.held([self.notifications_key] if self.notifications_key else []),
        ]


def read_settings(environment: Mapping[str, str] | None = None, process: str = WEB) -> EventsSettings:
    """What a kind of process needs of the settings in ``environment`` (this process's, if None); the rest is empty.

    Raises:
        SettingsError: something is missing or wrong; it lists all of it.
    """
    reader = Reader(environment)
    settings = EventsSettings(read_common(reader, "events", process))
    if process in (WEB, REKEY):
        none: tuple[bytes, ...] = ()
        settings = replace(
            settings,
            proposal_keys=reader.take("TROIKA_PROPOSAL_KEY_FILE", key_file),
            vault_keys=reader.take("TROIKA_PROPOSAL_VAULT_FILE", key_file, none),
        )
    if process == WEB:
        notifications_key = reader.take("TROIKA_NOTIFICATIONS_PUBLIC_KEY", _public_key)
        asking: Asking = reader.take("TROIKA_PROPOSAL_PROOF_OF_WORK", _asking, "off")
        settings = replace(settings, notifications_key=notifications_key, proof_of_work=asking)
    reader.finish()
    return replace(settings, common=with_embedded(reader, settings.common, RIGHTS))


def _public_key(text: str) -> bytes:
    key = bytes.fromhex(text)
    if len(key) != KEY_BYTES:
        raise ValueError("64 hex digits are required")
    return key


def _asking(text: str) -> Asking:
    if text not in get_args(Asking):
        raise ValueError("off or asked is required")
    return cast(Asking, text)
