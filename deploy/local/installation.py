"""Prepares a local installation in a folder: secrets, databases, schema, topology, sample data."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psycopg

from deploy.local.ports import DemoPorts
from deploy.local.secrets import Secrets, make_secrets
from deploy.servers.audit_role import ROLE, is_made, make_role
from deploy.servers.databases import complete_rights
from deploy.servers.logins import LOGINS
from deploy.shape import SERVICES, process_of
from services.events.loading.folder import read_folder
from services.events.loading.moving import time_to_next
from shared.cli.settings import ON_THE_BUS, WITHOUT_DATABASE, bus_role_of, role_of
from shared.db.embedded_server import EmbeddedServer, remove_server
from shared.runtime.clock import system_clock

SAMPLE = Path("deploy/samples/upr2020")
WEBINAR = "upr-webinar-10"
WEDNESDAY = 2
"""The webinar's day of the week, Monday is 0."""
PARTNER = "example-partner"
MAIL_FROM = "upr@example.org"
ORGANISER = "The UPR coordination"


class Content(StrEnum):
    """What a new installation begins with: the sample programme, the programme and people, or nothing.

    After nothing, all is set up in the console.
    """

    SAMPLE = "sample"
    PEOPLE = "people"
    NOTHING = "nothing"


class DemoNotPrepared(Exception):
    """A step of the preparation failed; the message names it and quotes its output."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Attributes:
    folder: the folder of its data.
    ports: the ports that it listens on.
    secrets: the secrets of all processes.
    server: the embedded PostgreSQL.
    common: environment of every process.
    content: what it began with.
    """

    folder: Path
    ports: DemoPorts
    secrets: Secrets
    server: EmbeddedServer
    common: dict[str, str]
    content: Content

    def environment(self, service: str, process: str) -> dict[str, str]:
        """Environment of one process: what is common, its logins, and its own secrets."""
        more = {
            "registration": {"TROIKA_ORGANISER": ORGANISER},
            "events": {},
            "notifications": {"TROIKA_MAIL_FROM": MAIL_FROM, "TROIKA_ORGANISER": ORGANISER},
        }
        own = {**self.secrets.of(service, process), **more[service], **self._addresses(service, process)}
        if (service, process) == ("notifications", "send"):
            own["SMTP_URL"] = f"smtp://127.0.0.1:{self.ports.smtp}"
        return {**self.common, **own}

    def _addresses(self, service: str, process: str) -> dict[str, str]:
        found = {}
        if process not in WITHOUT_DATABASE:
            found[f"{service.upper()}_DATABASE_URL"] = self.server.url(service, role_of(service, process))
        if process in ON_THE_BUS:
            found["TROIKA_BUS_DATABASE_URL"] = self.server.url("bus", bus_role_of(service, process))
        return found


def prepare(folder: Path, ports: DemoPorts, content: Content = Content.SAMPLE) -> Installation:
    """Make what is missing and start the embedded PostgreSQL; it stops with this process.

    Raises:
        DemoNotPrepared: a step failed, or the folder holds an installation that began with other content.
    """
    require_content(folder, content)
    server = EmbeddedServer(folder / "postgres")
    try:
        server.start(LOGINS)
    except RuntimeError as error:
        raise DemoNotPrepared(str(error)) from error
    common = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TROIKA_DEMO")},
        "TROIKA_PUBLIC_URL": ports.public_url,
        "TROIKA_CONSOLE_URL": ports.console_url,
    }
    installation = Installation(folder, ports, make_secrets(folder / "secrets"), server, common, content)
    for service in SERVICES:
        run(installation, service, "migrate")
    run(installation, "events", "topology", "declare")
    _complete_rights(server)
    if content is not Content.NOTHING:
        load_once(folder, ports.partner_url, lambda: _load(installation))
    return installation


def require_content(folder: Path, content: Content) -> None:
    """Check that the installation in ``folder`` is new or began with ``content``, and record it.

    Raises:
        DemoNotPrepared: it began with other content.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / "began-with"
    began_with = record.read_text() if record.exists() else content
    if began_with != content:
        raise DemoNotPrepared(f"{folder} began with {began_with}. Delete it or choose another folder.")
    record.write_text(content)


def delete(folder: Path) -> None:
    """Delete the installation in ``folder``, which must not run."""
    remove_server(folder / "postgres")
    shutil.rmtree(folder, ignore_errors=True)


def audit_urls(folder: Path) -> dict[str, str]:
    """Databases of the installation in ``folder`` for the audit's login; the server runs as long as this process.

    Raises:
        RuntimeError: the server does not start; the message states what to do.
    """
    server = EmbeddedServer(folder / "postgres")
    server.start(LOGINS)
    return _complete_rights(server)


def _complete_rights(server: EmbeddedServer) -> dict[str, str]:
    """Give what the owners cannot; the audit's addresses, without the bus where messages travel through a broker."""
    readable = {}
    for name in LOGINS:
        with psycopg.connect(server.administrators(name), autocommit=True) as administrator:
            make_role(administrator, server.password(ROLE))
            if not is_made(administrator, name):
                continue
            complete_rights(administrator, name)
        readable[name] = server.url(name, ROLE)
    return readable


def load_once(folder: Path, where: str, load: Callable[[], object]) -> None:
    """Load the sample into a new installation, and again only if ``where`` it is has changed.

    A restart must not overwrite what coordinators have changed since, nor notify people of it.
    """
    loaded = folder / "sample-loaded"
    if not loaded.exists() or loaded.read_text() != where:
        load()
        loaded.write_text(where)


def days_later(sample: Path) -> int:
    """By how many days ``--move-to-next`` moves the programme in ``sample``: forms that ask about days follow it."""
    return time_to_next(read_folder(sample), WEBINAR, WEDNESDAY, system_clock()).days


def _load(installation: Installation) -> None:
    partner = ("--origin", f"{PARTNER}={installation.ports.partner_url}")
    run(installation, "events", "load", str(SAMPLE), "--move-to-next", WEBINAR)
    run(installation, "registration", "load", str(SAMPLE), "--days-later", str(days_later(SAMPLE)), *partner)


def run(installation: Installation, service: str, *arguments: str) -> None:
    """Run one command of a service to its end.

    Raises:
        DemoNotPrepared: it failed.
    """
    command = [sys.executable, "-m", f"services.{service}", *arguments]
    environment = installation.environment(service, process_of(arguments[0]))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DemoNotPrepared(f"services.{service} {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
