"""``troika prepare``: prepares an installation before the rest of it starts; running it again changes nothing.

``settings`` checks the values in ``.env`` of Compose, and writes keys, passwords and the settings of each container
into a volume, of which each container sees only its own part. ``databases`` makes databases and logins and migrates the
schema: with Compose, in Kubernetes, and on a machine whose settings `troika install` has written.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import click
import psycopg
from marshmallow import ValidationError
from marshmallow.validate import Range
from psycopg import sql
from psycopg.conninfo import make_conninfo

from deploy.compose.containers import PROFILES
from deploy.compose.dotenv import dotenv_faults, names_in
from deploy.compose.monitoring import EXPORTER_FOLDER
from deploy.compose.settings_files import OF_COMPOSE, TOOLS_FOLDER, Servers, claim, write_doctor, write_settings
from deploy.local.secrets import FORM_KEYS, KEYS_DATABASE, Secrets, make_keys
from deploy.servers.audit_role import is_made
from deploy.servers.databases import complete_rights, make_databases
from deploy.servers.logins import KEYS
from deploy.servers.monitor_role import MONITOR
from deploy.shape import SERVICES
from deploy.up.secrets import broker_passwords, database_passwords, keys_server_password, write_definitions
from services.notifications.composing.mime import mailbox
from services.notifications.sending.smtp import plain_relay
from shared.cli.settings import HTTP_URL, read_database
from shared.db.embedded_server import SUPERUSER
from shared.runtime.deployment import read_networks
from shared.runtime.errors import SettingsError
from shared.runtime.settings import INSECURE, SMTP, VARIABLE, SettingsEnv, connection_parameters
from shared.runtime.tracing import OTLP_URL

VOLUME, DOTENV = Path("/settings"), Path("/compose/.env")
POSTGRES, KEYS_POSTGRES, RABBITMQ, TARGETS = "postgres", "keys-postgres", "rabbitmq", "targets"
KEYS_PROFILE = "keys"
"""Profile of Compose with the server of the keys database."""

POSTGRES_HOST, SUPERUSER_URL = "TROIKA_POSTGRES_HOST", "TROIKA_SUPERUSER_URL"
"""Settings of `prepare databases`: host and port of the server, if it is not the one of Compose; or its superuser."""

INSECURE_IN_CONTAINERS = "database,broker"
"""Connections that stay inside the network of Compose or of the cluster."""

EXAMPLE = "deploy/compose/.env.example"
"""Describes the settings of ``.env``."""

SINK_URL = "smtp://sink:1025"
BROKER_CONFIGURATION = """\
# Written by `troika prepare settings`. Plain AMQP: it never leaves the network of this Compose installation.
listeners.tcp.default = 5672
prometheus.tcp.port = 15692
prometheus.return_per_object_metrics = false
auth_mechanisms.1 = PLAIN
anonymous_login_user = none
load_definitions = /run/troika/definitions.json
default_vhost = troika
default_queue_type = quorum
max_message_size = 262144
heartbeat = 20
disk_free_limit.absolute = 1GB
vm_memory_high_watermark.relative = 0.4
"""
WAIT_S = 300.0
"""For a server that makes its files on a slow disk."""


@click.group()
def main() -> None:
    """What an installation needs before the rest of it starts."""


@main.command()
def settings() -> None:
    """Check the values in .env, and write the settings of each container into the volume."""
    given = read_environment(os.environ)
    VOLUME.joinpath("prepare").mkdir(exist_ok=True, mode=0o700)
    claim(VOLUME / "prepare" / "installation", os.environ.get("COMPOSE_PROJECT_NAME", "troika"))
    keys = VOLUME / "prepare" / "keys"
    make_keys(keys)
    write_settings(VOLUME, Secrets(keys, ""), given, servers_of(os.environ))
    write_doctor(VOLUME, given)
    write_servers(VOLUME, keys)
    write_files(VOLUME / TARGETS, {"public.json": public_targets(given["TROIKA_PUBLIC_URL"], given["SMTP_URL"])})
    click.echo("Settings of all containers are written.")


@main.command()
def dotenv() -> None:
    """Check the file .env itself: names that nothing reads, and values that Compose changes."""
    if not DOTENV.is_file():
        return  # all settings are in the environment of `docker compose`
    try:
        text = DOTENV.read_text()
    except PermissionError:
        click.echo(f"{DOTENV.name} cannot be read in a container of this engine: $ and names in it are not checked.")
        return
    beside = Path(__file__).parent
    known = set().union(*(names_in(file.read_text()) for file in beside.glob("compose*.yaml")))
    if found := list(dotenv_faults(text, known)):
        raise SettingsError(found, EXAMPLE)


@main.command()
@click.option(
    "--folder",
    envvar="TROIKA_PREPARE_FOLDER",
    default=str(VOLUME),
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the settings of all processes.",
)
@click.option(
    "--superuser-url",
    envvar="TROIKA_SUPERUSER_URL",
    show_default="the superuser that Compose and the chart make",
    help="PostgreSQL's superuser, on a server of your own: postgresql://postgres@db.example.org/postgres"
    "?sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt. A password that it does not contain is asked "
    "for.",
)
def databases(folder: Path, superuser_url: str | None) -> None:
    """Make databases and logins, and bring the schema up to date."""
    passwords = _passwords(folder / "prepare" / "keys" / "databases.json")
    if superuser_url is None:
        superuser, wait_s, insecure = _made_superuser(folder, passwords), WAIT_S, INSECURE_IN_CONTAINERS
    else:
        superuser, wait_s = named_superuser(superuser_url, os.environ), 0.0
        insecure = os.environ.get(INSECURE, "")
    with _administrator(superuser, wait_s) as administrator:
        _claim_server(administrator, (folder / "prepare" / "installation").read_text())
        make_databases(administrator, passwords)
    keys_server = _make_keys_server(folder)
    with _superuser_of(superuser, KEYS) as owner:
        require_no_keys(owner)
    for service in SERVICES:
        _migrate(folder / TOOLS_FOLDER, service, insecure)
        with _superuser_of(superuser, service) as owner:
            complete_rights(owner, service)
    if keys_server is not None:
        with _superuser_of(keys_server, KEYS) as owner:
            complete_rights(owner, KEYS)
    click.echo("The databases have the schema of this version.")


def named_superuser(url: str, environment: Mapping[str, str]) -> str:
    """The address of a superuser as libpq takes it; asks for a password that neither it nor libpq's variables contain.

    Raises:
        SettingsError: it is no address, or its server on another machine is not verified.
    """
    env = SettingsEnv(environment={**environment, VARIABLE: "", SUPERUSER_URL: url})
    read_database(env, SUPERUSER_URL)
    env.seal()
    known = connection_parameters(url)
    is_known = known.get("password") or environment.get("PGPASSWORD") or environment.get("PGPASSFILE")
    if not is_known and not str(known.get("host", "/")).startswith("/"):
        known["password"] = click.prompt(f"Password of {known.get('user', SUPERUSER)}", hide_input=True)
    return make_conninfo(**known)


def _made_superuser(folder: Path, passwords: Mapping[str, str]) -> str:
    """Address of the superuser whose password Compose or the chart gives to the server.

    Raises:
        SettingsError: on a machine PostgreSQL is not made by us, so its superuser must be named.
    """
    host = os.environ.get(POSTGRES_HOST, "")
    if folder != VOLUME and not host:
        raise SettingsError(
            [
                "--superuser-url is required: postgresql://postgres@db.example.org:5432/postgres"
                "?sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt"
            ]
        )
    return Servers(host or OF_COMPOSE.postgres).database(SUPERUSER, passwords, SUPERUSER)


def _passwords(file: Path) -> dict[str, str]:
    """By login.

    Raises:
        SettingsError: the settings were not written.
    """
    if not file.exists():
        raise SettingsError([f"{file} is missing: on a machine run `troika install` first"])
    found: dict[str, str] = json.loads(file.read_text())
    return found


def _superuser_of(superuser: str, database: str) -> "psycopg.Connection[tuple[object, ...]]":
    """A connection of a superuser, named by any address of the server, to one of its databases."""
    return psycopg.connect(superuser, dbname=database, autocommit=True)


def _make_keys_server(folder: Path) -> str | None:
    """Make the database and the logins on the server of the keys database; returns the superuser's URL of it.

    Returns:
        None without such a server in this Compose installation: an operator makes the database on any other.
    """
    named = folder / TOOLS_FOLDER / "migrate" / KEYS_DATABASE
    if not named.exists() or f"@{KEYS_POSTGRES}:" not in named.read_text():
        return None
    place = folder / "prepare"
    passwords = database_passwords(place / "keys") | keys_server_password(place / "keys")
    superuser = Servers(f"{KEYS_POSTGRES}:5432").database(SUPERUSER, passwords, SUPERUSER)
    with _administrator(superuser) as administrator:
        _claim_server(administrator, (place / "installation").read_text())
        make_databases(administrator, passwords, [KEYS])
    return superuser


def require_no_keys(owner: "psycopg.Connection[tuple[object, ...]]") -> None:
    """Check that the server of the other databases has no table of keys of forms.

    Raises:
        SettingsError: it has.
    """
    if is_made(owner, KEYS):
        raise SettingsError(
            ["the database keys on the server of the other databases has the table of the keys of forms: a copy of "
             "that server would hold them together with the answers that they open. Move it: docs/how-to/deploy.md, "
             "Several hosts"]
        )  # fmt: skip


def servers_of(environment: Mapping[str, str]) -> Servers:
    """The servers of a Compose installation; without a folder of keys, the keys are in a database on a separate server.

    Raises:
        SettingsError: that server is not started.
    """
    if environment.get(FORM_KEYS, FORM_KEYS):
        return OF_COMPOSE
    if KEYS_PROFILE not in environment.get("COMPOSE_PROFILES", "").split(","):
        raise SettingsError(
            [f"{FORM_KEYS}: is empty, so the keys of forms are in a database, on a server of its own: a copy of the "
             "disk of the other databases must not hold keys. Add `keys` to COMPOSE_PROFILES in .env, which starts it"]
        )  # fmt: skip
    return replace(OF_COMPOSE, keys=f"{KEYS_POSTGRES}:5432")


def read_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Settings of the installation by name.

    Raises:
        SettingsError: anything in ``.env`` is missing or wrong; lists all of it.
    """
    env = SettingsEnv(environment=environment, documented=EXAMPLE)
    hosts = [
        env.parsed("TROIKA_HOST", _host_name, about="the public host"),
        env.parsed("TROIKA_DESK_HOST", _host_name, about="the coordinators' host"),
    ]
    if hosts[0] and hosts[0] == hosts[1]:
        env.refuse("TROIKA_DESK_HOST", "a host name of its own is required: coordinators are not the public")
    port = env.int("TROIKA_HTTPS_PORT", 443, validate=Range(1, 65535))
    env.parsed("TROIKA_MAIL_FROM", mailbox, about="the sender of mails")
    trial = env.bool("TROIKA_TRIAL", False)
    relay = env.str("SMTP_URL", "", validate=[_with_password, env.secure(SMTP, plain_relay)])
    if trial and relay:
        env.refuse("SMTP_URL", "contradicts TROIKA_TRIAL=yes, which delivers no mail: leave one of them out")
    if trial is False and relay == "":
        env.refuse("SMTP_URL", "is required: your mail relay; or TROIKA_TRIAL=yes, which delivers no mail")
    no_profile: frozenset[str] = frozenset()
    profiles = env.parsed("COMPOSE_PROFILES", _profiles, no_profile)
    if trial and profiles is not None and "trial" not in profiles:
        env.refuse("COMPOSE_PROFILES", "add trial, which starts the inbox of TROIKA_TRIAL=yes")
    env.parsed("TROIKA_LIMITS_EXEMPT", read_networks, read_networks(""))
    env.str(OTLP_URL, "", validate=HTTP_URL)
    env.seal()
    suffix = "" if port == 443 else f":{port}"
    addresses = {
        "TROIKA_PUBLIC_URL": f"https://{hosts[0]}{suffix}",
        "TROIKA_CONSOLE_URL": f"https://{hosts[1]}{suffix}",
    }
    return {**addresses, "SMTP_URL": relay or SINK_URL}


