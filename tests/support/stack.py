"""The whole system as real processes, one per role, to kill one by one; and what must hold afterwards."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.parser import BytesParser
from functools import partial
from pathlib import Path

from deploy.local.installation import SAMPLE
from deploy.operations.audit.reconcile import Finding
from deploy.shape import WORKERS
from shared.messaging import topology
from shared.messaging.broker import BusAddress
from tests.support.audit_checks import assert_soon_clean, differences, parked_at
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.ports import free_port
from tests.support.processes import ProcessGroup, Program
from tests.support.waiting import poll_until
from tests.support.web import RunningWeb, load_webinar, start_web

REGISTERED = """
    SELECT encode(s.receipt_hash, 'hex'), r.id::text FROM registration r JOIN submission s ON s.id = r.submission
"""
"""Registrations, by the hash of the receipt of the submission that they came from."""

_MAILS_BY_STATE = "SELECT state, count(*)::int FROM mail GROUP BY state"
LOAD_PROGRAMME = f"services.events load {SAMPLE} --move-to-next upr-webinar-10 --weeks-later 1"
"""A week later than the demo's: that one is one to seven days ahead, and at its time of the day on a Tuesday or
Wednesday everyone would get a reminder in the middle of a test."""

UNKNOWN_AFTER_S = 3
"""How long an unknown handover waits for its decision in tests; 15 minutes in production."""


@dataclass(slots=True)
class Stack:
    """Attributes:
    processes: starts and ends everything.
    installation: databases and secrets.
    broker_urls: of RabbitMQ; empty for the embedded bus.
    programs: by ``<service>-<role>``, and ``sink``.
    command: module and arguments that start a service's role.
    settings: put over the environment of every process.
    """

    processes: ProcessGroup
    installation: TestInstallation
    broker_urls: tuple[str, ...] = ()
    programs: dict[str, Program] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    web: RunningWeb | None = None
    command: Callable[[str, str], str] = "services.{} {}".format
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> BusAddress:
        """The bus."""
        if self.broker_urls:
            return BusAddress(broker_urls=self.broker_urls)
        return BusAddress(database_url=self.installation.urls["bus"])

    @property
    def mail_folder(self) -> Path:
        """Where the sink keeps mails."""
        return Path(self.processes.folder) / "mails"

    def start(self, *, capacity: int | None = None, workers: int = 2) -> None:
        """Start every process, load the programme, open the form with ``capacity`` seats."""
        topology.declare(self.address)
        load_webinar(self.installation, capacity=capacity)
        self.start_sink()
        arguments = self.command("registration", "web")
        self.web = start_web(
            self.processes, self.installation, workers=workers, arguments=arguments, others=self.settings
        )
        for service, role in WORKERS:
            self._start_worker(service, role)
        loaded = self.processes.start("load", LOAD_PROGRAMME, env=self.environment("events", "operator"))
        assert loaded.wait(30) == 0, loaded.log_text()
        known = "SELECT count(*) FROM event_copy WHERE id = 'upr-webinar-10'"
        for service in ("registration", "notifications"):
            poll_until(partial(self._finds_one, service, known), 30, what=f"{service} has consumed the event")

    def start_sink(self) -> None:
        """Start the mail sink, on the same ports as before."""
        if "sink" in self.programs:
            self.programs["sink"].start_again()
        else:
            self.ports |= {"smtp": free_port(), "inbox": free_port()}
            command = ["deploy.local.sink", "--smtp-port", str(self.ports["smtp"])]
            command += ["--http-port", str(self.ports["inbox"]), "--folder", str(self.mail_folder)]
            self.programs["sink"] = self.processes.start("sink", command)
        self.programs["sink"].wait_ready(f"http://127.0.0.1:{self.ports['inbox']}/livez")

    def kill(self, name: str) -> None:
        """``kill -9`` of one program, and start it again at once, as a supervisor does."""
        self.programs[name].kill()
        self.programs[name].start_again()

    def sql(self, service: str, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Rows from a service's database."""
        return rows(self.installation.urls[service], statement, *values)

    def copies(self) -> Counter[str]:
        """How often each Message-ID has arrived in the sink."""
        files = self.mail_folder.glob("*.eml")
        headers = BytesParser()
        return Counter(str(headers.parsebytes(file.read_bytes(), headersonly=True)["Message-ID"]) for file in files)

    def _finds_one(self, service: str, count: str) -> bool:
        return self.sql(service, count)[0][0] == 1

    def environment(self, service: str, process: str) -> dict[str, str]:
        own = {"TROIKA_BROKER_URL": ",".join(self.broker_urls)} if self.broker_urls else {}
        mail = {
            "SMTP_URL": f"smtp://127.0.0.1:{self.ports['smtp']}",
            "TROIKA_MAIL_UNKNOWN_AFTER_S": str(UNKNOWN_AFTER_S),
            "TROIKA_MAIL_LEASE_S": str(LEASE_S),
        }
        return {**self.installation.environment(service, process), **own, **mail, **self.settings}

    def _start_worker(self, service: str, role: str) -> None:
        port = free_port()
        environment = {**self.environment(service, role), "TROIKA_METRICS_PORT": str(port)}
        name = f"{service}-{role}"
        self.ports[name] = port
        self.programs[name] = self.processes.start(name, self.command(service, role), env=environment)


