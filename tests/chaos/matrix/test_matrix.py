"""The fault matrix: the result of each user action while each link is broken in each way, as in the table."""

import time
from pathlib import Path

import pytest

from tests.chaos.matrix.actions import People
from tests.chaos.matrix.cell_runner import CellRunner, Seen, unexpected
from tests.chaos.matrix.participants import ParticipantPool
from tests.chaos.matrix.proxied_stack import ProxiedStack
from tests.chaos.matrix.reconciliation import assert_reconciled, settle
from tests.chaos.matrix.table import BUSES, EXPECTATIONS, Cell, chosen, read_table, unlisted
from tests.support.clients import Answer
from tests.support.installation import make_installation
from tests.support.journal import Journal
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.rabbitmq import RabbitNode

TABLE = read_table()


def test_every_cell_is_listed() -> None:
    assert unlisted(TABLE) == set()


def test_forgotten_cell_is_found() -> None:
    """The same with one cell taken out, and with one that does not exist."""
    forgotten, unknown = next(iter(TABLE)), Cell("register", "client-web", "fire")
    assert unlisted({cell: word for cell, word in TABLE.items() if cell != forgotten}) == {forgotten}
    assert unlisted(TABLE | {unknown: "503"}) == {unknown}


SOON = {"Retry-After": "2"}
FITTING = {
    "slow": Seen(Answer(202, {}, {}), 0.5, met=True),
    "503": Seen(Answer(503, {}, SOON), 2.1, met=True),
    "no-answer": Seen(Answer(0, {}, {}), 6.0, met=True),
    "unnoticed": Seen(Answer(202, {}, {}), 0.1, met=False),
    "mail-late": Seen(Answer(202, {}, {}), 0.1, met=True),
    "processing": Seen(Answer(202, {}, {}), 2.8, met=True),
}
UNFITTING = {
    "slow": [Seen(Answer(202, {}, {}), 0.1, met=True), Seen(Answer(503, {}, SOON), 0.5, met=True)],
    "503": [
        Seen(Answer(503, {}, SOON), 2.6, met=True),
        Seen(Answer(503, {}, {}), 0.1, met=True),
        Seen(Answer(503, {}, SOON), 0.1, met=False),
        Seen(Answer(202, {}, {}), 0.1, met=True),
        Seen(Answer(0, {}, {}), 6.0, met=True),
    ],
    "no-answer": [Seen(Answer(202, {}, {}), 0.1, met=True), Seen(Answer(0, {}, {}), 6.0, met=False)],
    "unnoticed": [Seen(Answer(202, {}, {}), 2.6, met=False), Seen(Answer(503, {}, SOON), 0.1, met=False)],
    "mail-late": [Seen(Answer(202, {}, {}), 0.1, met=False), Seen(Answer(503, {}, SOON), 0.1, met=True)],
    "processing": [Seen(Answer(202, {}, {}), 5.0, met=True), Seen(Answer(503, {}, SOON), 2.1, met=True)],
}


@pytest.mark.parametrize("expectation", EXPECTATIONS)
def test_each_expectation_has_what_fits_and_what_does_not(expectation: str) -> None:
    """Too late, without ``Retry-After``, another answer, or a fault that met nothing."""
    assert unexpected(expectation, FITTING[expectation], 202) == ""
    assert [seen for seen in UNFITTING[expectation] if unexpected(expectation, seen, 202) == ""] == []


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("bus", BUSES)
def test_cells(
    request: pytest.FixtureRequest,
    bus: str,
    postgres: PostgresServer,
    processes: ProcessGroup,
    tmp_path: Path,
    chaos_full: bool,
) -> None:
    """One kept system; link after link is broken and healed, and in the end everything adds up."""
    urls: tuple[str, ...] = ()
    if bus == "rabbitmq":
        node: RabbitNode = request.getfixturevalue("own_rabbit")
        urls = (node.amqp_url(),)
    cells = chosen(bus, full=chaos_full)
    with ProxiedStack(processes, make_installation(postgres, tmp_path), urls) as stack:
        began_s = time.monotonic()
        stack.start()
        journal = Journal(tmp_path / "journal.jsonl")
        people = People(stack, journal)
        pool = ParticipantPool(people)
        pool.make(cells)
        runner = CellRunner(stack, people, pool, bus)
        faults = [fault for cell in cells if (fault := runner.play(cell, TABLE[cell]))]
        print(f"\nmatrix {bus}: {len(cells)} cells run of {len(TABLE)} listed, {time.monotonic() - began_s:.0f} s")
        assert faults == []
        settle(stack, pool)
        assert_reconciled(stack, pool, journal)
    assert not chaos_full or len(cells) == len(TABLE)
