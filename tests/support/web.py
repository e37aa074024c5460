"""The registration service's web processes, as a deployment starts them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploy.local.installation import SAMPLE
from services.registration.store.form_keys import FormKeys
from services.registration.usecases.load_forms import load_forms
from shared.core.sealing import read_keys
from shared.store.engine import open_engine
from shared.store.unit_of_work import UnitOfWork
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.ports import free_port
from tests.support.processes import ProcessGroup, Program
from tests.support.waiting import poll_until

EVENT = """
    INSERT INTO event_copy (id, revision, kind, title, summary, starts_at, time_zone, status, mode)
    VALUES ('upr-webinar-10', 1, 'webinar', 'UPR Webinar Wednesday #10', '', %s, 'America/New_York', 'confirmed',
        'online') ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class RunningWeb:
    """A started web service."""

    url: str
    program: Program


def load_webinar(installation: TestInstallation, *, capacity: int | None) -> None:
    """Only the sample's form of the webinar, open, with ``capacity`` seats (None: no limit)."""
    url = installation.urls["registration"]
    engine = open_engine(url)
    folder = installation.secrets.folder
    keys = FormKeys(folder / "form-keys", read_keys(folder / "master.key"))
    load_forms(UnitOfWork(engine, "registration"), keys, SAMPLE)
    engine.dispose()
    rows(url, EVENT, datetime.now(UTC) + timedelta(days=5))
    rows(url, "DELETE FROM seat WHERE form <> 'upr-webinar-10'")
    rows(url, "DELETE FROM form WHERE slug <> 'upr-webinar-10'")
    rows(url, "UPDATE seat SET capacity = %s", capacity)


def start_web(
    processes: ProcessGroup,
    installation: TestInstallation,
    *,
    workers: int = 2,
    service: str = "registration",
    arguments: str = "",
    name: str = "",
    connections: int = 512,
    others: Mapping[str, str] | None = None,
) -> RunningWeb:
    """Start a service's gunicorn and wait until it is ready.

    Args:
        arguments: in place of the service's own command.
        connections: open at once in one worker. Whoever races several workers keeps this low: the first that wakes
            would take all clients, and there would be no race.
        others: settings beside the installation's own.
    """
    name, arguments = name or f"{service}-web", arguments or f"services.{service} web"
    port = free_port()
    environment = {
        **installation.environment(service),
        "TROIKA_BIND": f"127.0.0.1:{port}",
        "TROIKA_WEB_WORKERS": str(workers),
        "TROIKA_WEB_CONNECTIONS": str(connections),
        "TROIKA_METRICS_FOLDER": str(Path(processes.folder) / f"{name}-metrics"),
        **(others or {}),
    }
    url, metrics = f"http://127.0.0.1:{port}", Path(environment["TROIKA_METRICS_FOLDER"])
    ready = f"{url}/-/{service}/readyz"
    web = RunningWeb(url, processes.start(name, arguments, env=environment, ready_url=ready, within_s=60))
    poll_until(
        lambda: len(list(metrics.glob("histogram_*.db"))) >= workers, within_s=30, what="all workers have started"
    )
    return web
