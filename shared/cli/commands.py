"""Command line that all services share: ``web relay consume work migrate parked topology``."""

# size: imports every command that all services have

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import click
from sqlalchemy.exc import SQLAlchemyError

from shared.cli.operator_command import InQuarantine, OperatorCommand, OperatorGroup
from shared.cli.recovery import add_parked_commands, add_recovery_commands
from shared.cli.settings import CONSUME, MIGRATE, RECOVER, RELAY, TOPOLOGY, WEB, Service, SideDatabase
from shared.cli.workers import TopologyCheck, make_queue_consumer, run_consumer, wait_for_keys, wait_for_limits
from shared.db.engine import is_outage, open_engine, outage_reason
from shared.db.quarantine import QuarantineWatch
from shared.db.readiness import Check, CheckedClock, read_database_time, readiness
from shared.db.roles import by_login, written_limits
from shared.db.unit_of_work import UnitOfWork
from shared.messaging import topology as bus_topology
from shared.messaging.connection import open_publisher
from shared.messaging.halts import halted_problem
from shared.messaging.relay import Relay
from shared.runtime.clock import system_clock
from shared.runtime.deployment import running_version
from shared.runtime.errors import SettingsError
from shared.runtime.logs import configure_logs
from shared.runtime.metrics import build_info
from shared.runtime.runner import Stop, run
from shared.runtime.tracing import start_tracing


def migrate_service(service: Service, target: str, *, yes: bool) -> None:
    """Migrate the databases of ``service``, and print where their schemas are.

    Args:
        service: whose.
        target: a revision of the service's own database; empty for the newest of each, with the rights of all logins.
        yes: do not ask before a rollback, which deletes what later revisions have stored.
    """
    own = SideDatabase(service.name, service.settings(MIGRATE).database_url, service.migrations, service.rights)
    if target:
        _confirm(service.name, target, yes=yes)
        _migrate(own, target)
        return
    for database in (own, *service.side_databases()):
        _migrate(database, "")


def _migrate(database: SideDatabase, target: str) -> None:
    from shared.db.migrate import (
        Migrated,
        MigrationRefused,
        migrate,
        migrate_to,  # needs Alembic, which no worker loads
    )

    engine = open_engine(database.url, statement_timeout_ms=0)

    def run_once() -> Migrated:
        if target:
            return migrate_to(engine, database.migrations, target)
        return migrate(engine, database.migrations, by_login(database.name, database.rights))

    try:
        done = _retry_outages(run_once, database.name)
    except MigrationRefused as refused:
        raise click.ClickException(f"{database.name}: {refused}") from refused
    finally:
        engine.dispose()
    click.echo(f"{database.name}: schema {done.revision}")
    if done.missing:
        click.echo(f"These logins do not exist on the server and got no rights: {', '.join(done.missing)}", err=True)
    if done.unlimited:
        statements = "\n".join(line for name in done.unlimited for line in written_limits(name))
        click.echo(f"Sessions have no limits. As an administrator of PostgreSQL, run:\n{statements}", err=True)


ATTEMPTS, RETRY_PAUSE_S = 3, 2.0
"""Of a migration, which is one transaction: if a server that starts or fails over ends it, nothing is stored."""

T = TypeVar("T")


def _retry_outages(run_once: Callable[[], T], name: str) -> T:
    """What ``run_once`` returns; an outage of the database ``name`` is printed in one line, and tried again.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the last attempt failed too, or for another reason.
    """
    for number in range(1, ATTEMPTS):
        try:
            return run_once()
        except SQLAlchemyError as error:
            if not is_outage(error):
                raise
            click.echo(f"{name}: {outage_reason(error)} (attempt {number} of {ATTEMPTS})", err=True)
        time.sleep(RETRY_PAUSE_S)  # the number of attempts bounds it
    return run_once()


def _confirm(service: str, target: str, *, yes: bool) -> None:
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("use --yes when not run interactively")
    if not yes:
        click.confirm(f"Data stored by later revisions of {service} will be deleted. Go back to {target}?", abort=True)


GUNICORN_SETTINGS = Path("deploy/gunicorn.conf.py")


Loop = Callable[[UnitOfWork, CheckedClock, Stop], None]
"""Works on the service's database until the stop is set."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A background role of a service.

    Attributes:
        role: its name, which is also the command that runs only this role.
        about: help of that command.
        make: reads the role's settings and returns its loop.
        checks: further readiness checks, beside those of the database, its schema and the clock; each returns the
            reason why the role is not ready, or an empty text.
    """

    role: str
    about: str
    make: Callable[[], Loop]
    checks: tuple[Callable[[UnitOfWork], str], ...] = ()


