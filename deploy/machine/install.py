"""``troika install``: users, folders, settings and hardened units of processes on a machine with systemd.

Nothing is started. Written again, what is there stays: keys and passwords, and what was changed in the settings.
"""

from pathlib import Path

import click

from deploy.compose.keys_server import KEYS_IN_FOLDER, KEYS_POSTGRES, chosen_keys_server, named_faults
from deploy.compose.settings_files import Servers, claim, write_settings
from deploy.local.secrets import KEYS_DATABASE, Secrets, make_keys
from deploy.machine.timers import BACKUP, JOBS
from deploy.machine.timers import files as timer_files
from deploy.machine.units import AUDIT, CANARY, OPERATIONS, SETTINGS, Process, port_of, sysusers, tmpfiles, unit
from deploy.shape import PROCESSES, WEB_PROCESSES, worker_name
from deploy.up.gateway import gateway_configuration
from deploy.up.ports import InstallationPorts
from shared.cli.settings import OPERATOR

ENVIRONMENT = """\
# For every process on this machine; docs/reference/settings.md has all of them.
TROIKA_PUBLIC_URL={public_url}
# The coordinators' host: invitations lead there, and passkeys are made for it. Unset: the same as above.
#TROIKA_CONSOLE_URL=
TROIKA_MAIL_FROM={mail_from}
TROIKA_ORGANISER={organiser}
# Networks of the gateway, if it is not this machine: 10.0.0.0/8
#TROIKA_TRUSTED_PROXIES=
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
export TROIKA_SETTINGS=/etc/troika/settings/tools TROIKA_DOCTOR_SETTINGS=/etc/troika/settings
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
GATEWAY_PORTS = {"public": 8080, "desk": 8081, "operations": 8082}


@click.command()
@click.argument("names", nargs=-1, required=True, type=click.Choice([*NAMES, GATEWAY, BACKUP, ALL]))
@click.option("--web-hosts", default="127.0.0.1", show_default=True, help="Hosts with web processes, for the gateway.")
@click.option("--root", default="/", type=click.Path(file_okay=False, path_type=Path), help="Another system's root.")
@click.option("--postgres", required=True, help="Host and port of PostgreSQL.")
@click.option("--postgres-query", default="?sslmode=verify-full", show_default=True, help="Ends each address of it.")
@KEYS_POSTGRES
@KEYS_IN_FOLDER
@click.option("--rabbitmq", required=True, help="Host and port of RabbitMQ.")
@click.option("--plain-rabbitmq", is_flag=True, help="amqp:// in place of amqps://.")
@click.option("--smtp-url", required=True, envvar="SMTP_URL", help="Your mail relay; or set SMTP_URL.")
@click.option("--public-url", required=True, help="https:// and the public host.")
@click.option("--mail-from", required=True, help="Who sends the mails.")
@click.option("--organiser", default="The organisers", show_default=True, help="Shown on forms and in mails.")
def main(
    names: tuple[str, ...],
    web_hosts: str,
    root: Path,
    postgres: str,
    postgres_query: str,
    keys_postgres: str | None,
    keys_in_folder: bool,
    rabbitmq: str,
    plain_rabbitmq: bool,
    smtp_url: str,
    public_url: str,
    mail_from: str,
    organiser: str,
) -> None:
    """Install the processes NAMES (registration-forms, …; all of them: all), or the timers of backups (backup)."""
    settings = root / SETTINGS.lstrip("/")
    keys = settings / "prepare" / "keys"
    make_keys(keys)
    claim(settings / "prepare" / "installation", public_url)
    scheme = "amqp" if plain_rabbitmq else "amqps"
    keys_server = chosen_keys_server(keys_postgres, _known_keys_url(settings), keys_in_folder)
    servers = Servers(postgres, postgres_query, rabbitmq, scheme, keys_server)
    given = {"TROIKA_PUBLIC_URL": public_url, "SMTP_URL": smtp_url}
    with named_faults():
        write_settings(settings, Secrets(keys, ""), given, servers)
    text = ENVIRONMENT.format(public_url=public_url, mail_from=mail_from, organiser=organiser)
    _write_once(root / "etc" / "troika" / "troika.env", text)
    chosen = [*NAMES, GATEWAY, *({BACKUP} & set(names))] if ALL in names else list(dict.fromkeys(names))
    if GATEWAY in chosen:
        chosen.remove(GATEWAY)
        _write(root / "etc" / "troika" / "nginx.conf", gateway(web_hosts.split(",")))
    if timers := BACKUP in chosen:
        _write_timers(root)
    processes = [_process(settings, name) for name in chosen if name != BACKUP]
    for process in processes:
        _write(root / "etc" / "systemd" / "system" / f"{process.name}.service", unit(process))
    _write(root / "usr" / "local" / "bin" / "troika", COMMAND, mode=0o755)
    _write(root / "usr" / "lib" / "sysusers.d" / "troika.conf", sysusers(processes))
    _write(root / "usr" / "lib" / "tmpfiles.d" / "troika.conf", tmpfiles(processes))
    click.echo("\n".join(["Written. Then:", *_further(processes, timers=timers)]))


def gateway(hosts: list[str]) -> str:
    """The text of ``nginx.conf`` for web processes on ``hosts``; TLS is for the operator to add."""
    ports = InstallationPorts({**GATEWAY_PORTS, **{worker_name(*web): port_of(*web) for web in WEB_PROCESSES}})
    behind = {worker_name(*web): [f"{host}:{port_of(*web)}" for host in hosts] for web in WEB_PROCESSES}
    return gateway_configuration(Path("/var/lib/troika/gateway"), ports, behind=behind)


def _process(settings: Path, name: str) -> Process:
    service, role = NAMES[name]
    folder = settings / name if service == OPERATIONS else settings / name / role
    given = tuple(sorted(path.name for path in folder.iterdir())) if folder.is_dir() else ()
    return Process(service, role, port_of(service, role), given)


def _known_keys_url(settings: Path) -> str:
    """URL of the keys database in the settings that were written before; empty without one."""
    file = settings / "tools" / OPERATOR / KEYS_DATABASE
    return file.read_text() if file.exists() else ""


def _write_once(path: Path, text: str) -> None:
    if not path.exists():
        _write(path, text)


def _write_timers(root: Path) -> None:
    for file, text in timer_files().items():
        _write(root / "etc" / "systemd" / "system" / file, text)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def _further(processes: list[Process], *, timers: bool) -> list[str]:
    lines = ["  systemd-sysusers troika.conf && systemd-tmpfiles --create troika.conf"]
    if processes:
        lines += [
            "  troika prepare databases   # once, and after each upgrade; or migrate each service",
            "  systemctl daemon-reload && systemctl enable --now " + " ".join(process.name for process in processes),
        ]
    if timers:
        lines += [
            "  troika backup configure --apply --data …   # then restart PostgreSQL: docs/how-to/back-up.md",
            "  systemctl daemon-reload && systemctl enable --now " + " ".join(f"{name}.timer" for name in JOBS),
        ]
    return lines


if __name__ == "__main__":
    main()
