"""One rehearsal: people register, a database falls back to an older copy, and ``troika recover`` makes all agree.

The three services run in this process (:class:`InProcessSystem`): the rehearsal delivers messages and sends mails
explicitly.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.operations.recover.applying import Applied, RecoveryContext, apply
from deploy.operations.recover.databases import SERVICES, ComparedDatabases, open_databases
from deploy.operations.recover.planning import Plan, make_plan
from services.registration.people.messages import RegistrationMessages
from shared.security.sealing import public_key_of, read_keys
from tests.integration.operations.in_process_system import PRESS, InProcessSystem
from tests.support.audit_checks import differences
from tests.support.clients import rows
from tests.support.installation import FreshDatabases, TestInstallation, make_whole
from tests.support.postgres import PostgresServer

AGO = timedelta(hours=3)
DOMAIN = "example.org"
BEGIN = "INSERT INTO quarantine (since, reason, backup_at) VALUES (%s, 'a rehearsal', %s)"
EMPTY = "lost"

_LIVE = "SELECT id::text, status, revision FROM registration WHERE erased_at IS NULL ORDER BY id"
_ROSTER = "SELECT registration_id::text, status, revision FROM roster WHERE erased_at IS NULL ORDER BY 1"
_RECIPIENTS = """
    SELECT subject::text, status, revision FROM recipient WHERE erased_at IS NULL AND about = 'registration' ORDER BY 1
"""


@dataclass(slots=True)
class Stage:
    """Databases at one time, with the mails that had arrived in the sink by then."""

    urls: FreshDatabases
    at: datetime


@dataclass(slots=True)
class Rehearsal:
    """Attributes:
    installation: of the services; after a recovery, the recovered one.
    folder: for files.
    at: the services' time.
    copies: how often each Message-ID has arrived.
    """

    installation: TestInstallation
    folder: Path
    at: datetime
    copies: Counter[str] = field(default_factory=Counter)
    accepted: dict[str, datetime] = field(default_factory=dict)

    @contextmanager
    def system(self) -> Iterator[InProcessSystem]:
        """The running services; afterwards no client is connected, so that databases can be copied."""
        system = InProcessSystem(self.installation, self.folder)
        system.clock.set(self.at)
        system.copies = self.copies
        system._received = self.accepted
        try:
            yield system
        finally:
            self.at = system.clock()
            system.leave()

    def act(self, *acts: Callable[[InProcessSystem], None]) -> None:
        """Let people act; then all messages are delivered and all mails are sent."""
        with self.system() as system:
            client = system.client()
            for one in acts:
                system.clock.advance(timedelta(minutes=2))
                one(system)
            del client
            rest(system)

    def stage(self) -> Stage:
        """Copies of all databases in their present state."""
        return Stage(self.installation.urls.copies(), self.at)

    def restore(self, older: Mapping[str, Stage | str], postgres: PostgresServer) -> None:
        """Put older copies in place of databases, empty ones for ``lost``, and begin the quarantine."""
        urls = FreshDatabases(postgres)
        urls.update(self.installation.urls)
        for service, stage in older.items():
            if isinstance(stage, Stage):
                urls[service] = stage.urls.with_a_copy_of(service)[service]
            else:
                del urls[service]
                assert urls[service]
        self.installation = replace(self.installation, urls=urls)
        self.at += timedelta(minutes=5)
        for service in SERVICES:
            stage_or_none = older.get(service)
            backup_at = stage_or_none.at if isinstance(stage_or_none, Stage) else None
            if service in older and backup_at is None:
                backup_at = self.at - timedelta(days=1)
            rows(urls[service], BEGIN, self.at, backup_at)

    def plan(self, sent: frozenset[str] | None = None) -> Plan:
        """The plan of ``recover plan``."""
        with self.databases() as databases:
            return make_plan(databases, self.at, sent)

    def apply(self, plan: Plan, sent: frozenset[str] | None = None) -> Applied:
        """Apply a plan as ``recover apply`` does; messages are delivered between the passes."""
        with self.system() as system, self.databases() as databases:
            system.clock.advance(timedelta(minutes=1))
            return apply(self.tools(system, databases, sent), plan)

    def tools(
        self, system: InProcessSystem, databases: ComparedDatabases, sent: frozenset[str] | None
    ) -> RecoveryContext:
        """The program's dependencies, with these services."""
        keys = self.installation.secrets.folder
        public = [public_key_of(read_keys(keys / f"{name}.key")[0]) for name in ("notifications", "events")]
        return RecoveryContext(databases, system.clock, RegistrationMessages(*public), DOMAIN, system.deliver, sent)

    def end(self) -> None:
        """End the quarantine as ``recover end`` does; then all waiting messages and mails are sent."""
        with self.databases() as databases:
            databases.end(self.at, {})
        with self.system() as system:
            system.clock.advance(timedelta(minutes=2))
            rest(system)

    def recover(self, sent: frozenset[str] | None = None) -> tuple[Plan, Applied, float]:
        """Plan, apply and end; returns the seconds that it took."""
        began_s = time.monotonic()
        plan = self.plan(sent)
        applied = self.apply(plan, sent)
        took_s = time.monotonic() - began_s
        self.end()
        return plan, applied, took_s

    @contextmanager
    def databases(self) -> Iterator[ComparedDatabases]:
        """The databases as the program opens them."""
        with open_databases(self.installation.urls, "Op Erator") as databases:
            yield databases

    def assert_recovered(self) -> None:
        """Check that nothing is duplicated or left over, and that the audit is clean."""
        assert {key: count for key, count in self.copies.items() if count > 1} == {}
        urls = self.installation.urls
        live = rows(urls["registration"], _LIVE)
        assert rows(urls["events"], _ROSTER) == live
        assert rows(urls["notifications"], _RECIPIENTS) == live
        found = differences(self.installation, parked=[])
        assert found == [], "\n".join(map(str, found[:20]))


