"""Builds what the workers and the command line need; ``web`` beside it builds the application."""

from collections.abc import Mapping
from pathlib import Path

from services.notifications.cleanup import RULES
from services.notifications.consumers import effects
from services.notifications.recipients.store import erased_among
from services.notifications.rights import DESK, PUBLIC, RIGHTS
from services.notifications.rules.registrations import NotificationsContext
from services.notifications.settings import KEY_KINDS, NotificationsSettings, read_settings
from shared.cli.settings import CONSUME, Service
from shared.messaging.inbox import Effect
from shared.runtime.clock import system_clock
from shared.security.keys import KeyChecks
from shared.security.sealing import Vault

NAME = "notifications"
MIGRATIONS = Path(__file__).parent / "migrations"

WEB_PARTS = {
    PUBLIC: "Serve the links in bulletins.",
    DESK: "Serve the console and the API with a key.",
}


def describe() -> Service:
    """The service, for its command line."""
    return Service(
        name=NAME,
        migrations=MIGRATIONS,
        settings=lambda process: read_settings(process=process).common,
        rights=RIGHTS,
        key_kinds=KEY_KINDS,
        keys=lambda process, work: KeyChecks(work, read_settings(process=process).held_keys, NAME).faults,
        effects=lambda _work: build_effects(read_settings(process=CONSUME)),
        web_parts=WEB_PARTS,
        rules=RULES,
        erased=erased_among,
    )


def build_effects(settings: NotificationsSettings) -> Mapping[str, Effect]:
    """The effect of a message from each queue."""
    vault = Vault(list(settings.vault_keys))
    return effects(NotificationsContext(system_clock, settings.private_keys, vault, settings.mail_domain))
