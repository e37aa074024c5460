"""Settings of each process as files, one folder for each, as Compose, systemd and Kubernetes hand them over.

Keys, passwords and addresses are written once; written again, everything stays.
"""

import secrets as random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, urlsplit

from deploy.compose.containers import COMMAND_PROCESSES, SIZES, Container, containers
from deploy.local.secrets import KEYS_DATABASE, Secrets, enters_keys_database
from deploy.servers.audit_role import ROLE, variable
from deploy.servers.logins import KEYS
from deploy.servers.monitor_role import MONITOR
from deploy.servers.rabbitmq import VHOST
from deploy.shape import SERVICES
from deploy.up.secrets import broker_passwords, database_passwords
from shared.cli.settings import MIGRATE, WITHOUT_DATABASE, role_of
from shared.db.embedded_server import SUPERUSER
from shared.messaging.broker import OPERATOR as BROKER_OPERATOR
from shared.messaging.broker import consumer_user, relay_user
from shared.messaging.topology import AUDIT, TOPOLOGY
from shared.runtime.errors import SettingsError

ELSEWHERE = ("TROIKA_ACCESS_FILE", "TROIKA_FORM_KEYS")
"""Settings whose files several containers share: Compose names them (``deploy/compose/compose.py``), or the units."""

MONITOR_FOLDER, MONITOR_URL = "monitor", "TROIKA_DOCTOR_DATABASE_URL"
"""Of the login that sees the database server's statistics."""

AUDIT_FOLDER, DOCTOR_FOLDER = "audit", "doctor"
TOOLS_FOLDER, RECOVERY_FOLDER = "tools", "recovery"
"""Of an operator's commands, with a folder for each kind of process, for the audit, and for `troika recover`."""

TOOLS = (*COMMAND_PROCESSES, AUDIT_FOLDER, RECOVERY_FOLDER)
"""All folders of the tools."""

_RECOVERY_KEYS = (("registration", "tend"), ("notifications", "rekey"))
"""Processes whose keys a recovery needs: it seals messages, and decrypts the recipients whom someone must write to."""

BROKER_LOGINS: Mapping[str, Callable[[str], str]] = {
    "relay": relay_user,
    "consume": consumer_user,
    "parked": lambda _service: BROKER_OPERATOR,
    "topology": lambda _service: TOPOLOGY,
}


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the servers are.

    Attributes:
        postgres: host and port.
        query: the query string of the databases' addresses, ``?sslmode=verify-full``.
        broker: host and port.
        scheme: the scheme of the broker's address.
        keys: host and port of the server with the keys database; empty where the keys of forms are in a folder.
    """

    postgres: str = "postgres:5432"
    query: str = ""
    broker: str = "rabbitmq:5672"
    scheme: str = "amqp"
    keys: str = ""

    def keys_database(self, role: str, passwords: Mapping[str, str]) -> str:
        """URL of the keys database for a role."""
        return replace(self, postgres=self.keys).database(role, passwords, KEYS)

    def database(self, role: str, passwords: Mapping[str, str], database: str) -> str:
        """URL of a database for a role."""
        return f"postgresql://{role}:{passwords[role]}@{self.postgres}/{database}{self.query}"

    def broker_url(self, user: str, passwords: Mapping[str, str]) -> str:
        """URL of the broker for a login."""
        return f"{self.scheme}://{user}:{quote(passwords[user], safe='')}@{self.broker}/{VHOST}"


ADDRESSES = ("TROIKA_PUBLIC_URL", "TROIKA_CONSOLE_URL")
"""Of both hosts; only a web process of registration reads the second."""

OF_COMPOSE = Servers()


@dataclass(frozen=True, slots=True)
class Logins:
    """The servers, and the password of each login there."""

    servers: Servers
    databases: Mapping[str, str]
    brokers: Mapping[str, str]

    def database(self, role: str, database: str) -> str:
        """URL of a database for a role."""
        return self.servers.database(role, self.databases, database)

    def broker(self, user: str) -> str:
        """URL of the broker for a login."""
        return self.servers.broker_url(user, self.brokers)


def claim(file: Path, project: str) -> None:
    """Note whose volume this is.

    Raises:
        SettingsError: another installation's.
    """
    if not file.exists():
        file.write_text(f"{project} {random.token_hex(8)}")
    owner = file.read_text().split()[0]
    if owner != project:
        raise SettingsError(
            [f"the volume of settings belongs to the installation {owner!r}, and this is {project!r}: "
             "two installations with one volume would answer with each other's keys"]
        )  # fmt: skip


def require_keys_apart(servers: Servers) -> None:
    """Do nothing if the keys database is on a separate server.

    Raises:
        SettingsError: it is on the server of the other databases.
    """
    if shared := sorted(_places(servers.keys) & _places(servers.postgres)):
        raise SettingsError(
            [f"the keys database is on {', '.join(shared)}, as the other databases are: a base backup, the WAL or a "
             "copy of the disk would hold the keys of forms together with the answers that they open, and a destroyed "
             "key would live on in it. Name a server of its own"]
        )  # fmt: skip


def _places(hosts: str) -> set[str]:
    """Each ``host:port`` of a list with commas."""
    return {host if ":" in host else f"{host}:5432" for host in hosts.lower().split(",") if host}


def write_settings(volume: Path, secrets: Secrets, given: Mapping[str, str], servers: Servers = OF_COMPOSE) -> None:
    """Write a folder for each container of either size, and those of the tools and the audit.

    Raises:
        SettingsError: the keys database is on the server of the other databases; nothing is written.
    """
    require_keys_apart(servers)
    databases, broker = database_passwords(secrets.folder), broker_passwords(secrets.folder)
    logins = Logins(servers, databases, broker)
    every = {container.settings: container for size in SIZES for container in containers(size)}
    for container in every.values():
        folder = volume / container.settings
        for process in container.processes:
            _write(folder / process, _settings(container, process, secrets, given, logins))
        _write(folder, {name: given[name] for name in ADDRESSES if name in given})
    audit = _audit(logins)
    if not servers.keys:
        _forget_keys_database(volume)
    _write(volume / AUDIT_FOLDER, audit)
    _write_tools(volume / TOOLS_FOLDER, secrets, given, logins)
    _write(volume / TOOLS_FOLDER / AUDIT_FOLDER, audit)
    _write(volume / MONITOR_FOLDER, {MONITOR_URL: servers.database(MONITOR, databases, SUPERUSER)})
    (volume / "access").mkdir(exist_ok=True, mode=0o700)
    _write_once(volume / "access" / "access.json", "[]\n")
    (volume / "form-keys").mkdir(exist_ok=True, mode=0o700)


def _audit(logins: Logins) -> dict[str, str]:
    """Settings of the audit; the tools have them too: their own logins may do more than read."""
    found = {variable(service): logins.database(ROLE, service) for service in SERVICES}
    if logins.servers.keys:
        found[variable(KEYS)] = logins.servers.keys_database(ROLE, logins.databases)
    return {**found, "TROIKA_AUDIT_BROKER_URL": logins.broker(AUDIT)}


def _write_tools(folder: Path, secrets: Secrets, given: Mapping[str, str], logins: Logins) -> None:
    """Write what an operator's commands need, in a folder for each kind of process that they are."""
    for process in COMMAND_PROCESSES:
        for service in SERVICES:
            tool = Container("tools", TOOLS_FOLDER, service, process, (process,), web=False)
            _write(folder / process, _settings(tool, process, secrets, given, logins))
    for service in SERVICES:
        url = logins.database(role_of(service, MIGRATE), service)
        _write(folder / RECOVERY_FOLDER, {f"{service.upper()}_DATABASE_URL": url})
    for service, process in _RECOVERY_KEYS:
        _write(folder / RECOVERY_FOLDER, _keys(secrets, service, process))


