"""Finds the settings of an installation: in a folder of settings, or of ``make up`` on this machine."""

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from deploy.compose.settings_files import MONITOR_FOLDER, MONITOR_URL
from deploy.local.installation import MAIL_FROM
from deploy.local.secrets import Secrets
from deploy.operations.doctor.broker import MANAGEMENT_URL, METRICS_URLS
from deploy.operations.doctor.grading import GradedHost, HostBroker, HostDatabase, HostKeyFile
from deploy.operations.doctor.keys import FORM_KEYS, KEYS_DATABASE, KINDS
from deploy.operations.doctor.network import PROMETHEUS_URL
from deploy.servers.audit_role import variable
from deploy.servers.logins import KEYS
from deploy.servers.monitor_role import MONITOR
from deploy.shape import PROCESSES, SERVICES
from deploy.up.ports import chosen_ports
from deploy.up.secrets import broker_url
from deploy.up.servers import audit_urls, database_url, named_databases
from shared.cli.settings import MIGRATE, OPERATOR
from shared.db.embedded_server import SUPERUSER
from shared.runtime import settings
from shared.runtime.errors import SettingsError
from shared.runtime.settings import SettingsEnv

T = TypeVar("T")

FOLDER = "TROIKA_DOCTOR_SETTINGS"
ON_A_MACHINE = Path("/etc/troika/settings")
OF_SERVERS = frozenset({"postgres", "keys-postgres", "rabbitmq", "targets", "exporter"})
"""Folders of settings that servers read, under separate accounts."""

DATABASE_VARIABLES = {
    **{f"{service.upper()}_DATABASE_URL": service for service in SERVICES},
    **{variable(database): database for database in (*SERVICES, KEYS)},
    KEYS_DATABASE: KEYS,
}
BROKER_VARIABLES = ("TROIKA_BROKER_URL", "TROIKA_AUDIT_BROKER_URL")
SHARED_VARIABLES = ("TROIKA_PUBLIC_URL", "TROIKA_CONSOLE_URL", "SMTP_URL", MANAGEMENT_URL)
KEY_VARIABLES = frozenset(kind.variable for kinds in KINDS.values() for kind in kinds)
_SETTING = re.compile(r"(?:export +)?([A-Z][A-Z0-9_]*)=(.*)")


def find_host(environment: Mapping[str, str]) -> GradedHost:
    """This host as its settings describe it.

    Raises:
        SettingsError: there are no settings, or they cannot be read; the text has what is needed.
    """
    given = environment.get(FOLDER) or environment.get(settings.VARIABLE)
    up = Path(environment.get("TROIKA_UP_FOLDER") or "var/up")
    try:
        if given:
            return from_folder(Path(given), environment)
        if (up / "secrets" / "databases.json").exists():
            return from_make_up(up, environment)
        if ON_A_MACHINE.is_dir():
            return from_folder(ON_A_MACHINE, environment)
    except OSError as error:
        raise SettingsError([f"settings cannot be read ({error}): run the doctor as root"]) from error
    raise SettingsError(
        [f"no settings found: name the folder of settings in {FOLDER}, or start an installation here: make up"]
    )


def from_folder(folder: Path, environment: Mapping[str, str]) -> GradedHost:
    """A host whose settings are files, as Compose, systemd and the chart have them.

    Args:
        folder: the folder that has a folder for each process, or for each container with one for each of its processes.
        environment: further settings, which take precedence.

    Raises:
        OSError: a file cannot be read.
    """
    files = [path for path in _settings_of(folder) if path.is_file()]
    values: dict[str, str] = {}
    values.update({path.name: _text(path) for path in files if path.name in SHARED_VARIABLES})
    values.update(_environment_file(folder.parent / "troika.env"))
    for place in (folder / "form-keys", Path("/var/lib/troika/form-keys")):
        if place.is_dir():
            values.setdefault(FORM_KEYS, str(place))
    values.update(environment)
    databases = [_database(path) for path in files if path.name in DATABASE_VARIABLES]
    databases += [HostDatabase(KEYS, OPERATOR, values[KEYS_DATABASE])] if values.get(KEYS_DATABASE) else []
    brokers = [_broker(_text(path)) for path in files if path.name in BROKER_VARIABLES]
    monitor = folder / MONITOR_FOLDER / MONITOR_URL
    return GradedHost(
        where=f"the folder {folder}",
        databases=tuple(_first_of_each(databases, lambda one: (one.service, one.url))),
        brokers=tuple(_first_of_each(brokers, lambda one: one.login)),
        key_files=tuple(_key(path) for path in files if path.name in KEY_VARIABLES),
        values=values,
        secret_files=tuple(files),
        secret_folder=folder,
        folders=_folders(),
        monitor_url=values.get(MONITOR_URL) or (_text(monitor) if monitor.is_file() else ""),
    )


