"""``python -m deploy.up up | down | status | hold | release | definitions``: the production shape on this machine."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import click

from deploy.servers.logins import RIGHTS, service_roles, written
from deploy.servers.records import SUPERVISOR, Records
from deploy.shape import PROCESSES, operations_path, worker_name
from deploy.up.installation import remove
from deploy.up.ports import chosen_ports
from deploy.up.secrets import broker_definitions
from deploy.up.stopping import stop_everything
from deploy.up.watching import alerts_url
from shared.db.roles import written_closing
from shared.messaging.topology import user_names

FOLDER = Path(os.environ.get("TROIKA_UP_FOLDER") or "var/up")
UP_WITHIN_S = 240.0


@click.group()
def main() -> None:
    """The production shape on this machine."""


@main.command()
def up() -> None:
    """Start everything in the background; returns when all of it answers."""
    if Records(FOLDER).running():
        sys.exit(f"It runs already, in {FOLDER}: `make down` stops it.")
    os.umask(0o026)  # the users of the roles enter our folders, and list and read nothing unless its mode says so
    (FOLDER / "logs").mkdir(parents=True, exist_ok=True)
    (FOLDER / "logs").chmod(0o700)
    (FOLDER / "ready").unlink(missing_ok=True)
    shutil.rmtree(FOLDER / "held", ignore_errors=True)
    log = FOLDER / "logs" / "supervisor.log"
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "deploy.up.supervise", str(FOLDER)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + UP_WITHIN_S
    while not (FOLDER / "ready").exists():
        if child.poll() is not None or time.monotonic() > deadline:
            child.terminate()
            sys.exit(f"Not started: see {log}\n{log.read_text()[-3000:]}")
        time.sleep(0.1)  # polls; the deadline ends this
    _print_where_to_start()


@main.command()
@click.option("--keep", is_flag=True, envvar="KEEP", help="Keep data, keys and logs for the next start.")
def down(keep: bool) -> None:
    """Stop everything in order, and delete all of it unless it is to be kept."""
    if not FOLDER.exists():
        print(f"Nothing runs in {FOLDER}.")
        return
    killed = stop_everything(Records(FOLDER))
    if killed:
        print(f"Had to be killed: {', '.join(killed)}", file=sys.stderr)
    if not keep:
        remove(FOLDER)
    print(f"Stopped. {'Data, keys and logs stay in ' + str(FOLDER) if keep else 'Nothing is left.'}")


@main.command()
def status() -> None:
    """Name and pid of every process that runs; exit 1 if there is none."""
    running = Records(FOLDER).running()
    for name, pid in sorted(running.items()):
        held = " (held)" if (FOLDER / "held" / name).exists() else ""
        print(f"{name:24} {pid}{held}")
    sys.exit(0 if running else 1)


@main.command()
@click.argument("name")
def hold(name: str) -> None:
    """Stop the process NAME, and do not start it again before it is released."""
    if name not in Records(FOLDER).running() or name == SUPERVISOR:
        sys.exit(f"No process of that name runs; {sys.argv[0]} status names them.")
    (FOLDER / "held" / name).touch()


@main.command()
@click.argument("name")
def release(name: str) -> None:
    """Let the supervisor start the process NAME again."""
    (FOLDER / "held" / name).unlink(missing_ok=True)


@main.command()
@click.argument("passwords", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def definitions(passwords: Path) -> None:
    """Print the broker's definitions with its users, whose passwords are in the JSON file PASSWORDS."""
    given = json.loads(passwords.read_text())
    if missing := sorted(set(user_names()) - set(given)):
        sys.exit(f"no password for {', '.join(missing)}")
    print(json.dumps(broker_definitions({name: given[name] for name in user_names()}), indent=2))


@main.command()
@click.argument("passwords", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def logins(passwords: Path) -> None:
    """Print the statements that make the roles of PostgreSQL, whose passwords are in the JSON file PASSWORDS."""
    given = json.loads(passwords.read_text())
    if missing := sorted(set(service_roles()) - set(given)):
        sys.exit(f"no password for {', '.join(missing)}")
    print(written({name: given[name] for name in service_roles()}))


@main.command()
@click.argument("database", type=click.Choice(sorted(RIGHTS)))
def functions(database: str) -> None:
    """Print the statement that closes PostgreSQL's functions in a DATABASE, for a superuser to run in it."""
    print(written_closing(RIGHTS[database]))


def _print_where_to_start() -> None:
    ports = chosen_ports(FOLDER / "ports.json")
    health = f"http://127.0.0.1:{ports['operations']}{operations_path('registration', 'forms')}readyz"
    print(
        f"""
  Public address        {ports.public_url}/programme
  Console               {ports.desk_url}/console
  Key for the console   {FOLDER}/secrets/coordinator.txt
  For operators         {health} (likewise own, desk)
  Prometheus            {alerts_url(ports)}
  Inbox                 http://127.0.0.1:{ports["inbox"]}/
  Logs                  {FOLDER}/logs/

{len(PROCESSES)} processes of ours, the last {worker_name(*PROCESSES[-1])}. `make down` stops it and deletes
its data; `make down KEEP=1` keeps them.
""",
        flush=True,
    )


if __name__ == "__main__":
    main()