def rest(system: InProcessSystem) -> None:
    """Deliver all messages and send all mails."""
    for _ in range(3):
        system.deliver()
        system.mail()
    system.deliver()


def registering(*numbers: int) -> Callable[[InProcessSystem], None]:
    """People who register for a press conference and confirm."""

    def act(system: InProcessSystem) -> None:
        client = system.client()
        system.register(client, *numbers, form=PRESS)
        rest(system)
        system.choose(client, "confirm", *numbers)
        rest(system)

    return act


def clicking(action: str, *numbers: int) -> Callable[[InProcessSystem], None]:
    """People who cancel or erase their registration."""
    return lambda system: system.click(system.client(), action, *numbers)


def changing(number: int) -> Callable[[InProcessSystem], None]:
    """A person who changes their answers."""

    def act(system: InProcessSystem) -> None:
        client = system.client()
        system.try_again(client, number, form=PRESS, access_needs="An interpreter", organisation="Another organisation")
        rest(system)
        system.choose(client, "replace", number)

    return act


def begin(postgres: PostgresServer, folder: Path, patch: pytest.MonkeyPatch) -> Rehearsal:
    """An installation in which six people are registered, of whom one has cancelled."""
    installation = make_whole(postgres, folder)
    use(installation, patch)
    rehearsal = Rehearsal(installation, folder, datetime.now(UTC) - AGO)
    with rehearsal.system() as system:
        system.open(system.client(), seats=5)
    rehearsal.act(registering(*range(1, 7)), clicking("cancel", 6))
    return rehearsal


def use(installation: TestInstallation, patch: pytest.MonkeyPatch) -> None:
    """Put the settings of registration's processes in the environment, in place of those of another installation."""
    for name in ("TROIKA_FORM_KEYS", "TROIKA_KEYS_DATABASE_URL"):
        patch.delenv(name, raising=False)
    for name, value in installation.environment("registration").items():
        patch.setenv(name, value)


@dataclass(frozen=True, slots=True)
class Past:
    """An installation with copies of its databases from three times.

    Attributes:
        now: the present one; tests must not change it.
        first, second: earlier stages.
    """

    now: Rehearsal
    first: Stage
    second: Stage

    def again(self, folder: Path, patch: pytest.MonkeyPatch) -> Rehearsal:
        """A copy of the installation that a test may break."""
        copied = self.now.installation.copy(folder)
        use(copied, patch)
        return Rehearsal(copied, folder, self.now.at, Counter(self.now.copies), dict(self.now.accepted))


def make_past(postgres: PostgresServer, folder: Path, patch: pytest.MonkeyPatch) -> Past:
    """People register; one changes answers, one cancels, two are erased (an old and a new one); more register."""
    rehearsal = begin(postgres, folder, patch)
    first = rehearsal.stage()
    rehearsal.act(registering(*range(10, 14)), changing(2), clicking("cancel", 3), clicking("erase", 4, 13))
    second = rehearsal.stage()
    rehearsal.act(registering(14, 15), clicking("cancel", 10))
    return Past(rehearsal, first, second)
