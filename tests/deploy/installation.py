"""A Compose installation for a test: its own project, ports and network, removed afterwards."""

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.deploy.conftest import VERSION
from tests.support.participants import SinkLinks
from tests.support.ports import free_port
from tests.support.processes import PROJECT
from tests.support.waiting import poll_until

PUBLIC_HOST, DESK_HOST = "register.localhost", "desk.localhost"


class InboxLinks(SinkLinks):
    """Links in the mails that the sink of a trial shows."""

    def __init__(self, inbox: str) -> None:
        super().__init__(Path())
        self._inbox = inbox

    def _read_mails(self) -> None:
        for one in requests.get(f"{self._inbox}/mails.json", timeout=20).json():
            if one["id"] not in self._read:
                self._read.add(one["id"])
                self._take(requests.get(f"{self._inbox}/mails/{one['id']}.eml", timeout=20).content)


@dataclass(slots=True)
class Compose:
    """Attributes:
    project: its name.
    size: ``small`` or ``full``.
    settings: the content of ``.env``.
    """

    project: str
    size: str = "small"
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = {
            "TROIKA_VERSION": VERSION,
            "TROIKA_HOST": PUBLIC_HOST,
            "TROIKA_DESK_HOST": DESK_HOST,
            "TROIKA_MAIL_FROM": "upr@example.org",
            "TROIKA_TRIAL": "yes",
            "COMPOSE_PROFILES": "trial",
            "TROIKA_HTTPS_PORT": str(free_port()),
            "TROIKA_HTTP_PORT": str(free_port()),
            "TROIKA_INBOX_PORT": str(free_port()),
            "COMPOSE_PROJECT_NAME": self.project,
            "TROIKA_SUBNET": f"172.31.{sum(self.project.encode()) % 250}.0/24",
            **self.settings,
        }

    @property
    def port(self) -> int:
        """Of HTTPS."""
        return int(self.settings["TROIKA_HTTPS_PORT"])

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """``docker compose`` with some words."""
        file = "compose.yaml" if self.size == "small" else f"compose.{self.size}.yaml"
        done = subprocess.run(
            ["docker", "compose", "-p", self.project, "-f", f"deploy/compose/{file}", *words],
            cwd=PROJECT,
            env={**os.environ, **self.settings},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(words)}:\n{done.stdout[-3000:]}{done.stderr[-6000:]}"
        return done

    def up(self) -> None:
        """Start everything; returns when all of it is well."""
        self.run("up", "--detach", "--wait", "--wait-timeout", "600")

    def remove(self) -> None:
        """End it, and delete its volumes."""
        self.run("--profile", "*", "down", "--volumes", "--timeout", "5", check=False)

    def containers(self) -> list[dict[str, Any]]:
        """Those that run."""
        return [json.loads(line) for line in self.run("ps", "--format", "json").stdout.splitlines()]

    def tool(self, *words: str) -> str:
        """What a command of an operator prints."""
        return self.run("run", "--rm", "--quiet-pull", "tools", *words).stdout

    def session(self, folder: Path) -> requests.Session:
        """Trusts the certificates of this installation's gateway, and no others."""
        root = folder / f"{self.project}.crt"
        self.run("cp", "gateway:/data/caddy/pki/authorities/local/root.crt", str(root))
        session = requests.Session()
        session.trust_env = False  # REQUESTS_CA_BUNDLE would count more
        session.verify = str(root)
        return session

    def url(self, host: str = PUBLIC_HOST) -> str:
        """Of one of the two hosts."""
        return f"https://{host}:{self.port}"

    @property
    def inbox(self) -> str:
        """Where the sink of the trial shows its mails."""
        return f"http://127.0.0.1:{self.settings['TROIKA_INBOX_PORT']}"

    def well(self) -> bool:
        """Whether no container is starting or ill."""
        return all(one["State"] == "running" and one["Health"] in ("", "healthy") for one in self.containers())

    def wait_until_well(self) -> None:
        """Returns when all are well."""
        poll_until(self.well, 120, every_s=1.0, what="all containers are well")
