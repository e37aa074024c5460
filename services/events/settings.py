"""Settings of the events service: those that every service has, and the keys of proposals."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from services.events.rights import DESK, PUBLIC, RIGHTS, WEB
from services.public_keys import NOTIFICATIONS_PUBLIC, REGISTRATION_PUBLIC
from shared.cli.settings import (
    CONSUME,
    REKEY,
    CommonSettings,
    read_common,
    read_key_file,
    read_public_key,
    with_embedded,
)
from shared.runtime.settings import SettingsEnv
from shared.security.keys import SIGNING_PUBLIC, HeldKey, KeyKind, KeyRule

EVENTS = KeyKind(
    "events",
    "TROIKA_EVENTS_KEY_FILE",
    "decrypts proposals and the names of speakers",
    KeyRule.DATA,
    "Proposals sealed to this service could not be opened, nor could the names of speakers that are stored.",
)
PROPOSAL = KeyKind(
    "proposal",
    "TROIKA_PROPOSAL_KEY_FILE",
    "turns speakers of side events into references",
    KeyRule.IDENTITY,
    "Known speakers would look like other people: two simultaneous side events of one speaker caused no conflict.",
)
KEY_KINDS = (SIGNING_PUBLIC, EVENTS, PROPOSAL, NOTIFICATIONS_PUBLIC, REGISTRATION_PUBLIC)


@dataclass(frozen=True, slots=True)
class EventsSettings:
    """Attributes:
    common: what every service has.
    events_keys: private keys, newest first: open proposals, and keep the names of speakers encrypted.
    proposal_keys: derive references of speakers; the first is never replaced. Only the consumers have them.
    notifications_key: the notifications service's public key; of the processes with the console alone, as is the next.
    registration_key: the registration service's public key.
    """

    common: CommonSettings
    events_keys: tuple[bytes, ...] = field(default=(), repr=False)
    proposal_keys: tuple[bytes, ...] = field(default=(), repr=False)
    notifications_key: bytes = b""
    registration_key: bytes = b""

    @property
    def held_keys(self) -> list[HeldKey]:
        """The keys of this kind of process, to compare with those in the database."""
        return [
            *self.common.held_keys,
            *EVENTS.held(self.events_keys),
            *PROPOSAL.held(self.proposal_keys),
            *NOTIFICATIONS_PUBLIC.held([self.notifications_key] if self.notifications_key else []),
            *REGISTRATION_PUBLIC.held([self.registration_key] if self.registration_key else []),
        ]


def read_settings(process: str = WEB, environment: Mapping[str, str] | None = None) -> EventsSettings:
    """What a kind of process needs of the settings in ``environment`` (this process's, if None); the rest is empty.

    Raises:
        SettingsError: something is missing or wrong; it lists all of it.
    """
    env = SettingsEnv(process, environment)
    settings = EventsSettings(read_common(env, "events", process, serving=(DESK, WEB), public=(PUBLIC,)))
    if process in (DESK, WEB, CONSUME, REKEY):
        settings = replace(settings, events_keys=read_key_file(env, EVENTS))
    if process == CONSUME:
        settings = replace(settings, proposal_keys=read_key_file(env, PROPOSAL))
    if process in (DESK, WEB):
        settings = replace(
            settings,
            notifications_key=read_public_key(env, NOTIFICATIONS_PUBLIC),
            registration_key=read_public_key(env, REGISTRATION_PUBLIC),
        )
    env.seal()
    return replace(settings, common=with_embedded(settings.common, RIGHTS))