def make_command_line(service: Service, *workers: Worker) -> OperatorGroup:
    """The group of commands of ``service``; it adds its own to it.

    Args:
        service: whose.
        workers: its background roles beside ``relay`` and ``consume``.
    """
    group = OperatorGroup(service.name, help=f"Processes and tools of the {service.name} service.")
    _add_workers(group, service, workers)
    steps = (_add_web, _add_migrate, add_parked_commands, add_recovery_commands, _add_topology, _add_key_checks)
    for add in steps:
        add(group, service)
    return group


def main(group: click.Group) -> None:
    """Run ``group``; unusable settings end the process with code 2 and every fault on its own line."""
    try:
        group.main(standalone_mode=True)
    except SettingsError as error:
        click.echo("\n  ".join(["The settings cannot be used:", *str(error).splitlines()]), err=True)
        sys.exit(2)


def run_workers(service: Service, process: str, workers: Sequence[Worker]) -> None:
    """Run background roles in this process, each with its own session pool, until asked to stop; ends the process.

    Args:
        service: whose.
        process: name of the process in logs.
        workers: the roles.
    """
    configure_logs(service.name, process)
    build_info.labels(service.name, running_version()).set(1)
    running = [_Running(service, worker) for worker in workers]
    start_tracing(service.name, process, running[0].settings.otlp_url)

    def ready() -> list[str]:
        return list(dict.fromkeys(problem for started in running for problem in started.problems()))

    code = run({started.role: started.loop for started in running}, probes=running[0].settings.probes, ready=ready)
    for started in running:
        started.engine.dispose()
    sys.exit(code)


class _Running:
    """A role with its settings, login, clock and keys."""

    def __init__(self, service: Service, worker: Worker) -> None:
        self.role = worker.role
        self.settings = service.settings(self.role)
        self.engine = open_engine(self.settings.database_url, application=f"troika-{service.name}-{self.role}")
        self._unit = UnitOfWork(self.engine, service.name)
        self._clock = CheckedClock(system_clock, self._unit, service.name, read_database_time)
        self._keys = service.keys(self.role, self._unit) if service.keys is not None else None
        watch = QuarantineWatch(self._unit, service.name)
        self._gate = watch.require_none_or_settling if self.role in (RELAY, CONSUME) else watch.require_none
        self._work = worker.make()
        self._topology = TopologyCheck(self.settings.bus) if worker.role in (RELAY, CONSUME) else None
        checks: list[Check] = [partial(check, self._unit) for check in worker.checks]
        checks += [self._topology.problem] if self._topology is not None else []
        self.problems = readiness(self._unit, service.migrations, self._clock.problem, self._key_problem, *checks)

    def loop(self, stop: Stop) -> None:
        """Work once sessions have limits, keys match and the broker has all queues; in quarantine no work begins."""
        wait_for_limits(self._unit, stop)
        if self._keys is not None:
            wait_for_keys(self._keys, stop)
        if self._topology is not None:
            self._topology.wait(stop)
        if not stop:
            self._work(self._unit.gated(self._gate), self._clock, stop)

    def _key_problem(self) -> str:
        return "" if self._keys is None else "\n".join(self._keys().values())


def _add_web(group: OperatorGroup, service: Service) -> None:
    def serve(process: str) -> None:
        service.settings(process)
        arguments = "" if process == WEB else repr(process)
        application = f"services.{service.name}.web:application({arguments})"
        os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "-c", str(GUNICORN_SETTINGS), application])  # noqa: S606

    for process, about in {WEB: "Serve HTTP with gunicorn.", **service.web_parts}.items():
        begin = partial(serve, process)
        group.add_command(OperatorCommand(process, callback=begin, help=about, in_quarantine=InQuarantine.WAITS))


def _add_workers(group: OperatorGroup, service: Service, workers: Sequence[Worker]) -> None:
    everything = (*_common_workers(service), *workers)
    for worker in everything:
        alone = partial(run_workers, service, worker.role, [worker])
        group.add_command(
            OperatorCommand(worker.role, callback=alone, help=worker.about, in_quarantine=InQuarantine.WAITS)
        )

    @group.command(in_quarantine=InQuarantine.WAITS)
    def work() -> None:
        """Run all background roles in this one process, for small installations."""
        run_workers(service, "work", everything)