def write_servers(volume: Path, keys: Path) -> None:
    """Files for PostgreSQL, RabbitMQ and an exporter; each runs as a separate user, and can read only its folder."""
    passwords = database_passwords(keys)
    for name, files in {
        POSTGRES: {"password": passwords[SUPERUSER]},
        KEYS_POSTGRES: {"password": keys_server_password(keys)[SUPERUSER]},
        EXPORTER_FOLDER: {
            # its driver uses TLS unless it is disabled
            "uri": f"{OF_COMPOSE.postgres}/{SUPERUSER}?sslmode=disable",
            "user": MONITOR,
            "password": passwords[MONITOR],
        },
        RABBITMQ: {
            "rabbitmq.conf": BROKER_CONFIGURATION,
            "enabled_plugins": "[rabbitmq_prometheus].\n",
        },
    }.items():
        write_files(volume / name, files)
    definitions = volume / RABBITMQ / "definitions.json"
    write_definitions(definitions, broker_passwords(keys))
    definitions.chmod(0o644)


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write files, by their names, that the user of another container reads."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    for file, content in files.items():
        (folder / file).write_text(content)
        (folder / file).chmod(0o644)


def public_targets(public_url: str, relay: str) -> str:
    """What the probe requests: the programme, which exists whether or not a form is open.

    Nothing in a trial: its host names lead to this machine only, and its certificate is its own, so that the probe
    would report an outage for ever.
    """
    return json.dumps([] if relay == SINK_URL else [{"targets": [f"{public_url}/programme"]}])


