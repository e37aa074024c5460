"""The databases and keys that a recovery needs: from the environment, else from `make up` on this machine."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.compose.settings_files import RECOVERY_FOLDER
from deploy.local.secrets import read_secrets
from deploy.operations.recover.databases import NOTIFICATIONS, REGISTRATION, SERVICES
from deploy.up.servers import database_url
from services.notifications.composing.mime import domain_of
from services.public_keys import EVENTS_PUBLIC, NOTIFICATIONS_PUBLIC
from shared.cli.settings import MIGRATE, key_file, read_database, read_public_key
from shared.runtime.errors import SettingsError
from shared.runtime.settings import FROM_FILE, SettingsEnv

NEEDED = (
    "Name REGISTRATION_DATABASE_URL, EVENTS_DATABASE_URL and NOTIFICATIONS_DATABASE_URL, each with the login that owns "
    "the database (its migrator)"
)
VAULT_VARIABLE = "TROIKA_NOTIFICATIONS_VAULT_FILE"


@dataclass(frozen=True, slots=True)
class RecoverSettings:
    """Attributes:
    urls: the addresses of the databases with their owner's login, by service.
    notifications_key: the public key of notifications, 32 bytes.
    events_key: the public key of events, 32 bytes.
    vault_keys: decrypt the recipients; only for the list of people who must be written to.
    mail_domain: what Message-IDs end with.
    where: the place where they were found, in words.
    """

    urls: Mapping[str, str]
    notifications_key: bytes
    events_key: bytes
    vault_keys: tuple[bytes, ...] = field(repr=False)
    mail_domain: str
    where: str


def variable(service: str) -> str:
    """The name of the setting that holds a database's address for its owner."""
    return f"{service.upper()}_DATABASE_URL"


def read_settings(environment: Mapping[str, str] | None = None) -> RecoverSettings:
    """The settings in ``environment`` (this process's, if None).

    Raises:
        SettingsError: something is missing or wrong.
    """
    env, where = SettingsEnv(RECOVERY_FOLDER, environment), "from the environment"
    if not any(env.given.get(variable(service) + end) for service in SERVICES for end in ("", FROM_FILE)):
        env, where = SettingsEnv(RECOVERY_FOLDER, {**_of_make_up(env.given), **env.given}), "make up"
    urls = {service: read_database(env, variable(service)) for service in SERVICES}
    settings = RecoverSettings(
        urls,
        read_public_key(env, NOTIFICATIONS_PUBLIC),
        read_public_key(env, EVENTS_PUBLIC),
        env.parsed(VAULT_VARIABLE, key_file, ()),
        env.parsed("TROIKA_MAIL_FROM", domain_of, about="its domain ends Message-IDs"),
        where,
    )
    env.seal()
    return settings


def _of_make_up(environment: Mapping[str, str]) -> dict[str, str]:
    """Settings of the installation that `make up` runs on this machine."""
    folder = Path(environment.get("TROIKA_UP_FOLDER") or "var/up")
    passwords, ports = folder / "secrets" / "databases.json", folder / "ports.json"
    if not (passwords.exists() and ports.exists()):
        raise SettingsError([NEEDED])
    known, port = json.loads(passwords.read_text()), json.loads(ports.read_text())["postgres"]
    found = {variable(service): database_url(port, known, service, MIGRATE) for service in SERVICES}
    keys = read_secrets(folder / "secrets")
    public = keys.of(REGISTRATION, "decide")
    vault = keys.of(NOTIFICATIONS, "send")
    return found | public | {VAULT_VARIABLE: vault[VAULT_VARIABLE], "TROIKA_MAIL_FROM": "upr@example.org"}
