"""The command line that all services share: ``web relay consume migrate parked topology``."""

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from shared.bus import topology as bus_topology
from shared.bus.connection import open_publisher
from shared.core.clock import system_clock
from shared.core.errors import SettingsError
from shared.core.logs import configure_logs
from shared.core.metrics import build_info
from shared.core.rights import by_login
from shared.core.version import running_version
from shared.process.consuming import listen, make_listener
from shared.process.key_waiting import wait_for_keys
from shared.process.parked_commands import add_parked_commands
from shared.process.recovery_commands import add_recovery_commands
from shared.process.relay import Relay
from shared.process.runner import Stop, run
from shared.process.service import Service
from shared.process.settings import CONSUME, MIGRATE, RECOVER, RELAY, TOPOLOGY, WEB
from shared.store.checked_clock import CheckedClock, read_database_time
from shared.store.engine import open_engine
from shared.store.halted_queues import halted_problem
from shared.store.readiness import readiness
from shared.store.unit_of_work import UnitOfWork

GUNICORN_SETTINGS = Path("deploy/gunicorn.conf.py")


def make_command_line(service: Service) -> click.Group:
    """The group of commands of ``service``; it adds its own to it."""
    group = click.Group(service.name, help=f"Processes and tools of the {service.name} service.")
    steps = (_add_processes, _add_migrate, add_parked_commands, add_recovery_commands, _add_topology, _add_key_checks)
    for add in steps:
        add(group, service)
    return group


def main(group: click.Group) -> None:
    """Run ``group``; unusable settings end the process with code 2 and every fault on its own line."""
    try:
        group.main(standalone_mode=True)
    except SettingsError as error:
        click.echo("\n".join(["The settings cannot be used:", *(f"  {fault}" for fault in error.problems)]), err=True)
        sys.exit(2)


def run_worker(
    service: Service,
    role: str,
    work: Callable[[UnitOfWork, CheckedClock, Stop], None],
    *checks: Callable[[UnitOfWork], str],
) -> None:
    """Run a worker's loop on the service's database until it is asked to stop; ends the process.

    Args:
        service: whose.
        role: which of its workers.
        work: the loop.
        checks: of readiness, beside the database, its schema and the clock: why the process is not ready, or nothing.
    """
    configure_logs(service.name, role)
    settings = service.settings(role)
    build_info.labels(service.name, running_version()).set(1)
    engine = open_engine(settings.database_url, application=f"troika-{service.name}-{role}")
    unit = UnitOfWork(engine, service.name)

    clock = CheckedClock(system_clock, unit, service.name, read_database_time)

    keys = service.keys(role, unit) if service.keys is not None else None

    def loop(stop: Stop) -> None:
        if keys is not None:
            wait_for_keys(keys, stop)
        if not stop:
            work(unit, clock, stop)

    def key_problem() -> str:
        return "" if keys is None else "\n".join(keys().values())

    more = (partial(check, unit) for check in checks)
    ready = readiness(unit, service.migrations, clock, key_problem, *more)
    code = run(loop, probes=settings.probes, ready=ready)
    engine.dispose()
    sys.exit(code)


def _add_processes(group: click.Group, service: Service) -> None:
    @group.command()
    def web() -> None:
        """Serve HTTP with gunicorn."""
        service.settings(WEB)
        application = f"services.{service.name}.wsgi:application()"
        os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "-c", str(GUNICORN_SETTINGS), application])  # noqa: S606

    @group.command()
    def relay() -> None:
        """Take stored messages to the bus."""
        settings = service.settings(RELAY)

        def work(unit: UnitOfWork, clock: CheckedClock, stop: Stop) -> None:
            publisher = open_publisher(settings.bus, service.name)
            Relay(unit, publisher, service.name, clock, service.forget).run(stop)

        run_worker(service, RELAY, work)

    @group.command()
    def consume() -> None:
        """Hear messages from the bus."""
        settings = service.settings(CONSUME)

        def work(unit: UnitOfWork, _clock: CheckedClock, stop: Stop) -> None:
            effects = service.effects(unit)
            listen(make_listener(settings.bus, unit, service.name, effects, erased=service.erased), stop)

        run_worker(service, CONSUME, work, halted_problem)


def _add_migrate(group: click.Group, service: Service) -> None:
    @group.command()
    def migrate() -> None:
        """Bring the database to the newest schema, and give each process's login its rights there."""
        # here alone: Alembic takes a quarter of a second and 14 MB, and no other process needs it
        from shared.store.migrate import migrate as migrate_schema

        engine = open_engine(service.settings(MIGRATE).database_url, statement_timeout_ms=0)
        done = migrate_schema(engine, service.migrations, by_login(service.name, service.rights))
        engine.dispose()
        click.echo(f"{service.name}: schema {done.revision}")
        if done.missing:
            click.echo(f"No such login on the server, so no rights given to it: {', '.join(done.missing)}", err=True)


def _add_topology(group: click.Group, service: Service) -> None:
    topology = click.Group("topology", help="Exchanges and queues on the broker.")
    group.add_command(topology)

    @topology.command()
    def check() -> None:
        """Exit 1 and name what is missing."""
        absent = bus_topology.missing(service.settings(TOPOLOGY).bus)
        click.echo("\n".join(absent) or "complete")
        sys.exit(1 if absent else 0)

    @topology.command()
    def declare() -> None:
        """Make exchanges, queues and bindings."""
        bus_topology.declare(service.settings(TOPOLOGY).bus)
        click.echo("declared")

    @topology.command()
    def definitions() -> None:
        """Print the definitions file for the broker, limits included."""
        click.echo(json.dumps(bus_topology.definitions(), indent=2))


def _add_key_checks(group: click.Group, service: Service) -> None:
    checks = click.Group("key-checks", help="Which keys the database knows; processes with others do not work.")
    group.add_command(checks)

    @checks.command("list")
    def list_key_checks() -> None:
        """List every key with its check values."""
        # here alone, as below: no worker needs it
        from shared.process.key_check_commands import list_checks

        list_checks(service.settings(RECOVER), service.key_kinds)

    @checks.command("accept")
    @click.argument("name", type=click.Choice([kind.name for kind in service.key_kinds]))
    @click.option("--yes", is_flag=True, help="Do not ask.")
    def accept_key(name: str, *, yes: bool) -> None:
        """Accept the key NAME, whose file the key's own setting names, in place of the one that was known."""
        from shared.process.key_check_commands import accept

        accept(service.settings(RECOVER), next(kind for kind in service.key_kinds if kind.name == name), yes=yes)
