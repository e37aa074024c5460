"""``troika install``: users, folders, settings and hardened units of processes on a machine with systemd.

Nothing is started. When it runs again, keys, passwords and changed settings are kept.
"""

import shlex
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import click

from deploy.compose.keys_server import KEYS_IN_FOLDER, KEYS_POSTGRES, chosen_keys_server, named_faults
from deploy.compose.settings_files import Servers, claim, write_settings
from deploy.local.secrets import KEYS_DATABASE, Secrets, make_keys
from deploy.machine.gateway import CONFIGURATION, GATEWAY_UNIT, PARTS, gateway, parts
from deploy.machine.gateway import UNIT as GATEWAY_TEXT
from deploy.machine.timers import BACKUP, JOBS
from deploy.machine.timers import files as timer_files
from deploy.machine.units import AUDIT, CANARY, OPERATIONS, SETTINGS, Process, port_of, sysusers, tmpfiles, unit
from deploy.operations.backup.figures import DEFAULT_FOLDER, await_backups
from deploy.shape import PROCESSES, worker_name
from shared.cli.settings import OPERATOR
from shared.messaging.contracts.payloads import ROLES

ENVIRONMENT = """\
# For every process on this machine; docs/reference/settings.md has all of them.
TROIKA_PUBLIC_URL={public_url}
# The coordinators' host: links of invitations lead there, and passkeys are made for its name, which must not change.
TROIKA_CONSOLE_URL={console_url}
TROIKA_MAIL_FROM={mail_from}
TROIKA_ORGANISER={organiser}
# Networks of the gateway, if it is not this machine: 10.0.0.0/8
{trusted_proxies}
# Connections that may be unencrypted in a network that you trust: database,broker,smtp,limits
#TROIKA_INSECURE=
"""
COMMAND = """\
#!/bin/sh
# Written by `troika install`: an operator's commands, with the settings of the tools. Run as root.
set -eu
set -a
. /etc/troika/troika.env
set +a
export TROIKA_SETTINGS=/etc/troika/settings/tools
export TROIKA_DOCTOR_SETTINGS=/etc/troika/settings TROIKA_PREPARE_FOLDER=/etc/troika/settings
export TROIKA_ACCESS_FILE=/etc/troika/access/access.json TROIKA_FORM_KEYS=/var/lib/troika/form-keys
if [ -e "$TROIKA_SETTINGS/operator/TROIKA_KEYS_DATABASE_URL" ]; then TROIKA_FORM_KEYS=; fi
cd /opt/troika
.venv/bin/python -m deploy.command "$@"
# what root has made belongs to the process that uses it
if [ -d "$TROIKA_FORM_KEYS" ]; then chown -R troika-registration-desk: "$TROIKA_FORM_KEYS"; fi
if [ -e "$TROIKA_ACCESS_FILE" ]; then
  chown root:troika-access "$TROIKA_ACCESS_FILE"
  chmod 640 "$TROIKA_ACCESS_FILE"
fi
"""
NAMES = {worker_name(*process): process for process in PROCESSES} | {
    role: (OPERATIONS, role) for role in (AUDIT, CANARY)
}
GATEWAY, ALL = "gateway", "all"
PROXIES = "TROIKA_TRUSTED_PROXIES"
OWN_ROLES = [role for role in ROLES if role != "partner"]
"""Of the first key: its holder can invite colleagues only with roles that they have."""

VERIFIED = "?sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt"
"""Of a database: certificate and name are compared, with the authorities of Debian.

Without ``sslrootcert`` libpq demands ``~/.postgresql/root.crt``. ``sslrootcert=system`` finds nothing by itself either:
the OpenSSL in psycopg's wheels looks into ``/usr/lib/psycopg-openssl`` (psycopg-binary 3.3.9).
"""

SUPERUSER_URL = "postgresql://postgres@{postgres}/postgres{query}"


