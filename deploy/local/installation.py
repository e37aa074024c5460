"""Prepares a local installation in a folder: secrets, databases, schema, topology, sample data."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from deploy.local.ports import Ports
from deploy.local.secrets import Secrets, make_secrets
from deploy.servers.audit_role import READABLE, ROLE, grant_reading, make_role
from shared.store.embedded import EmbeddedServer, role_of

SERVICES = ("registration", "events", "notifications")
DATABASES = (*SERVICES, "bus")
SAMPLE = Path("deploy/samples/upr2020")
WEBINAR = "upr-webinar-10"
PARTNER = "example-partner"
MAIL_FROM = "upr@example.org"
ORGANISER = "The UPR coordination"


class NotPrepared(Exception):
    """A step of the preparation failed; says which, and what it printed."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Attributes:
    folder: of its data.
    ports: it listens on.
    secrets: of all processes.
    common: environment of every process.
    """

    folder: Path
    ports: Ports
    secrets: Secrets
    common: dict[str, str]

    def environment(self, service: str) -> dict[str, str]:
        """Environment of one service's processes: what is common, and that service's own secrets."""
        mail = {
            "SMTP_URL": f"smtp://127.0.0.1:{self.ports.smtp}",
            "TROIKA_MAIL_FROM": MAIL_FROM,
            "TROIKA_MAIL_FROM_NAME": ORGANISER,
        }
        own = {
            "registration": {**self.secrets.registration(), "TROIKA_ORGANISER": ORGANISER},
            "events": self.secrets.events(),
            "notifications": {**self.secrets.notifications(), **mail},
        }
        return {**self.common, **own[service]}


def prepare(folder: Path, ports: Ports) -> Installation:
    """Make what is missing and start the embedded PostgreSQL; it stops with this process.

    Raises:
        NotPrepared: a step failed.
    """
    server = EmbeddedServer(folder / "postgres")
    urls = server.start(DATABASES)
    common = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TROIKA_DEMO")},
        **{f"{service.upper()}_DATABASE_URL": urls[service] for service in SERVICES},
        "TROIKA_BUS_DATABASE_URL": urls["bus"],
        "TROIKA_PUBLIC_URL": ports.public_url,
    }
    installation = Installation(folder, ports, make_secrets(folder / "secrets"), common)
    for service in SERVICES:
        run(installation, service, "migrate")
    run(installation, "events", "topology", "declare")
    _let_audit_read(server, urls)
    load_once(folder, ports.partner_url, lambda: _load(installation))
    return installation


def audit_urls(folder: Path) -> dict[str, str]:
    """Databases of the installation in ``folder`` for the audit's login; the server runs as long as this process."""
    server = EmbeddedServer(folder / "postgres")
    return _let_audit_read(server, server.start(DATABASES))


def _let_audit_read(server: EmbeddedServer, urls: Mapping[str, str]) -> dict[str, str]:
    """Give the audit's login its rights; without the bus where messages travel through a broker."""
    readable = {}
    for name, url in urls.items():
        with psycopg.connect(server.administrators(name), autocommit=True) as administrator:
            make_role(administrator)
            if administrator.execute("SELECT to_regclass(%s)", [next(iter(READABLE[name]))]).fetchone() == (None,):
                continue
            grant_reading(administrator, name)
        readable[name] = url.replace(f"//{role_of(name)}@", f"//{ROLE}@")
    return readable


def load_once(folder: Path, where: str, load: Callable[[], object]) -> None:
    """Load the sample into a new installation, and again only if ``where`` it is has changed.

    What coordinators have changed since must not be overwritten by a restart, nor people be told of it.
    """
    loaded = folder / "sample-loaded"
    if not loaded.exists() or loaded.read_text() != where:
        load()
        loaded.write_text(where)


def _load(installation: Installation) -> None:
    partner = ("--origin", f"{PARTNER}={installation.ports.partner_url}")
    run(installation, "events", "load", str(SAMPLE), "--move-to-next", WEBINAR, *partner)
    run(installation, "registration", "load", str(SAMPLE), *partner)


def run(installation: Installation, service: str, *arguments: str) -> None:
    """Run one command of a service to its end.

    Raises:
        NotPrepared: it failed.
    """
    command = [sys.executable, "-m", f"services.{service}", *arguments]
    done = subprocess.run(command, env=installation.environment(service), capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotPrepared(f"services.{service} {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
