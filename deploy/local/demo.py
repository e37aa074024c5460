"""``python -m deploy.local.demo run | check | reset``: the whole system on this machine, on sample data.

With ``--empty`` it begins with nothing, in a separate folder, to be set up in the console.

Without ``TROIKA_BROKER_URL`` messages travel through PostgreSQL, which comes from a wheel: nothing has to be
installed. With it they travel through that RabbitMQ.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import click

from deploy.local.checking import Check, StepFailed, report, wait_until_up
from deploy.local.installation import Content, DemoNotPrepared, Installation, delete, prepare
from deploy.local.ports import DemoPorts, chosen_ports, free_ports
from deploy.local.processes import processes
from deploy.servers.supervisor import Supervisor
from deploy.servers.units import Stage

FOLDERS = {Content.SAMPLE: "var/demo", Content.NOTHING: "var/demo-empty"}
CHECK_FOLDER = Path("var/demo-check")
STOP_WITHIN_S = 5.0


@click.group()
@click.option("--empty", is_flag=True, help="Begin with nothing, in a separate folder.")
@click.pass_context
def demo(context: click.Context, empty: bool) -> None:
    """Everything on this machine, with sample data or none."""
    context.obj = Content.NOTHING if empty else Content.SAMPLE


@demo.command()
@click.pass_obj
def run(content: Content) -> None:
    """Start everything and print the addresses to open; Ctrl-C stops it."""
    ports = chosen_ports()
    taken = ports.taken()
    if taken:
        _fail(f"Already in use: port {', '.join(map(str, taken))}. Choose others: TROIKA_DEMO_PORT=9000 make demo")
    sys.exit(_run(demo_folder(content), ports, content, _print_where_to_start))


@demo.command()
def check() -> None:
    """One complete registration, unattended, on separate data; exit 0 only if every step succeeds."""
    delete(CHECK_FOLDER)
    ports = chosen_ports() if os.environ.get("TROIKA_DEMO_PORT") else free_ports()
    outcome: list[int] = []

    def steps(installation: Installation) -> None:
        outcome.append(_check(installation))
        os.kill(os.getpid(), signal.SIGTERM)

    code = _run(CHECK_FOLDER, ports, Content.SAMPLE, steps)
    sys.exit(outcome[0] if outcome else code or 1)


@demo.command()
@click.pass_obj
def reset(content: Content) -> None:
    """Delete the demo's data."""
    folder = demo_folder(content)
    if folder.exists() and chosen_ports().taken():
        _fail("The demo is running. Stop it first.")
    delete(folder)
    print("The demo's data is deleted.")


def demo_folder(content: Content) -> Path:
    """Return where the data of a demo is that began with ``content``."""
    return Path(os.environ.get("TROIKA_DEMO_FOLDER") or FOLDERS[content])


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
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stop())
    failed = threading.Event()

    def follow() -> None:
        try:
            wait_until_up(installation)
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
    ports = installation.ports
    which = " EMPTY=1" if installation.content is Content.NOTHING else ""
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


def _fail(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr, flush=True)
    sys.exit(1)


if __name__ == "__main__":
    demo()