def write_doctor(volume: Path, given: Mapping[str, str]) -> None:
    """Write what the doctor's container sees: logins that read ids, states and statistics; addresses; no key.

    Args:
        volume: the folder with the settings of the audit and of the monitor's login.
        given: the addresses, and ``SMTP_URL``, of which the doctor gets no password.
    """
    for name in (AUDIT_FOLDER, MONITOR_FOLDER):
        files = {file.name: file.read_text().strip() for file in (volume / name).iterdir()}
        _write(volume / DOCTOR_FOLDER / name, files)
    relay = urlsplit(given["SMTP_URL"])
    anonymous = relay._replace(netloc=relay.netloc.rpartition("@")[2]).geturl()
    addresses = {name: given[name] for name in ADDRESSES if name in given}
    _write(volume / DOCTOR_FOLDER, {**addresses, "SMTP_URL": anonymous})


def _settings(
    one: Container,
    process: str,
    secrets: Secrets,
    given: Mapping[str, str],
    logins: Logins,
) -> dict[str, str | Path]:
    """What ``process`` needs, by name: a text, or the file whose content it is."""
    found: dict[str, str | Path] = {}
    if process not in WITHOUT_DATABASE:
        found[f"{one.service.upper()}_DATABASE_URL"] = logins.database(role_of(one.service, process), one.service)
    if logins.servers.keys and enters_keys_database(one.service, process):
        found[KEYS_DATABASE] = logins.servers.keys_database(role_of(KEYS, process), logins.databases)
    if process in BROKER_LOGINS:
        found["TROIKA_BROKER_URL"] = logins.broker(BROKER_LOGINS[process](one.service))
    if (one.service, process) == ("notifications", "send"):
        found["SMTP_URL"] = given["SMTP_URL"]
    return found | _keys(secrets, one.service, process)


def _keys(secrets: Secrets, service: str, process: str) -> dict[str, str | Path]:
    """Keys of a kind of process: a public key, or the file of a key."""
    named = {name: value for name, value in secrets.of(service, process).items() if name not in ELSEWHERE}
    return {name: Path(value) if name.endswith("_FILE") else value for name, value in named.items()}


def _forget_keys_database(volume: Path) -> None:
    """Of an installation that had one before."""
    for name in (KEYS_DATABASE, variable(KEYS)):
        for file in volume.rglob(name):
            file.unlink()


def _write(folder: Path, values: Mapping[str, str | Path]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name, value in values.items():
        target = folder / name
        if isinstance(value, Path):
            shutil.copyfile(value, target)
        else:
            target.write_text(value + "\n")
        target.chmod(0o600)


def _write_once(file: Path, content: str) -> None:
    if not file.exists():
        file.write_text(content)
        file.chmod(0o600)
