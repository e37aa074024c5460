"""The registration service's web processes, as a deployment starts them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import psutil
import yaml

from deploy.local.installation import SAMPLE, WEBINAR
from services.registration.intake.queue import publish_key
from services.registration.loading import load_forms
from services.registration.sealing.key_folder import KeyFolder
from services.registration.sealing.key_store import FormKeys
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.security.sealing import read_keys
from tests.support.installation import TestInstallation
from tests.support.ports import free_port
from tests.support.processes import ProcessGroup, Program
from tests.support.waiting import poll_until

EVENT = """
    INSERT INTO event_copy (id, revision, kind, title, summary, starts_at, time_zone, status, mode)
    VALUES ('upr-webinar-10', 1, 'webinar', '{"en": "UPR Webinar Wednesday #10"}', '{}', %s, 'America/New_York',
        'confirmed', 'online') ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class RunningWeb:
    """A started web service."""

    url: str
    program: Program


def load_folder(installation: TestInstallation, folder: Path, process: str = "") -> tuple[int, int]:
    """Load ``folder`` as the command does, by the login of ``process``, or of the migrator (empty)."""
    secrets = installation.secrets.folder
    keys = FormKeys(KeyFolder(secrets / "form-keys", read_keys(secrets / "master.key")))
    engine = open_engine(installation.url("registration", process) if process else installation.urls["registration"])
    try:
        return load_forms(UnitOfWork(engine, "registration"), keys, folder)
    finally:
        engine.dispose()


def load_webinar(installation: TestInstallation, *, capacity: int | None) -> None:
    """Only the sample's form of the webinar, open, with ``capacity`` seats (None: no limit), and no message waiting.

    It takes people at once who have a proof of work; most tests send none, so that they confirm by mail.

    The decider's key is published, so that submissions are accepted before a decider runs.
    """
    url, folder = installation.urls["registration"], installation.secrets.folder
    sample = folder.parent / "webinar-alone"
    sample.mkdir()
    for name, content in _webinar_alone().items():
        (sample / name).write_text(content)
    engine = open_engine(url, pool_size=1)
    unit = UnitOfWork(engine, "registration")
    load_forms(unit, FormKeys(KeyFolder(folder / "form-keys", read_keys(folder / "master.key"))), sample)
    publish_key(unit, read_keys(folder / "decider.key"), datetime.now(UTC))
    with unit.transaction() as connection:
        connection.exec_driver_sql(EVENT, (datetime.now(UTC) + timedelta(days=5),))
        connection.exec_driver_sql("UPDATE seat SET capacity = %s", (capacity,))
        connection.exec_driver_sql("DELETE FROM outbox")  # the form's own message
    engine.dispose()


def register_at_once(sample: Path) -> None:
    """Let the webinar's form in a copy of the sample take people at once who have a proof of work."""
    forms = yaml.safe_load((sample / "forms.yaml").read_text())
    changed = [form | {"verification": "none"} if form["slug"] == WEBINAR else form for form in forms]
    (sample / "forms.yaml").write_text(yaml.safe_dump(changed))


@cache
def _webinar_alone() -> dict[str, str]:
    """The files of the sample without its other forms: to read all of them takes longer than most tests."""
    forms = yaml.safe_load((SAMPLE / "forms.yaml").read_text())
    kept = [form | {"verification": "none"} for form in forms if form["slug"] == WEBINAR]
    return {"forms.yaml": yaml.safe_dump(kept), "partners.yaml": (SAMPLE / "partners.yaml").read_text()}


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
        connections: open at once in one worker. A test that races several workers keeps this low: the first that wakes
            would take all clients, and there would be no race.
        others: settings beside the installation's.
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
    url = f"http://127.0.0.1:{port}"
    ready = f"{url}/-/{service}/readyz"
    web = RunningWeb(url, processes.start(name, arguments, env=environment, ready_url=ready, within_s=60))
    main = psutil.Process(web.program.pid)
    poll_until(
        lambda: sum(map(_accepts, main.children(recursive=True))) == workers,
        within_s=30,
        what="all workers accept connections",
    )
    return web


def _accepts(worker: psutil.Process) -> bool:
    """Whether this worker's event loop watches the listening socket (Linux, proc_pid_fdinfo(5)).

    One that has not come so far takes no one, and the others, once full, refuse those that it would take.
    """
    listening = [c.fd for c in worker.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    try:
        watched = [file.read_text() for file in Path(f"/proc/{worker.pid}/fdinfo").iterdir()]
    except FileNotFoundError:  # a file was closed in the meantime: the caller retries
        return False
    return any(re.search(rf"^tfd:\s+{fd}\b", one, re.MULTILINE) for fd in listening for one in watched)
