"""Operators' commands while their service's database is in quarantine: commands that write or publish refuse."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from deploy.local.installation import SAMPLE
from shared.cli.operator_command import InQuarantine, OperatorGroup, operator_work
from shared.cli.settings import OPERATOR, PARKED, RECOVER, REKEY
from shared.db.engine import open_engine
from shared.db.quarantine import CHECK_EVERY_S
from shared.messaging.contracts.registry import QUEUES, service_of
from tests.integration.registration.conftest import installation as installation
from tests.integration.registration.conftest import with_webinar as with_webinar
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.operator_commands import SERVICES, command_line, declared

REASON = "restored from the backup of 03:00"
INSERT = f"INSERT INTO quarantine (reason, backup_at) VALUES ('{REASON}', '2020-03-04T03:00:00Z')"
BEGAN = """SELECT to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM quarantine"""
SINCE = "2020-03-01T00:00:00Z"
ARGUMENTS = {
    "load": "{sample}",
    "export": "{folder}/exported",
    "keys copy": "{folder}",
    "keys destroy": "upr-webinar-10 --yes --without-second-person",
    "keys replace": "upr-webinar-10",
    "mails send-again": "--everything --yes",
    "parked drain": "--reason broken --yes",
    "parked drop": "--queue {queue} --yes",
    "parked list": "--queue {queue}",
    "parked replay": "--queue {queue}",
    "parked show": "--queue {queue}",
    "publish-again": f"--since {SINCE}",
    "receive-again": f"{{queue}} --since {SINCE}",
    "resume": "{queue}",
    "retention confirm": "upr-webinar-10 --yes",
    "submissions drop": "1 --reason broken",
    "submissions replay": "--all",
}
"""By the words of a command, what follows them; nothing for the others."""

WITHOUT_THE_DATABASE = ("topology", "key-checks accept", "migrate")
"""Beginnings of commands whose own tests run them: on the broker, with a new key, as the migrator."""


def type_command(installation: TestInstallation, service: str, words: str, folder: Path) -> Result:
    """Run a command of ``service`` as an operator."""
    environment = {"TROIKA_OPERATOR": "Op Erator"}
    for process in (OPERATOR, PARKED, REKEY, RECOVER):
        environment |= installation.environment(service, process)
    queue = next(name for name in QUEUES if service_of(name) == service)
    given = ARGUMENTS.get(words, "").format(sample=SAMPLE, folder=folder, queue=queue)
    return CliRunner().invoke(command_line(service), [*words.split(), *given.split()], env=environment)


@pytest.fixture
def quarantined(installation: TestInstallation) -> TestInstallation:
    """An installation whose three databases are in quarantine."""
    for service in SERVICES:
        rows(installation.urls[service], INSERT)
    return installation


@pytest.mark.parametrize(("service", "words"), declared(InQuarantine.REFUSED))
def test_command_that_writes_or_publishes_is_refused(
    quarantined: TestInstallation, tmp_path: Path, service: str, words: str
) -> None:
    done = type_command(quarantined, service, words, tmp_path)
    assert done.exit_code == 1, done.output
    assert f"quarantine since {rows(quarantined.urls[service], BEGAN)[0][0]}: {REASON}" in done.output
    assert "`troika recover status`" in done.output
    assert rows(quarantined.urls[service], "SELECT count(*)::int FROM audit_record") == [(0,)]


@pytest.mark.parametrize(
    ("service", "words"),
    [
        (service, words)
        for service, words in declared(InQuarantine.READS, InQuarantine.RECOVERS)
        if not words.startswith(WITHOUT_THE_DATABASE)
    ],
)
def test_command_that_only_reads_or_that_a_recovery_needs_runs(
    quarantined: TestInstallation, tmp_path: Path, service: str, words: str
) -> None:
    done = type_command(quarantined, service, words, tmp_path)
    assert (done.exit_code, done.exception) == (0, None), done.output


@pytest.fixture
def in_two_steps(installation: TestInstallation) -> Iterator[OperatorGroup]:
    """A command line whose command writes twice, and in between the quarantine begins."""
    group, url = OperatorGroup("events"), installation.url("events", RECOVER)
    engine = open_engine(url)

    @group.command(in_quarantine=InQuarantine.REFUSED)
    def write() -> None:
        work = operator_work(engine, "events")
        with work.transaction() as connection:
            connection.execute(text("DELETE FROM halted_queue"))
        rows(installation.urls["events"], INSERT)
        time.sleep(CHECK_EVERY_S)  # as old as the answer of the database may be
        with work.transaction():
            pytest.fail("the second transaction began")

    yield group
    engine.dispose()


def test_command_that_runs_when_the_quarantine_begins_writes_nothing_more(in_two_steps: OperatorGroup) -> None:
    done = CliRunner().invoke(in_two_steps, ["write"])
    assert (done.exit_code, REASON in done.output) == (1, True), done.output