def _common_workers(service: Service) -> tuple[Worker, Worker]:
    def relay() -> Loop:
        settings = service.settings(RELAY)

        def work(unit: UnitOfWork, clock: CheckedClock, stop: Stop) -> None:
            publisher = open_publisher(settings.bus, service.name)
            Relay(unit, publisher, service.name, clock, service.rules).run(stop)

        return work

    def consume() -> Loop:
        settings = service.settings(CONSUME)

        def work(unit: UnitOfWork, _clock: CheckedClock, stop: Stop) -> None:
            effects = service.effects(unit)
            consumer = make_queue_consumer(settings.bus, unit, service.name, effects, erased=service.erased)
            consumer.chores += service.chores(unit)
            run_consumer(consumer, stop)

        return work

    return (
        Worker(RELAY, "Publish stored messages to the bus.", relay),
        Worker(CONSUME, "Consume messages from the bus.", consume, (halted_problem,)),
    )


def _add_migrate(group: OperatorGroup, service: Service) -> None:
    @group.command(in_quarantine=InQuarantine.RECOVERS)
    @click.option("--to", "target", default="", help="Migrate to this revision; an earlier one is a rollback.")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    def migrate(target: str, *, yes: bool) -> None:
        """Migrate the database to the newest schema, and grant each process's login its rights."""
        # here alone: Alembic takes a quarter of a second and 14 MB, and no other process needs it

        migrate_service(service, target, yes=yes)


def _add_topology(group: OperatorGroup, service: Service) -> None:
    topology = OperatorGroup("topology", help="Exchanges and queues on the broker.")
    group.add_command(topology)

    @topology.command(in_quarantine=InQuarantine.READS)
    def check() -> None:
        """Name what is missing: exchanges, queues, members of queues and leaders.

        Exit codes: 0 nothing is missing, 1 something is, 3 members were not asked, for lack of the management API.
        """
        # imported here, as below: no worker needs the client of the management API
        from shared.cli.topology import check as check_topology

        sys.exit(check_topology(service.settings(TOPOLOGY)))

    @topology.command(in_quarantine=InQuarantine.RECOVERS)
    def declare() -> None:
        """Declare exchanges, queues and bindings."""
        bus_topology.declare(service.settings(TOPOLOGY).bus)
        click.echo("declared")

    @topology.command(in_quarantine=InQuarantine.READS)
    def definitions() -> None:
        """Print the definitions file for the broker, limits included."""
        click.echo(json.dumps(bus_topology.definitions(), indent=2))

    _add_cluster_commands(topology, service)


def _add_cluster_commands(topology: OperatorGroup, service: Service) -> None:
    @topology.command(in_quarantine=InQuarantine.RECOVERS)
    @click.option("--dry-run", is_flag=True, help="Change nothing; print what would be done.")
    def grow(*, dry_run: bool) -> None:
        """Give each queue the members that the cluster has nodes for, at most three, and spread the leaders.

        May be repeated. Exit codes: 0 all members are there and run, 1 not all.
        """
        from shared.cli.topology import grow as grow_queues

        sys.exit(grow_queues(service.settings(TOPOLOGY), dry_run=dry_run))

    @topology.command("import", in_quarantine=InQuarantine.RECOVERS)
    @click.argument("file", type=click.Path(path_type=Path))
    @click.option("--nodes", type=click.IntRange(1), required=True, help="Wait until the cluster has this many nodes.")
    @click.option(
        "--within", "within_s", type=float, default=300.0, show_default=True, help="Wait at most this many seconds."
    )
    def import_(file: Path, nodes: int, within_s: float) -> None:
        """Import the definitions in FILE, users included, once the cluster has formed; then check. May be repeated."""
        from shared.cli.topology import import_definitions

        sys.exit(import_definitions(service.settings(TOPOLOGY), file, nodes=nodes, within_s=within_s))


def _add_key_checks(group: OperatorGroup, service: Service) -> None:
    checks = OperatorGroup("key-checks", help="Keys that the database accepts; processes with other keys do not work.")
    group.add_command(checks)

    @checks.command("list", in_quarantine=InQuarantine.READS)
    def list_key_checks() -> None:
        """List every key with its check values."""
        # here alone, as below: no worker needs it
        from shared.cli.keys import list_checks

        list_checks(service.settings(RECOVER), service.key_kinds)

    @checks.command("accept", in_quarantine=InQuarantine.RECOVERS)
    @click.argument("name", type=click.Choice([kind.name for kind in service.key_kinds]))
    @click.option("--yes", is_flag=True, help="Do not ask.")
    def accept_key(name: str, *, yes: bool) -> None:
        """Accept the key NAME, read from the file that its setting names, in place of the earlier one."""
        from shared.cli.keys import accept

        accept(service.settings(RECOVER), next(kind for kind in service.key_kinds if kind.name == name), yes=yes)
