"""The whole system as real processes whose clock the story sets, and the actions of its people."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from functools import partial
from pathlib import Path
from typing import Any

import requests

from deploy.local.installation import SAMPLE
from deploy.operations.audit.reconcile import Finding
from deploy.shape import SERVICES, WORKERS, service_for, worker_name
from shared.messaging import topology
from shared.messaging.broker import BusAddress
from tests.scenario.delivered_mails import Letter, read_letters
from tests.support.audit_checks import differences, parked_at
from tests.support.clients import rows
from tests.support.clock import OFFSET_FILE
from tests.support.deciding import receive_ahead
from tests.support.installation import TestInstallation
from tests.support.ports import free_port
from tests.support.processes import ProcessGroup
from tests.support.waiting import poll_until

REGISTERED = re.compile(r'name="registration" value="([^"]+)"')
CHOICE = re.compile(r'name="(choice-[^"]+)" value="([^"]+)"')
_SENT = "SELECT kind, message_id FROM mail WHERE state = 'sent'"
_SENT_BY_KIND = "SELECT kind, count(*)::int FROM mail WHERE state = 'sent' GROUP BY kind"
_PENDING = "SELECT count(*) FROM mail WHERE state NOT IN ('sent', 'cancelled', 'missed', 'suppressed')"


@dataclass(slots=True)
class ScenarioSystem:
    """Attributes:
    processes: starts and ends everything.
    installation: databases and secrets.
    broker_urls: of RabbitMQ; empty for the embedded bus.
    urls: of the web processes, by service.
    smtp: port of the mail sink.
    accounted_for: mails of earlier acts, by kind.
    acts: each act and its recipients.
    sample: folder that is loaded at the start.
    settings: of all web services, beside their own.
    """

    processes: ProcessGroup
    installation: TestInstallation
    broker_urls: tuple[str, ...] = ()
    urls: dict[str, str] = field(default_factory=dict)
    smtp: int = 0
    accounted_for: Counter[str] = field(default_factory=Counter)
    acts: list[str] = field(default_factory=list)
    sample: Path = SAMPLE
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def mail_folder(self) -> Path:
        """Where the sink keeps mails."""
        return Path(self.processes.folder) / "mails"

    def start(self, instant: datetime) -> None:
        """Start every process at ``instant`` and load the sample."""
        self.at(instant)
        buses = BusAddress(broker_urls=self.broker_urls, database_url="" if self.broker_urls else self._bus)
        topology.declare(buses)
        self.smtp = self._start_sink()
        for service, role in WORKERS:
            environment = {**self._environment(service, role), "TROIKA_METRICS_PORT": str(free_port())}
            self.processes.start(f"{service}-{role}", f"tests.support.shifted_clock {service} {role}", env=environment)
        for service in SERVICES:
            self._start_web(service)
        for service in ("registration", "events"):
            self.load(service, self.sample)
        for service in ("registration", "notifications"):
            poll_until(partial(self._has_copies, service), 60, what=f"{service} has consumed the events")

    def load(self, service: str, folder: Path) -> None:
        """Load a folder of samples into a service, as a coordinator does on the command line."""
        command = f"tests.support.shifted_clock {service} load {folder}"
        loaded = self.processes.start(
            f"load-{service}-{folder.name}", command, env=self._environment(service, "operator")
        )
        assert loaded.wait(60) == 0, loaded.log_text()

    def at(self, instant: datetime) -> None:
        """Set the clock; it runs on from there."""
        offset_s = (instant - datetime.now(UTC)).total_seconds()
        file = self._clock_file.with_suffix(".new")
        file.write_text(str(offset_s))
        file.rename(self._clock_file)
        receive_ahead(self.installation, offset_s)

    def call(self, method: str, path: str, service: str, *, status: int = 200, **more: Any) -> Any:
        """What a coordinator's program gets from ``path``."""
        headers = {"Authorization": f"Bearer {self.installation.secrets.coordinator_key}", **more.pop("headers", {})}
        answer = requests.request(method, self.urls[service] + path, headers=headers, timeout=30, **more)
        assert answer.status_code == status, (method, path, answer.status_code, answer.text[:500])
        return answer.json() if answer.content else None

    def pass_time(self, event: str, instant: datetime) -> None:
        """Wait until notifications has consumed the last change of ``event``, then set the clock."""
        (newest_revision,) = self.sql("events", "SELECT revision FROM event WHERE id = %s", event)
        newest = partial(self.sql, "notifications", "SELECT revision FROM event_copy WHERE id = %s", event)
        poll_until(lambda: newest() == [newest_revision], 30, what=f"notifications has consumed {event}")
        self.at(instant)

    def submit(self, service: str, path: str, content: dict[str, Any]) -> bool:
        """Send a form as it was filled in; whether it was taken. What is refused is refused for its answers."""
        answer = requests.post(self.urls[service] + path, json=content, timeout=30)
        assert answer.status_code in (201, 202, 422), (path, answer.status_code, answer.text[:500])
        return answer.status_code != 422

    def end_workers(self) -> None:
        """End every process but the web services, which then get no more messages."""
        workers = {worker_name(service, role) for service, role in WORKERS}
        for program in self.processes.programs:
            if program.name in workers:
                program.terminate()

    def submit_form(self, form: str, answers: dict[str, Any]) -> None:
        """Fill a form on a partner's page: it counts once the owner of the address has confirmed it."""
        address = f"{self.urls['registration']}/v1/forms/{form}/submissions"
        content = {"consent": True, "partner": "example-partner", **answers}
        answer = requests.post(address, json=content, timeout=30)
        assert answer.status_code == 202, (form, answer.text[:500])

    def confirm(self, letter: Letter) -> None:
        """Confirm everything that waits behind the letter's link."""
        self.choose(letter, "confirm")

    def choose(self, letter: Letter, act: str) -> None:
        """Choose ``confirm`` or ``replace`` for everything that waits behind the letter's link."""
        address = self.urls[service_for(letter.link)] + letter.link
        offered = CHOICE.findall(requests.get(address, timeout=30).text)
        choices = {name: value for name, value in offered if value.partition(":")[0] == act}
        assert choices, f"nothing to {act} behind the link in {letter.subject!r}"
        answer = requests.post(address, data={**choices, "action": "choose"}, allow_redirects=False, timeout=30)
        assert answer.status_code == 303, answer.text[:500]

    def send_link(self, letter: Letter) -> None:
        """Behind a confirmation link: have the link to what one is registered for mailed again."""
        address = self.urls[service_for(letter.link)] + letter.link
        registered = REGISTERED.findall(requests.get(address, timeout=30).text)
        assert registered, f"no one is registered behind the link in {letter.subject!r}"
        wanted = {"action": "send-link", "registration": registered[0]}
        answer = requests.post(address, data=wanted, allow_redirects=False, timeout=30)
        assert answer.status_code == 303, answer.text[:500]

    def give_details(self, letter: Letter, details: dict[str, Any]) -> None:
        """Give what is asked after the confirmation, on the page behind the letter's personal link."""
        self._change(letter, "details", details)

    def change_answers(self, letter: Letter, answers: dict[str, Any]) -> None:
        """Send all answers again, on the page behind the letter's personal link."""
        self._change(letter, "answers", answers)

    def ask_address(self, letter: Letter, email: str) -> None:
        """Ask for another address, on the page behind the letter's personal link."""
        address = f"{self.urls['registration']}{letter.link}/address"
        answer = requests.post(address, data={"email": email}, allow_redirects=False, timeout=30)
        assert answer.status_code == 303, answer.text[:500]

    def undo_address(self, letter: Letter) -> None:
        """Take a change of address back, on the page behind the link in the letter to the former address."""
        address = f"{self.urls['registration']}{letter.link}"
        assert 'name="undo"' in requests.get(address, timeout=30).text, f"nothing to undo behind {letter.subject!r}"
        answer = requests.post(address, data={"undo": "yes"}, allow_redirects=False, timeout=30)
        assert answer.status_code == 303, answer.text[:500]

    def ask_list(self, email: str) -> None:
        """Ask for the mail that leads to everything that is registered with an address."""
        address = f"{self.urls['registration']}/my"
        answer = requests.post(address, data={"email": email}, allow_redirects=False, timeout=30)
        assert answer.status_code == 303, answer.text[:500]

    def follow(self, letter: Letter, action: str) -> None:
        """Press the button ``action`` on the page behind the letter's personal link."""
        address = self.urls[service_for(letter.link)] + letter.link
        shown = requests.get(address, timeout=30)
        assert shown.status_code == 200
        answer = requests.post(address, data={"action": action}, allow_redirects=False, timeout=30)
        assert answer.status_code == 303, answer.text[:500]

    def letters(self) -> list[Letter]:
        """Every mail in the sink, in order of arrival, with the kind that notifications knows it by."""
        kinds = {str(message_id): str(kind) for kind, message_id in self.sql("notifications", _SENT)}
        return read_letters(self.mail_folder, kinds)

    def differences(self) -> list[Finding]:
        """What the audit finds, by the story's clock."""
        now = datetime.now(UTC) + timedelta(seconds=float(self._clock_file.read_text()))
        files = self.mail_folder.glob("*.eml")
        copies = Counter(str(message_from_bytes(file.read_bytes())["Message-ID"]) for file in files)
        parked = parked_at(BusAddress(broker_urls=self.broker_urls)) if self.broker_urls else None
        return differences(self.installation, copies=copies, parked=parked, now=now)

    def expect(self, act: str, **kinds: int) -> list[Letter]:
        """Wait until these mails, and no others, have arrived since the act before; names have ``_`` for ``-``.

        Within one act no one gets two mails of the same kind about the same thing: the same link.

        Raises:
            AssertionError: others, more or fewer; or someone got the same mail twice.
        """
        wanted = Counter({kind.replace("_", "-"): count for kind, count in kinds.items()})

        def is_so() -> bool:
            sent = {str(kind): count for kind, count in self.sql("notifications", _SENT_BY_KIND)}
            arrived = len(list(self.mail_folder.glob("*.eml")))
            return (sent, arrived) == (
                self.accounted_for + wanted,
                (self.accounted_for + wanted).total(),
            ) and self._is_at_rest()

        try:
            poll_until(is_so, 60, every_s=0.2, what="the act's mails have arrived")
        except AssertionError:
            raise AssertionError(f"wanted {dict(wanted)}, got {dict(self._fresh())}") from None
        before = sum(self.accounted_for.values())
        self.accounted_for += wanted
        found = self.letters()
        assert len({letter.message_id for letter in found}) == len(found) == before + sum(wanted.values())
        fresh = found[before:]
        assert len({(letter.kind, letter.to, letter.link, letter.subject) for letter in fresh}) == len(fresh)
        people = len({letter.to for letter in fresh})
        self.acts.append(f"{act:<58} {', '.join(f'{n} {kind}' for kind, n in wanted.items())}, {people} people")
        return fresh

    def summary(self) -> str:
        """Every act so far, its recipients and their mails."""
        return "\n".join([*self.acts, f"{sum(self.accounted_for.values())} mails, each to one person, once"])

    def sql(self, service: str, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Rows from a service's database."""
        return rows(self.installation.urls[service], statement, *values)

    def _change(self, letter: Letter, step: str, answers: dict[str, Any]) -> None:
        address = f"{self.urls['registration']}{letter.link}/{step}"
        seen = re.findall(r'name="revision" value="(\d+)"', requests.get(address, timeout=30).text)
        assert seen, f"nothing is asked behind the link in {letter.subject!r}"
        answer = requests.post(address, data={**answers, "revision": seen[0]}, allow_redirects=False, timeout=30)
        assert answer.status_code == 303, answer.text[:500]

    def _is_at_rest(self) -> bool:
        return self.sql("notifications", _PENDING) == [(0,)]

    def _fresh(self) -> Counter[str]:
        return Counter(letter.kind for letter in self.letters()) - self.accounted_for

    @property
    def _clock_file(self) -> Path:
        return Path(self.processes.folder) / "clock"

    @property
    def _bus(self) -> str:
        return self.installation.urls["bus"]

    def _has_copies(self, service: str) -> bool:
        return bool(self.sql(service, "SELECT count(*) FROM event_copy")[0][0] == 4)

    def _environment(self, service: str, process: str) -> dict[str, str]:
        broker = {"TROIKA_BROKER_URL": ",".join(self.broker_urls)} if self.broker_urls else {}
        own = {"SMTP_URL": f"smtp://127.0.0.1:{self.smtp}", OFFSET_FILE: str(self._clock_file)}
        return {**self.installation.environment(service, process), **own, **broker, "TROIKA_TEST_SERVICE": service}

    def _start_sink(self) -> int:
        smtp, inbox = free_port(), free_port()
        command = ["deploy.local.sink", "--smtp-port", str(smtp), "--http-port", str(inbox)]
        sink = self.processes.start("sink", [*command, "--folder", str(self.mail_folder)])
        sink.wait_ready(f"http://127.0.0.1:{inbox}/livez")
        return smtp

    def _start_web(self, service: str) -> None:
        port = free_port()
        self.urls[service] = f"http://127.0.0.1:{port}"
        web = {
            **self._environment(service, "web"),
            **self.settings,
            "TROIKA_BIND": f"127.0.0.1:{port}",
            "TROIKA_METRICS_FOLDER": str(Path(self.processes.folder) / f"{service}-metrics"),
        }
        ready = f"{self.urls[service]}/-/{service}/readyz"
        command = f"tests.support.shifted_clock {service} web"
        self.processes.start(f"{service}-web", command, env=web, ready_url=ready, within_s=60)