LEASE_S = 8
"""A killed sender's mails wait this long for another; ten minutes in production, longer than any dialogue lasts."""


def settle(stack: Stack, accepted: int, within_s: float = 90.0, mails_each: int = 2) -> None:
    """Wait until everything that was accepted and confirmed has had all of its effects.

    Args:
        stack: that runs.
        accepted: submissions, each of another person.
        within_s: seconds.
        mails_each: the one by which people confirm, and the confirmation; 1 where they were registered at once.
    """

    def figures() -> dict[str, object]:
        return {
            "undecided": stack.sql("registration", "SELECT count(*) FROM submission WHERE state <> 'decided'")[0][0],
            "outbox": stack.sql("registration", "SELECT count(*) FROM outbox WHERE published_at IS NULL")[0][0],
            "roster": stack.sql("events", "SELECT count(*) FROM roster")[0][0],
            "contacts": stack.sql("events", "SELECT count(*) FROM mail_contact")[0][0],
            "mails": {row[0]: row[1] for row in stack.sql("notifications", _MAILS_BY_STATE)},
        }

    mails = {"sent": mails_each * accepted}
    wanted = {"undecided": 0, "outbox": 0, "roster": accepted, "contacts": accepted, "mails": mails}
    try:
        poll_until(lambda: figures() == wanted, within_s, every_s=0.5)
    except AssertionError:
        raise AssertionError(f"not at rest within {within_s} s: {figures()}") from None


def assert_reconciled(stack: Stack, receipts: list[str], *, confirmed_by_mail: bool = True) -> None:
    """Nothing lost, nothing doubled: every 202 is decided, registered, counted and mailed exactly once.

    A second copy of a mail is allowed only where its handover was recorded as unknown.
    """
    assert sorted(receipts) == sorted(str(row[0]) for row in stack.sql("registration", REGISTERED))
    counted = stack.sql("events", "SELECT registrations FROM event_count WHERE status = 'confirmed'")
    assert counted == [(len(receipts),)]
    mails = stack.sql("notifications", "SELECT message_id, unknowns, kind FROM mail")
    copies = stack.copies()
    kinds = ("verification", "confirmation") if confirmed_by_mail else ("confirmation",)
    assert Counter(row[2] for row in mails) == dict.fromkeys(kinds, len(receipts))
    assert {row[0] for row in mails} == set(copies)
    doubled = {row[0]: copies[str(row[0])] for row in mails if not 1 <= copies[str(row[0])] <= 1 + int(str(row[1]))}
    assert doubled == {}
    assert_audited(stack, receipts)


def assert_audited(stack: Stack, receipts: list[str], within_s: float = 20.0) -> None:
    """The audit finds nothing, once the last message has been acknowledged."""

    def found() -> list[Finding]:
        parked = parked_at(stack.address) if stack.broker_urls else None
        return differences(stack.installation, receipts, stack.copies(), parked=parked)

    assert_soon_clean(found, within_s)