def _administrator(superuser: str, wait_s: float = WAIT_S) -> "psycopg.Connection[tuple[object, ...]]":
    """A connection of the superuser; a server that starts gets ``wait_s`` seconds.

    Raises:
        SettingsError: it does not take the connection; with libpq's reason, which contains no password.
    """
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return psycopg.connect(superuser, autocommit=True, connect_timeout=5)
        except psycopg.OperationalError as error:
            if time.monotonic() >= deadline:
                raise SettingsError([f"PostgreSQL does not take the superuser's connection: {error}"]) from error
            time.sleep(1.0)  # PostgreSQL is starting; the deadline above ends the loop


def _claim_server(administrator: "psycopg.Connection[tuple[object, ...]]", installation: str) -> None:
    """Mark the server as this installation's; the server of another installation has other passwords and keys."""
    found = administrator.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'postgres'"
    ).fetchone()
    noted = str(found[0]) if found and found[0] and str(found[0]).startswith("troika ") else ""
    if noted and noted != f"troika {installation}":
        raise SettingsError(["the database server belongs to another installation: restore its volume of settings"])
    if not noted:
        comment = sql.SQL("COMMENT ON DATABASE postgres IS {}").format(sql.Literal(f"troika {installation}"))
        administrator.execute(comment)


def _migrate(tools: Path, service: str, insecure: str) -> None:
    environment = {**os.environ, VARIABLE: str(tools), INSECURE: insecure}
    done = subprocess.run(
        [sys.executable, "-m", f"services.{service}", "migrate"], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise SettingsError([f"{service} migrate: {done.stdout}{done.stderr}".strip()])
    click.echo(done.stdout.strip())


def _with_password(relay: str) -> None:
    if ":...@" in relay:
        raise ValidationError("the password is missing: put it in place of the points")


def _profiles(text: str) -> frozenset[str]:
    named = frozenset(part.strip() for part in text.split(",") if part.strip())
    if not named <= {*PROFILES}:
        raise ValueError(f"profiles with commas between are required, some of {', '.join(PROFILES)}")
    return named


def _host_name(text: str) -> str:
    labels = text.split(".")
    if len(labels) < 2 or not all(label and label.replace("-", "").isalnum() for label in labels):
        raise ValueError("a host name is required, such as register.example.org")
    return text.lower()


def faults(error: SettingsError) -> Iterator[str]:
    """Lines that name every fault."""
    yield "This installation cannot start:"
    yield from (f"  {line}" for line in str(error).splitlines())


if __name__ == "__main__":
    try:
        main(standalone_mode=True)
    except SettingsError as error:
        click.echo("\n".join(faults(error)), err=True)
        sys.exit(2)
