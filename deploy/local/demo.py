"""``python -m deploy.local.demo run | check | reset``: the whole system on this machine, on sample data.

With ``--empty`` it begins with nothing, to be set up in the console; with ``--people`` it begins with people on the
sample's forms too. Each has a separate folder.

Without ``TROIKA_BROKER_URL`` messages travel through PostgreSQL, which comes from a wheel: nothing has to be
installed. With it they travel through that RabbitMQ.
"""

import fcntl
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, NoReturn

import click

from deploy.local.checking import Check, StepFailed, report, wait_until_up
from deploy.local.installation import Content, DemoNotPrepared, Installation, delete, prepare
from deploy.local.people import load_people_once
from deploy.local.ports import DemoPorts, chosen_ports, free_ports
from deploy.local.processes import processes
from deploy.servers.supervisor import Supervisor
from deploy.servers.units import Stage

FOLDERS = {Content.SAMPLE: "var/demo", Content.PEOPLE: "var/demo-people", Content.NOTHING: "var/demo-empty"}
CHECK_FOLDER = Path("var/demo-check")
STOP_WITHIN_S = 5.0


@click.group()
@click.option("--empty", is_flag=True, help="Begin with nothing, in a separate folder.")
@click.option("--people", is_flag=True, help="Begin with the sample and people, in a separate folder.")
@click.pass_context
def demo(context: click.Context, empty: bool, people: bool) -> None:
    """Everything on this machine, with sample data or none."""
    if empty and people:
        raise click.UsageError("Choose one of --empty (EMPTY=1) and --people (PEOPLE=1).")
    context.obj = Content.NOTHING if empty else Content.PEOPLE if people else Content.SAMPLE


@demo.command()
@click.pass_obj
def run(content: Content) -> None:
    """Start everything and print the addresses to open; Ctrl-C stops it."""
    ports, folder = chosen_ports(), demo_folder(content)
    with claim(folder):
        taken = ports.taken()
        if taken:
            again = f"TROIKA_DEMO_PORT=9000 make demo{_which(content)}"
            _fail(f"Already in use: port {', '.join(map(str, taken))}. Choose others: {again}")
        sys.exit(_run(folder, ports, content, _print_where_to_start))


@demo.command()
def check() -> None:
    """One complete registration, unattended, on separate data; exit 0 only if every step succeeds."""
    with claim(CHECK_FOLDER):
        delete(CHECK_FOLDER)
    ports = chosen_ports() if os.environ.get("TROIKA_DEMO_PORT") else free_ports()
    outcome: list[int] = []

    def steps(installation: Installation) -> None:
        outcome.append(_check(installation))
        os.kill(os.getpid(), signal.SIGTERM)

    with claim(CHECK_FOLDER):
        code = _run(CHECK_FOLDER, ports, Content.SAMPLE, steps)
    sys.exit(outcome[0] if outcome else code or 1)


@demo.command()
@click.pass_obj
def reset(content: Content) -> None:
    """Delete the demo's data."""
    folder = demo_folder(content)
    with claim(folder):
        delete(folder)
    print("The demo's data is deleted.")


def demo_folder(content: Content) -> Path:
    """Return where the data of a demo is that began with ``content``."""
    return Path(os.environ.get("TROIKA_DEMO_FOLDER") or FOLDERS[content])


def claim(folder: Path) -> IO[str]:
    """Lock ``folder`` for one run or one deletion, whatever their ports; a lock ends with its process.

    Args:
        folder: the folder of the demo; made if missing.

    Raises:
        SystemExit: another process holds the lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        _fail(f"The demo in {folder} is running. Stop it first: press Ctrl-C in its terminal.")
    return lock


def _run(folder: Path, ports: DemoPorts, content: Content, then: Callable[[Installation], None]) -> int:
    """Prepare, start, call ``then`` (in a separate thread) once everything answers, and run until stopped."""
    began_at = time.perf_counter()
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    print(f"Preparing {folder} …", flush=True)
    try:
        installation = prepare(folder, ports, content)
    except DemoNotPrepared as error:
        _fail(f"Could not prepare the demo: {error}")
    if (folder / "postgres").is_symlink():
        print(f"The database is in {installation.server.place}: its account cannot enter this folder.", flush=True)
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format="%(message)s")
    supervisor = Supervisor(folder, [Stage(processes(installation))], stop_within_s=STOP_WITHIN_S)

    def stop(*_: object) -> None:
        os.write(sys.stdout.fileno(), "Stopping …\n".encode())  # a signal handler must not print
        supervisor.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    failed = threading.Event()

    def follow() -> None:
        try:
            wait_until_up(installation)
            if installation.content is Content.PEOPLE:
                load_people_once(installation)
        except StepFailed as error:
            report(error)
            print(f"The logs of its processes are in {folder / 'logs'}.", file=sys.stderr, flush=True)
            failed.set()
            supervisor.stop()
            return
        print(f"Everything answers after {time.perf_counter() - began_at:.1f} s.", flush=True)
        then(installation)

    supervisor.run(threading.Thread(target=follow, daemon=True).start)
    print("Stopped.", flush=True)
    return 1 if failed.is_set() else 0


def _check(installation: Installation) -> int:
    way = "RabbitMQ" if os.environ.get("TROIKA_BROKER_URL") else "the embedded bus"
    print(f"One registration, all the way, over {way}:", flush=True)
    began_at = time.perf_counter()
    try:
        Check(installation).run()
    except StepFailed as error:
        report(error)
        return 1
    print(f"All steps succeeded, in {time.perf_counter() - began_at:.1f} s.", flush=True)
    return 0


def _print_where_to_start(installation: Installation) -> None:
    ports, which = installation.ports, _which(installation.content)
    print(
        f"""
  Start here            {ports.public_url}/
  A partner's page      {ports.partner_url}/
  Inbox                 {ports.inbox_url}/
  Console               {ports.console_url}/console
  Key for the console   {installation.secrets.coordinator_key}
  Metrics               {ports.public_url}/-/registration/metrics
  Logs                  {installation.folder / "logs"}/

Ctrl-C stops it. Data stays for the next start; `make demo-reset{which}` deletes it.
""",
        flush=True,
    )


def _which(content: Content) -> str:
    return {Content.SAMPLE: "", Content.PEOPLE: " PEOPLE=1", Content.NOTHING: " EMPTY=1"}[content]


def _fail(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr, flush=True)
    sys.exit(1)


if __name__ == "__main__":
    demo()
