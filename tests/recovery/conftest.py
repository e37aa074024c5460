"""Shared by the rehearsals: one prepared installation, and the table of what each rehearsal loses."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recovery.rehearsal import Past, Rehearsal, make_past
from tests.support.postgres import PostgresServer

_TABLE = pytest.StashKey[list[str]]()
HEAD = f"{'case':58} {'rows gone':>9} {'unknown':>8} {'seconds':>8}"


@pytest.fixture(scope="module")
def past(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """Made once; tests must not change it."""
    with pytest.MonkeyPatch.context() as patch:
        yield make_past(postgres, tmp_path_factory.mktemp("past"), patch)


@pytest.fixture
def rehearsal(past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rehearsal:
    """A copy of the installation that a test may break."""
    return past.again(tmp_path, monkeypatch)


@pytest.fixture
def table(pytestconfig: pytest.Config) -> list[str]:
    """Lines to print at the end."""
    return pytestconfig.stash.setdefault(_TABLE, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table: registrations that did not come back (RPO), mails left as unknown, and seconds (RTO)."""
    for line in [HEAD, *config.stash.get(_TABLE, [])]:
        terminalreporter.write_line(line)
