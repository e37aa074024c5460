"""Puts the installation together: secrets, servers, schema, sample data, services, gateway, Prometheus; in stages."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deploy.local.installation import SAMPLE, WEBINAR, days_later, load_once
from deploy.local.secrets import Secrets, make_secrets
from deploy.servers.audit_role import variable
from deploy.servers.starting import BASE_ENVIRONMENT
from deploy.servers.units import Stage, Unit
from deploy.shape import SERVICES, process_of
from deploy.up import secrets
from deploy.up.gateway import PROGRAM, gateway_unit, proxies_in_front
from deploy.up.ports import InstallationPorts, chosen_ports
from deploy.up.runtime import OPERATORS, ROLES, make_runtime
from deploy.up.servers import (
    audit_urls,
    broker_units,
    complete_rights,
    database_unit,
    database_url,
    given_setting,
    make_databases,
    named_databases,
    named_logins,
    named_url,
)
from deploy.up.services import Services, audit_unit, canary_unit, has_canary, has_sink, sink_unit
from deploy.up.watching import prometheus_unit
from shared.runtime.accounts import Account, can_enter, database_account, run_as

SAMPLE_VARIABLE = "TROIKA_UP_SAMPLE"
CANARY_PROGRAMME = Path("deploy/operations/canary_programme")
NEEDED = {PROGRAM: "nginx-light", "/usr/bin/prometheus": "prometheus"}


class InstallationNotPrepared(Exception):
    """A step of the preparation failed; the message names it and quotes its output."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Attributes:
    stages: the stages of the supervisor.
    ports: the chosen ports.
    secrets: the secrets of the services.
    """

    stages: list[Stage]
    ports: InstallationPorts
    secrets: Secrets


def _nothing() -> None:
    """Do nothing: the operator provides the databases."""


@dataclass(frozen=True, slots=True)
class ServiceDatabases:
    """Attributes:
    url: the function that returns the address by service and kind of process.
    audit: the address with the audit's login by service; empty where it was given none.
    make: makes them, once the server runs.
    complete_rights: gives what their owners cannot, once they have their schema.
    """

    url: Callable[[str, str], str]
    audit: dict[str, str]
    make: Callable[[], None] = _nothing
    complete_rights: Callable[[], None] = _nothing


def prepare(folder: Path) -> Prepared:
    """Write what is missing in ``folder``; nothing runs yet.

    Raises:
        InstallationNotPrepared: this machine lacks something, or the folder is unsuitable; the message states
                what to do.
    """
    missing = [package for program, package in NEEDED.items() if not Path(program).exists()]
    if missing:
        raise InstallationNotPrepared(
            f"missing on this machine: apt-get install --no-install-recommends {' '.join(missing)}"
        )
    runtime = make_runtime(folder)
    _let_in(folder, database_account(), runtime.account(ROLES[0]))
    ports = chosen_ports(folder / "ports.json")
    keys = make_secrets(folder / "secrets")
    runtime.share(keys)
    broker = secrets.broker_passwords(keys.folder)
    names, node = broker_units(folder, ports, broker)
    servers: list[Unit] = [names, node]
    databases = _databases(folder, ports, keys.folder, servers)
    services = Services(folder, ports, keys, broker, databases.url, runtime)

    def fill() -> None:
        databases.make()
        _fill(services, folder)
        databases.complete_rights()

    mine = [*services.units(), *([sink_unit(folder, ports, runtime)] if has_sink() else [])]
    asked = secrets.audit_broker_url(broker, ports["amqp"])
    watching = [audit_unit(folder, ports, databases.audit, asked, runtime)] if databases.audit else []
    last = [
        gateway_unit(folder, ports, proxies_in_front()),
        prometheus_unit(folder, ports, audited=bool(watching)),
        *watching,
    ]
    stages = [
        Stage(servers[:1]),
        Stage(servers[1:], fill),
        Stage(mine),
        Stage([*last, *([canary_unit(folder, ports, runtime)] if has_canary() else [])]),
    ]
    return Prepared(stages, ports, keys)


def _let_in(folder: Path, *accounts: Account | None) -> None:
    """What root starts runs as other users, who must be able to enter the folders above theirs."""
    for account in accounts:
        if not can_enter(account, folder.resolve()):
            raise InstallationNotPrepared(
                f"the users of `make up` ({account.name if account else 'this one'}) cannot enter {folder.resolve()}: "
                "name a folder elsewhere in TROIKA_UP_FOLDER, such as /var/lib/troika-up"
            )


def remove(folder: Path) -> None:
    """Delete the installation's folder, and the folder above it when that is left empty and is ours (``var``)."""
    shutil.rmtree(folder, ignore_errors=False)
    if folder.parent.name == "var" and not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def _databases(folder: Path, ports: InstallationPorts, place: Path, servers: list[Unit]) -> ServiceDatabases:
    """Those that are named, or our own, whose server is added to ``servers``."""
    if named := named_databases():
        audit = {service: given_setting(variable(service)) for service in SERVICES}
        logins = named_logins()
        return ServiceDatabases(partial(_named, named, logins), audit if all(audit.values()) else {})
    passwords, port = secrets.database_passwords(place), ports["postgres"]
    servers.append(database_unit(folder, port, passwords))
    return ServiceDatabases(
        lambda service, process: database_url(port, passwords, service, process),
        audit_urls(port, passwords),
        lambda: make_databases(port, passwords),
        lambda: complete_rights(port, passwords),
    )


def _named(named: dict[str, str], logins: dict[str, str], service: str, process: str) -> str:
    return named_url(named[service], logins, service, process)


def _fill(services: Services, folder: Path) -> None:
    """Newest schema, and the sample programme into a new installation.

    ``TROIKA_UP_SAMPLE`` names another, or ``none``; databases of the operator get a sample only if it is named.
    """
    for service in SERVICES:
        _run(services, service, "migrate")
    sample = os.environ.get(SAMPLE_VARIABLE) or ("none" if named_databases() else str(SAMPLE))
    if sample != "none":
        readable = services.runtime.readable(Path(sample).resolve(), "sample", folder.resolve() / "runtime")
        load_once(folder, sample, lambda: _load(services, str(readable)))
    if has_canary():
        for service in ("events", "registration"):
            _run(services, service, "load", str(services.runtime.project / CANARY_PROGRAMME))


def _load(services: Services, sample: str) -> None:
    _run(services, "events", "load", sample, "--move-to-next", WEBINAR)
    _run(services, "registration", "load", sample, "--days-later", str(days_later(Path(sample))))


def _run(services: Services, service: str, *arguments: str) -> None:
    runtime = services.runtime
    environment = {**BASE_ENVIRONMENT, **services.environment(service, process_of(arguments[0])), **runtime.environment}
    command = [runtime.python, "-m", f"services.{service}", *arguments]
    done = run_as(runtime.account(OPERATORS[service]), command, cwd=runtime.project, env=environment)
    if done.returncode:
        raise InstallationNotPrepared(f"services.{service} {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
