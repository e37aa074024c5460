"""The processes of a local installation, each with its own environment and log file."""

import sys
from pathlib import Path

from deploy.local.installation import PARTNER, WEBINAR, Content, Installation
from deploy.local.people import REFUSED_BY_RELAY
from deploy.servers.units import Unit
from deploy.shape import SERVICES, WORKERS, worker_name


def processes(installation: Installation) -> list[Unit]:
    """All processes: one web process for all services, and one background process for each."""
    background = [_background(installation, service) for service in SERVICES]
    return [_front(installation), _partner(installation), _sink(installation), *background]


def _front(installation: Installation) -> Unit:
    """The one process that is the web process of all three services, so it has all of their environments."""
    environments = (installation.environment(service, "web") for service in SERVICES)
    environment = {key: value for environment in environments for key, value in environment.items()}
    ports = installation.ports
    environment |= {
        "TROIKA_BIND": f"127.0.0.1:{ports.front}",
        "TROIKA_WEB_WORKERS": "1",
        "TROIKA_METRICS_FOLDER": str((installation.folder / "metrics").resolve()),
        "TROIKA_LOCAL_PARTNER_URL": ports.partner_url,
        "TROIKA_LOCAL_INBOX_URL": ports.inbox_url,
        "TROIKA_LOCAL_CONTENT": installation.content,
    }
    command = ["-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "deploy.local.front:application()"]
    return _process("front", command, environment)


def _partner(installation: Installation) -> Unit:
    """Another organisation's web site: it knows only our address and the pasted embed code."""
    ports = installation.ports
    command = ["-m", "deploy.local.partner", "--port", str(ports.partner), "--troika", ports.public_url]
    if installation.content is not Content.NOTHING:
        command += ["--form", WEBINAR, "--partner", PARTNER]
    else:
        command += ["--pasted", str(installation.folder / "partner-page.html")]
    return _process("partner", command, installation.common)


def _sink(installation: Installation) -> Unit:
    ports, folder = installation.ports, installation.folder / "mails"
    command = ["-m", "deploy.local.sink", "--smtp-port", str(ports.smtp), "--http-port", str(ports.inbox)]
    refused = ["--refuse", REFUSED_BY_RELAY] if installation.content is Content.PEOPLE else []
    return _process("sink", [*command, "--folder", str(folder), *refused], installation.common)


def _background(installation: Installation, service: str) -> Unit:
    """All background roles of a service; each connects to the embedded database with a separate login."""
    environments = (installation.environment(service, role) for owner, role in WORKERS if owner == service)
    environment = {
        key: value for environment in environments for key, value in environment.items() if "DATABASE_URL" not in key
    }
    environment |= {
        "TROIKA_DATA": str(installation.folder.resolve()),
        "TROIKA_METRICS_PORT": str(installation.ports.metrics(service)),
    }
    return _process(worker_name(service, "work"), ["-m", f"services.{service}", "work"], environment)


def _process(name: str, arguments: list[str], environment: dict[str, str]) -> Unit:
    return Unit(name, [sys.executable, *arguments], environment, Path.cwd())