def from_make_up(folder: Path, environment: Mapping[str, str]) -> GradedHost:
    """The host of ``make up`` in ``folder``."""
    ports, place = chosen_ports(folder / "ports.json"), folder / "secrets"
    passwords: dict[str, str] = json.loads((place / "databases.json").read_text())
    logins: dict[str, str] = json.loads((place / "broker.json").read_text())
    secrets, env = Secrets(place, ""), SettingsEnv(environment=environment)
    relay = env.str("SMTP_URL", f"smtp://127.0.0.1:{ports['smtp']}")
    env.seal()
    values = {
        "TROIKA_PUBLIC_URL": ports.public_url,
        "TROIKA_CONSOLE_URL": ports.desk_url,
        "TROIKA_MAIL_FROM": MAIL_FROM,
        "SMTP_URL": relay,
        METRICS_URLS: f"http://127.0.0.1:{ports['rabbitmq-metrics']}",
        PROMETHEUS_URL: f"http://127.0.0.1:{ports['prometheus']}",
        FORM_KEYS: str(place / "form-keys"),
        **{name: value for name, value in environment.items() if value},
    }
    monitor = f"postgresql://{MONITOR}:{passwords.get(MONITOR)}@127.0.0.1:{ports['postgres']}/{SUPERUSER}"
    return GradedHost(
        where=f"make up, in {folder}",
        databases=tuple(_databases_of_make_up(ports["postgres"], passwords)),
        brokers=tuple(HostBroker(name, (broker_url(name, logins[name], ports["amqp"]),)) for name in logins),
        key_files=tuple(_keys_of_make_up(secrets)),
        values=values,
        secret_files=tuple(path for path in sorted(place.rglob("[!.]*")) if path.is_file()),
        secret_folder=place,
        folders={**_folders(), "data": folder, "logs": folder / "logs"},
        monitor_url=values.get(MONITOR_URL, monitor if MONITOR in passwords and not named_databases() else ""),
    )


def _settings_of(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in OF_SERVERS or path.name.startswith("."):
            continue
        if path.is_dir():
            yield path
            yield from _settings_of(path)
        else:
            yield path


def _database(path: Path) -> HostDatabase:
    return HostDatabase(DATABASE_VARIABLES[path.name], path.parent.name, _text(path))


def _broker(text: str) -> HostBroker:
    urls = tuple(part.strip() for part in text.split(",") if part.strip())
    return HostBroker(unquote(urlsplit(urls[0]).username or "guest"), urls)


def _key(path: Path) -> HostKeyFile:
    service = next((name for name in SERVICES if path.parent.parent.name.startswith(f"{name}-")), "")
    if path.name.endswith("_FILE"):
        return HostKeyFile(service, path.parent.name, path.name, path)
    return HostKeyFile(service, path.parent.name, path.name, text=_text(path))


def _databases_of_make_up(port: int, passwords: dict[str, str]) -> Iterator[HostDatabase]:
    named = named_databases()
    for service in SERVICES:
        if named:
            yield HostDatabase(service, OPERATOR, named[service])
            continue
        processes = [process for owner, process in PROCESSES if owner == service]
        for process in (*processes, OPERATOR, MIGRATE):
            yield HostDatabase(service, process, database_url(port, passwords, service, process))
        yield HostDatabase(service, "audit", audit_urls(port, passwords)[service])


def _keys_of_make_up(secrets: Secrets) -> Iterator[HostKeyFile]:
    for service, process in (*PROCESSES, *((service, OPERATOR) for service in SERVICES)):
        for name, value in secrets.of(service, process).items():
            if name in KEY_VARIABLES and name.endswith("_FILE"):
                yield HostKeyFile(service, process, name, Path(value))
            elif name in KEY_VARIABLES:
                yield HostKeyFile(service, process, name, text=value)


def _folders() -> dict[str, Path]:
    """Folders with data, logs and temporary files that this machine has."""
    found = {
        "data": Path("/var/lib/postgresql"),
        "broker": Path("/var/lib/rabbitmq"),
        "logs": Path("/var/log"),
        "temporary": Path(tempfile.gettempdir()),
        "system": Path("/"),
    }
    return {name: folder for name, folder in found.items() if folder.is_dir()}


def _environment_file(path: Path) -> dict[str, str]:
    """Settings of a file for systemd; none if it is not there."""
    lines = path.read_text().splitlines() if path.is_file() else []
    found = filter(None, map(_SETTING.fullmatch, lines))
    return {match[1]: match[2].strip().strip("\"'") for match in found}


def _first_of_each(items: list[T], key: Callable[[T], object]) -> list[T]:
    return list({key(item): item for item in reversed(items)}.values())[::-1]


def _text(path: Path) -> str:
    return path.read_text().strip()
