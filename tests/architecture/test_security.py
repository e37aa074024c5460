"""The tests named in the table of security statements exist."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.security import __main__ as command
from deploy.security.statements import HOW_MANY, Statement, read_statements
from shared.runtime.errors import SettingsError

A_TEST = "tests/architecture/test_security.py::test_table_is_whole"
ALONE = {"PYTEST_ADDOPTS": "--numprocesses 0"}
"""One test needs no five workers."""

LINE = "- number: {number}\n  topic: Mail\n  says: something\n  {rest}\n"


def test_table_is_whole() -> None:
    assert [one.number for one in read_statements()] == list(range(1, HOW_MANY + 1))


@pytest.mark.parametrize(
    ("rest", "fault"),
    [
        (f"reason: so\n  tests: ['{A_TEST}_not']", f"tests: there is no test {A_TEST}_not"),
        ("reason: so\n  tests: ['tests/nowhere.py::test_it']", "tests: there is no test tests/nowhere.py::test_it"),
        ("reason: so\n  seen: yes", "seen: is not known here; known are number, open, reason, says, tests, topic"),
        ("tests: []", "says: needs a test or a reason"),
    ],
)
def test_faulty_line_is_named(tmp_path: Path, rest: str, fault: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_statements(_table(tmp_path, rest))
    assert {line.partition(": ")[2] for line in str(refused.value).splitlines()} == {fault}


def test_numbers_are_all_there(tmp_path: Path) -> None:
    file = _table(tmp_path, "reason: there is none")
    assert len(read_statements(file)) == HOW_MANY
    file.write_text(file.read_text(encoding="utf-8").replace("number: 7\n", "number: 8\n"), encoding="utf-8")
    with pytest.raises(SettingsError, match="the numbers must be 1 to 47"):
        read_statements(file)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        (Statement(1, "Mail", "it is so", (A_TEST,), None, None), 0),
        (Statement(1, "Mail", "it is so", (), "nobody can", None), 0),
        (Statement(1, "Mail", "it is so", (A_TEST,), None, "half of it"), 1),
    ],
)
def test_command_ends_with_one_while_something_is_open(
    monkeypatch: pytest.MonkeyPatch, statement: Statement, code: int
) -> None:
    monkeypatch.setattr(command, "read_statements", lambda: (statement,))
    done = CliRunner().invoke(command.main)
    assert (done.exit_code, f"{statement.number:2}  {statement.state}" in done.output) == (code, True)


def test_command_runs_the_tests_and_counts_those_that_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = f"{A_TEST}_that_was_taken_out"
    monkeypatch.setattr(
        command, "read_statements", lambda: (Statement(1, "Mail", "so", (A_TEST, missing), None, None),)
    )
    done = CliRunner(env=ALONE).invoke(command.main, ["--run"])
    assert done.exit_code == 1
    assert [line.split() for line in done.output.splitlines() if A_TEST in line][-2:] == [
        ["FAILED", A_TEST],
        ["FAILED", missing],
    ]


def test_command_shows_what_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "read_statements", lambda: (Statement(1, "Mail", "so", (A_TEST,), None, None),))
    done = CliRunner(env=ALONE).invoke(command.main, ["--run"])
    assert (done.exit_code, "1 of 1 tests passed" in done.output) == (0, True)


def _table(folder: Path, rest: str) -> Path:
    """A file of 47 identical statements."""
    file = folder / "statements.yaml"
    lines = [LINE.format(number=number, rest=rest) for number in range(1, HOW_MANY + 1)]
    file.write_text("".join(lines), encoding="utf-8")
    return file
