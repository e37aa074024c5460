"""`make up` for tests: the whole installation in a folder of the run, with alerts at a faster pace."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import requests

from deploy.local.installation import SAMPLE, WEBINAR
from deploy.public_client import solved_challenge
from deploy.servers.records import Records
from deploy.servers.starting import BASE_ENVIRONMENT
from deploy.shape import worker_name
from deploy.up.ports import BLOCK, VARIABLE, InstallationPorts, chosen_ports
from deploy.up.services import PACE_VARIABLE
from services.notifications.sending.service import LEASE
from tests.support.ports import free_block
from tests.support.processes import PROJECT
from tests.support.run_folder import RUN_VARIABLE, RunFolder
from tests.support.web import register_at_once

PACE = 25
"""A minute is 2.4 seconds: still more than the second between two ticks of an idle consumer, and than one scrape."""

Alert = tuple[str, str]
"""Its name, and what it is about: service and process, queue, equation, or nothing."""


@dataclass(slots=True)
class Production:
    """Attributes:
    run: that it belongs to.
    folder: of the installation.
    environment: of the commands.
    """

    run: RunFolder
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def ports(self) -> InstallationPorts:
        """Chosen at the start."""
        return chosen_ports(self.folder / "ports.json")

    def prepare(self) -> None:
        """Choose ports, and a small programme: working groups are not tested here."""
        sample = self.run.part("sample")
        shutil.copytree(PROJECT / SAMPLE, sample, dirs_exist_ok=True)
        (sample / "working-groups.yaml").write_text("[]\n")
        register_at_once(sample)
        self.environment = {
            **BASE_ENVIRONMENT,
            RUN_VARIABLE: str(self.run.path),
            "TROIKA_UP_FOLDER": str(self.folder),
            "TROIKA_UP_SAMPLE": str(sample),
            PACE_VARIABLE: str(PACE),
            VARIABLE: str(free_block(BLOCK)),
            "TROIKA_LIMITS_EXEMPT": "127.0.0.1",
            "TROIKA_UNVERIFIED_A_DAY": "1000000",  # all visitors come from one address
            "TROIKA_MAIL_LEASE_S": str((LEASE // PACE).seconds),  # shorter than the alert's time, as by default
        }

    def command(self, *arguments: str, within_s: float = 300.0) -> subprocess.CompletedProcess[str]:
        """Run ``python -m deploy.up …`` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "deploy.up", *arguments],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=within_s,
        )

    def must(self, *arguments: str) -> str:
        """Run a command that has to succeed; returns what it prints."""
        done = self.command(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def hold(self, *names: str) -> None:
        """Stop processes, and keep them stopped."""
        for name in names:
            self.must("hold", name)

    def release(self, *names: str) -> None:
        """Let them start again."""
        for name in names:
            self.must("release", name)

    def pids(self) -> dict[str, int]:
        """Pid by name of all that runs."""
        return Records(self.folder).running()

    def kill(self, name: str) -> int:
        """``kill -9`` of one process, which is known by pid and start time; returns its pid."""
        pid = self.pids()[name]
        os.kill(pid, signal.SIGKILL)
        return pid

    def prometheus(self, path: str, **query: str) -> Any:
        """Data of an answer of Prometheus' interface."""
        address = f"http://127.0.0.1:{self.ports['prometheus']}/api/v1/{path}"
        answer = requests.get(address, params=query, timeout=5)
        answer.raise_for_status()
        return answer.json()["data"]

    def firing(self) -> set[Alert]:
        """Every alert that fires now, but the one that always does."""
        alerts = self.prometheus("alerts")["alerts"]
        labels = [alert["labels"] for alert in alerts if alert["state"] == "firing"]
        return {(each["alertname"], _about(each)) for each in labels if each["severity"] != "watchdog"}

    def secret(self, name: str) -> Any:
        """Content of a JSON file among the secrets."""
        return json.loads((self.folder / "secrets" / name).read_text())

    def database_url(self, service: str) -> str:
        """Address of a service's database, for its administrator."""
        password = self.secret("databases.json")["postgres"]
        return f"postgresql://postgres:{password}@127.0.0.1:{self.ports['postgres']}/{service}"

    def unsent_mails(self) -> list[Any]:
        """State, phase, attempts, reason, due time and lease of mails that are not sent, with their number.

        For messages of failures, so a database that does not answer is one line instead.
        """
        try:
            with psycopg.connect(self.database_url("notifications"), connect_timeout=3) as administrator:
                return administrator.execute(UNSENT).fetchall()
        except psycopg.OperationalError as error:
            return [str(error)]


UNSENT = """
    SELECT state, phase, attempts, reason, min(due_at)::text, max(lease_until)::text, count(*)
    FROM mail WHERE state <> 'sent' GROUP BY 1, 2, 3, 4"""


class Visitors:
    """Someone else is registered about twice a second, in any case, until stopped.

    Each solves a proof of work, so that they are registered at once and get one mail.
    """

    def __init__(self, url: str) -> None:
        self.accepted: list[str] = []
        self._url = url
        self._address = f"{url}/v1/forms/{WEBINAR}/submissions"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._register, name="visitors", daemon=True)

    def __enter__(self) -> "Visitors":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join(15)

    def _register(self) -> None:
        number = 0
        while not self._stop.wait(0.5):
            number += 1
            answers: dict[str, object] = {
                "name": "A participant",
                "email": f"participant-{number}@example.org",
                "country": "CH",
                "time_zone": "Europe/Zurich",
                "language": "en",
                "consent": True,
            }
            if self._is_accepted(answers):
                self.accepted.append(str(answers["email"]))

    def _is_accepted(self, answers: dict[str, object]) -> bool:
        try:
            content = {**answers, **solved_challenge(self._url, WEBINAR)}
            return requests.post(self._address, json=content, timeout=10).status_code == 202
        except requests.RequestException:
            return False


def environment_of(pid: int) -> dict[str, str]:
    """Of a running process."""
    entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def process_named(labels: Mapping[str, str]) -> str:
    """What Prometheus watches, as the installation names it."""
    return worker_name(labels["service"], labels["process"]) if labels["job"] == "troika" else labels["job"]


def is_ready(address: str) -> bool:
    """Whether it is answered well there."""
    try:
        return requests.get(address, timeout=2).status_code == 200
    except requests.RequestException:
        return False


def _about(labels: Mapping[str, str]) -> str:
    return (
        labels.get("queue")
        or labels.get("equation")
        or "-".join(labels[name] for name in ("service", "process") if name in labels)
    )
