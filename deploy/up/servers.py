"""The servers that hold data: RabbitMQ with our definitions, and PostgreSQL with a migrator and logins a service."""

import json
import os
import secrets
import signal
from pathlib import Path

import psycopg

from deploy.local.ports import is_taken
from deploy.servers import databases, postgres, rabbitmq
from deploy.servers.audit_role import ROLE, is_made
from deploy.servers.logins import DATABASES, LOGINS
from deploy.servers.units import Unit, own_file, own_folder
from deploy.shape import SERVICES
from deploy.up.ports import InstallationPorts
from deploy.up.secrets import broker_definitions
from shared.cli.settings import role_of
from shared.db.embedded_server import SUPERUSER, binaries, make_cluster
from shared.db.roles import migrator
from shared.runtime.accounts import database_account, service_account
from shared.runtime.settings import SettingsEnv, read_database_url

LOGINS_VARIABLE, KEYS_VARIABLE = "TROIKA_UP_LOGINS", "TROIKA_UP_KEYS"
PLUGINS = "[rabbitmq_prometheus].\n"


def broker_units(folder: Path, ports: InstallationPorts, passwords: dict[str, str]) -> tuple[Unit, Unit]:
    """The port mapper, and the node that it serves; their folder is prepared.

    Raises:
        RuntimeError: RabbitMQ is not installed; the message states what to install.
    """
    scripts, account, node = rabbitmq.scripts_folder(), service_account("rabbitmq", "nobody"), ports.node
    place = own_folder(folder / "rabbitmq", account).resolve()
    definitions = own_file(place / "definitions.json", json.dumps(broker_definitions(passwords)), account)
    extra = {"load_definitions": str(definitions), "prometheus.return_per_object_metrics": "false"}
    own_file(place / "rabbitmq.conf", rabbitmq.configuration(node, extra), account)
    own_file(place / "plugins", PLUGINS, account)
    cookie = place / ".erlang.cookie"
    if not cookie.exists():
        own_file(cookie, secrets.token_hex(16), account)
    environment = rabbitmq.environment(place, f"troika{node.amqp}@localhost", node)
    mapper = Unit(
        "names", rabbitmq.name_server_command(node), environment, place, lambda: is_taken(node.names), account
    )
    server = [str(scripts / "rabbitmq-server")]
    return mapper, Unit("rabbitmq", server, environment, place, lambda: rabbitmq.takes_connections(node), account)


def database_unit(folder: Path, port: int, passwords: dict[str, str]) -> Unit:
    """The server, whose cluster is made if there is none."""
    account = database_account()
    place = own_folder(folder / "postgres", account).resolve()
    bin_folder = binaries(folder, account)
    if not (place / "data" / "PG_VERSION").exists():
        make_cluster(bin_folder, place, passwords[SUPERUSER], account)
    return Unit(
        "postgres",
        postgres.server_command(bin_folder, place, port, postgres.SERVER_SETTINGS),
        {},
        place,
        lambda: _takes_connections(port, passwords[SUPERUSER]),
        account,
        stop_signal=signal.SIGINT,
        kill_signal=signal.SIGQUIT,
    )


def make_databases(port: int, passwords: dict[str, str]) -> None:
    """The services' databases and logins; what is there is kept."""
    with psycopg.connect(_superusers(port, passwords[SUPERUSER]), autocommit=True) as connection:
        databases.make_databases(connection, passwords)


def complete_rights(port: int, passwords: dict[str, str]) -> None:
    """Give what the databases' owners cannot, once every database has its newest schema."""
    for database in DATABASES:
        address = _superusers(port, passwords[SUPERUSER], database)
        with psycopg.connect(address, autocommit=True) as connection:
            if is_made(connection, database):
                databases.complete_rights(connection, database)


def audit_urls(port: int, passwords: dict[str, str]) -> dict[str, str]:
    """URL of each database for the audit's login; of the keys database only where the keys of forms are in it."""
    databases = DATABASES if is_in_keys_database() else SERVICES
    return {name: f"postgresql+psycopg://{ROLE}:{passwords[ROLE]}@127.0.0.1:{port}/{name}" for name in databases}


def is_in_keys_database() -> bool:
    """Whether the keys of forms are in the keys database: ``TROIKA_UP_KEYS=database``; else they are in a folder.

    Raises:
        ValueError: it is set to something else, or the databases are those of an operator.
    """
    wanted = os.environ.get(KEYS_VARIABLE, "")
    if wanted not in ("", "folder", "database"):
        raise ValueError(f"{KEYS_VARIABLE}: folder or database is required")
    if wanted == "database" and named_databases():
        raise ValueError(f"{KEYS_VARIABLE}: `make up` makes no keys database where it makes no other")
    return wanted == "database"


def database_url(port: int, passwords: dict[str, str], service: str, process: str) -> str:
    """URL of a service's database for one kind of process."""
    role = role_of(service, process)
    return f"postgresql+psycopg://{role}:{passwords[role]}@127.0.0.1:{port}/{service}"


def given_setting(name: str) -> str:
    """A setting of the person who runs `make up`; empty if there is none.

    Raises:
        SettingsError: it is in a file that cannot be read, or in two places.
    """
    env = SettingsEnv()
    value = env.str(name, "")
    env.seal()
    return value


def named_databases() -> dict[str, str]:
    """Databases that the environment names; all three or none.

    Raises:
        ValueError: some are named and some are not.
    """
    named = {service: given_setting(f"{service.upper()}_DATABASE_URL") for service in SERVICES}
    if any(named.values()) and not all(named.values()):
        raise ValueError("name all of REGISTRATION_, EVENTS_ and NOTIFICATIONS_DATABASE_URL, or none of them")
    return named if all(named.values()) else {}


def named_logins() -> dict[str, str]:
    """Password by login of the databases that are named, from the file of ``TROIKA_UP_LOGINS``; none if that is unset.

    Raises:
        ValueError: a process's login is missing in it.
    """
    file = os.environ.get(LOGINS_VARIABLE, "")
    if not file:
        return {}
    passwords: dict[str, str] = json.loads(Path(file).read_text())
    if missing := sorted({name for service in SERVICES for name in LOGINS[service]} - set(passwords)):
        raise ValueError(f"{LOGINS_VARIABLE}: no password for {', '.join(missing)}")
    return passwords


def named_url(url: str, logins: dict[str, str], service: str, process: str) -> str:
    """``url`` of a database that is named, for one kind of process: the owner's as it is, else that process's login.

    Without ``logins`` every process uses what is named.
    """
    role = role_of(service, process)
    if not logins or role == migrator(service):
        return url
    return read_database_url(url).set(username=role, password=logins[role]).render_as_string(hide_password=False)


def _superusers(port: int, password: str, database: str = SUPERUSER) -> str:
    return f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{port}/{database}"


def _takes_connections(port: int, password: str) -> bool:
    try:
        psycopg.connect(_superusers(port, password), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
