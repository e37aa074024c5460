"""The whole system as real processes, with a mail relay that accepts everything and costs almost nothing."""

import itertools
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deploy.shape import SERVICES
from tests.benchmarks.load import Result, offer
from tests.benchmarks.submissions import proven_submissions
from tests.support.ports import free_port, is_listening
from tests.support.stack import Stack
from tests.support.waiting import poll_until

REGISTRATION = "registration"


@dataclass(slots=True)
class Whole(Stack):
    """As the tests' stack, with a cheap relay in place of the inbox; other web processes where they are asked for."""

    offered: int = 0

    @property
    def relay_log(self) -> Path:
        """The Message-ID of each mail that the relay took, a line each."""
        return Path(self.processes.folder) / "taken"

    def start_sink(self) -> None:
        """Start the relay."""
        self.ports["smtp"] = free_port()
        command = ["tests.benchmarks.cheap_relay", str(self.ports["smtp"]), str(self.relay_log)]
        self.programs["sink"] = self.processes.start("sink", command)
        poll_until(lambda: is_listening(self.ports["smtp"]), 20, what="the relay listens")

    def start_other_webs(self, workers: int = 2) -> None:
        """The web processes of the services that a registration does not ask."""
        for service in SERVICES:
            if service != REGISTRATION:
                self._start_web(service, workers)

    def offer(self, per_second: float, seconds: float) -> Result:
        """New people register on schedule, each with a proof of work: they are registered at once."""
        assert self.web is not None
        place, first = urlsplit(self.web.url), self.offered
        self.offered += int(per_second * seconds)
        people = iter(list(itertools.islice(proven_submissions(self.installation, first), self.offered - first)))
        return offer(str(place.hostname), place.port or 80, people, per_second, seconds)

    def copies(self) -> Counter[str]:
        """How often each Message-ID has arrived."""
        return Counter(self.relay_log.read_text().split())

    def url_of(self, service: str) -> str:
        """Where a web process of ``start_other_webs`` listens."""
        return f"http://127.0.0.1:{self.ports[f'{service}-web']}"

    def _start_web(self, service: str, workers: int) -> None:
        name = f"{service}-web"
        self.ports[name] = free_port()
        environment = {
            **self.environment(service, "web"),
            "TROIKA_BIND": f"127.0.0.1:{self.ports[name]}",
            "TROIKA_WEB_WORKERS": str(workers),
        }
        ready = f"{self.url_of(service)}/-/{service}/readyz"
        self.programs[name] = self.processes.start(name, f"services.{service} web", env=environment, ready_url=ready)