def _bound(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """An IP address as written before a port."""
    try:
        address = ip_address(value)
    except ValueError as error:
        raise click.BadParameter("an IP address is required") from error
    return f"[{address}]" if address.version == 6 else str(address)


@click.command()
@click.argument("names", nargs=-1, required=True, type=click.Choice([*NAMES, GATEWAY, BACKUP, ALL]))
@click.option("--web-hosts", default="127.0.0.1", show_default=True, help="Hosts with web processes, for the gateway.")
@click.option(
    "--bind",
    default="127.0.0.1",
    show_default=True,
    callback=_bound,
    help="IP address on which web processes listen: one that the gateway reaches, if it is on another machine.",
)
@click.option("--trusted-proxies", default="", help="Networks of the gateway, if it is on another machine: 10.0.0.0/8.")
@click.option("--root", default="/", type=click.Path(file_okay=False, path_type=Path), help="Another system's root.")
@click.option("--postgres", required=True, help="Host and port of PostgreSQL.")
@click.option("--postgres-query", default=VERIFIED, show_default=True, help="Ends each address of it.")
@KEYS_POSTGRES
@KEYS_IN_FOLDER
@click.option("--rabbitmq", required=True, help="Host and port of RabbitMQ.")
@click.option("--plain-rabbitmq", is_flag=True, help="amqp:// in place of amqps://.")
@click.option("--smtp-url", required=True, envvar="SMTP_URL", help="Your mail relay; or set SMTP_URL.")
@click.option("--public-url", required=True, help="https:// and the public host.")
@click.option("--console-url", required=True, help="https:// and the coordinators' host.")
@click.option("--mail-from", required=True, help="Who sends the mails.")
@click.option("--organiser", default="The organisers", show_default=True, help="Shown on forms and in mails.")
def main(
    names: tuple[str, ...],
    web_hosts: str,
    bind: str,
    trusted_proxies: str,
    root: Path,
    postgres: str,
    postgres_query: str,
    keys_postgres: str | None,
    keys_in_folder: bool,
    rabbitmq: str,
    plain_rabbitmq: bool,
    smtp_url: str,
    public_url: str,
    console_url: str,
    mail_from: str,
    organiser: str,
) -> None:
    """Install the processes NAMES (registration-forms, …; all of them: all), or the timers of backups (backup)."""
    _require_two_hosts(public_url, console_url)
    gateways_hosts = web_hosts.split(",")
    if len(set(gateways_hosts)) < len(gateways_hosts):
        raise click.UsageError("--web-hosts: a host stands there twice; name each once")
    settings = root / SETTINGS.lstrip("/")
    keys_server = chosen_keys_server(keys_postgres, _known_keys_url(settings), keys_in_folder)
    scheme = "amqp" if plain_rabbitmq else "amqps"
    servers = Servers(postgres, postgres_query, rabbitmq, scheme, keys_server)
    _write_settings(settings, {"TROIKA_PUBLIC_URL": public_url, "SMTP_URL": smtp_url}, servers)
    shared = _environment(public_url, console_url, mail_from, organiser, trusted_proxies)
    notes = _write_environment(root / "etc" / "troika" / "troika.env", shared, bind)
    chosen = [*NAMES, GATEWAY, *({BACKUP} & set(names))] if ALL in names else list(dict.fromkeys(names))
    if GATEWAY in chosen:
        text = gateway(gateways_hosts, public_url)
        _write_gateway(root, text, parts(public_url, console_url))
    if timers := BACKUP in chosen:
        notes += _write_timers(root)
    processes = [_process(settings, name, bind) for name in chosen if name in NAMES]
    _write_processes(root, settings, processes)
    superuser = SUPERUSER_URL.format(postgres=postgres, query=postgres_query)
    further = _further(processes, superuser, has_gateway=GATEWAY in chosen, timers=timers)
    click.echo("\n".join([*notes, "Written. Then:", *further]))


def _require_two_hosts(public_url: str, console_url: str) -> None:
    hosts = [urlsplit(url).hostname for url in (public_url, console_url)]
    if None in hosts:
        raise click.UsageError("--public-url and --console-url: each is https:// and a host name")
    if hosts[0] == hosts[1]:
        raise click.UsageError("--console-url: a host name of its own is required: coordinators are not the public")


def _write_settings(settings: Path, given: dict[str, str], servers: Servers) -> None:
    keys = settings / "prepare" / "keys"
    make_keys(keys)
    with named_faults():
        claim(settings / "prepare" / "installation", given["TROIKA_PUBLIC_URL"])
        write_settings(settings, Secrets(keys, ""), given, servers)


def _environment(public_url: str, console_url: str, mail_from: str, organiser: str, trusted_proxies: str) -> str:
    """The text of ``troika.env``: systemd reads it, and the shell of the command `troika`."""
    return ENVIRONMENT.format(
        public_url=shlex.quote(public_url),
        console_url=shlex.quote(console_url),
        mail_from=shlex.quote(mail_from),
        organiser=shlex.quote(organiser),
        trusted_proxies=f"{PROXIES}={shlex.quote(trusted_proxies)}" if trusted_proxies else f"#{PROXIES}=",
    )


def _write_environment(file: Path, text: str, bind: str) -> list[str]:
    """Write the file if it is missing; returns what an operator has to change in it."""
    notes = []
    if file.exists():
        there = file.read_text().splitlines()
        differ = [line for line in text.splitlines() if line and not line.startswith("#") and line not in there]
        notes += [f"{file} is kept as it is; it has another line in place of {line}" for line in differ]
    else:
        _write(file, text)
    if not ip_address(bind.strip("[]")).is_loopback and f"\n{PROXIES}=" not in file.read_text():
        notes.append(f"Name the gateway's network in {file}, {PROXIES}: otherwise all people count as one client.")
    return notes


def _write_gateway(root: Path, text: str, files: dict[str, str]) -> None:
    """Its configuration, its unit, and once the files in which an operator names hosts and certificates."""
    _write(root / CONFIGURATION.lstrip("/"), text)
    _write(root / "etc" / "systemd" / "system" / f"{GATEWAY_UNIT}.service", GATEWAY_TEXT)
    for name, part in files.items():
        file = root / PARTS.lstrip("/") / name
        if not file.exists():
            _write(file, part)


def _write_processes(root: Path, settings: Path, processes: list[Process]) -> None:
    """Write units of ``processes``; users and folders of all that have a unit, also by an earlier run."""
    units = root / "etc" / "systemd" / "system"
    for process in processes:
        _write(units / f"{process.name}.service", unit(process))
    every = [_process(settings, name) for name in NAMES]
    installed = [process for process in every if (units / f"{process.name}.service").exists()]
    _write(root / "usr" / "local" / "bin" / "troika", COMMAND, mode=0o755)
    _write(root / "usr" / "lib" / "sysusers.d" / "troika.conf", sysusers(installed))
    _write(root / "usr" / "lib" / "tmpfiles.d" / "troika.conf", tmpfiles(installed))


def _process(settings: Path, name: str, bind: str = "") -> Process:
    service, role = NAMES[name]
    folder = settings / name if service == OPERATIONS else settings / name / role
    given = tuple(sorted(path.name for path in folder.iterdir())) if folder.is_dir() else ()
    return Process(service, role, port_of(service, role), given, bind)


def _known_keys_url(settings: Path) -> str:
    """URL of the keys database in the settings that were written before; empty without one."""
    file = settings / "tools" / OPERATOR / KEYS_DATABASE
    return file.read_text() if file.exists() else ""


def _write_timers(root: Path) -> list[str]:
    """Write the units; returns what an operator has to do so that backups are watched from now on."""
    for file, text in timer_files().items():
        _write(root / "etc" / "systemd" / "system" / file, text)
    metrics = root / DEFAULT_FOLDER.lstrip("/")
    if await_backups(metrics, datetime.now(UTC)):
        return []
    return [f"{metrics} is missing: until `troika backup check` finds it, no alert reports backups that never succeed."]


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def _further(processes: list[Process], superuser: str, *, has_gateway: bool, timers: bool) -> list[str]:
    reload = "  systemctl daemon-reload && systemctl enable --now "
    lines = ["  systemd-sysusers troika.conf && systemd-tmpfiles --create troika.conf"]
    if started := [process.name for process in processes if process.role != CANARY]:
        roles = " ".join(f"--role {role}" for role in OWN_ROLES)
        lines += [
            f"  troika prepare databases --superuser-url '{superuser}'   # once, and after each upgrade",
            "  # RabbitMQ: its definitions, before it starts: docs/how-to/operate.md",
            f'  troika access add "your name" {roles}   # once; it prints your key',
            reload + " ".join(started),
        ]
    if has_gateway:
        lines += [f"  # nginx, once names and certificates are in {PARTS}:", reload + GATEWAY_UNIT]
    if any(process.role == CANARY for process in processes):
        lines += [
            "  # The canary needs a mailbox: TROIKA_CANARY_ADDRESS=… in /etc/troika/troika-canary.env, then:",
            f"{reload}troika-{CANARY}",
        ]
    if timers:
        lines += [
            "  troika backup configure --apply --data …   # then restart PostgreSQL: docs/how-to/back-up.md",
            reload + " ".join(f"{name}.timer" for name in JOBS),
        ]
    return lines


if __name__ == "__main__":
    main()
