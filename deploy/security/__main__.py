"""``python -m deploy.security``: prints the table of statements; with ``--run`` runs their tests first.

Ends with 1 while a statement is open or one of its tests does not pass, and with 2 if the table itself is wrong.
"""

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from deploy.security.statements import PROJECT, Statement, read_statements
from shared.runtime.errors import SettingsError


@click.command()
@click.option("--run", is_flag=True, help="Run every test of the table, and print the results.")
def main(run: bool) -> None:
    """Print the statements with the tests that show them, or the reasons why there are none."""
    try:
        statements = read_statements()
    except SettingsError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    outcomes = _run(sorted({test for statement in statements for test in statement.tests})) if run else None
    for statement in statements:
        click.echo("\n".join(_lines(statement, outcomes)))
    failed = [test for test, passed in (outcomes or {}).items() if not passed]
    click.echo(_sum(statements, outcomes))
    sys.exit(1 if failed or any(statement.open for statement in statements) else 0)


def _lines(statement: Statement, outcomes: Mapping[str, bool] | None) -> list[str]:
    lines = [f"{statement.number:2}  {statement.state:8}  {statement.says}"]
    lines += [f"      {_word(test, outcomes)}{test}" for test in statement.tests]
    lines += [f"      reason: {statement.reason}"] if statement.reason else []
    return lines + ([f"      open: {statement.open}"] if statement.open else [])


def _word(test: str, outcomes: Mapping[str, bool] | None) -> str:
    if outcomes is None:
        return ""
    return "passed  " if outcomes[test] else "FAILED  "


def _sum(statements: Sequence[Statement], outcomes: Mapping[str, bool] | None) -> str:
    states = [statement.state for statement in statements]
    summary = ", ".join(f"{states.count(state)} {state}" for state in ("tested", "reasoned", "open"))
    if outcomes is None:
        return f"\n{len(statements)} statements: {summary}"
    return f"\n{len(statements)} statements: {summary}; {sum(outcomes.values())} of {len(outcomes)} tests passed"


def _run(tests: Sequence[str]) -> dict[str, bool]:
    """Whether each test passed, with all its parameters; one that did not run has not."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", "-o", "junit_family=xunit1", *tests]
        subprocess.run(command, cwd=PROJECT, stdin=subprocess.DEVNULL, check=False)
        return _outcomes(report, tests)


def _outcomes(report: Path, tests: Sequence[str]) -> dict[str, bool]:
    seen: dict[str, list[bool]] = defaultdict(list)
    # the file was just written by the tests of this very tree
    cases = ElementTree.parse(report).iter("testcase") if report.is_file() else ()  # noqa: S314
    for case in cases:
        name = f"{case.get('file')}::{str(case.get('name')).partition('[')[0]}"
        seen[name].append(all(case.find(kind) is None for kind in ("failure", "error", "skipped")))
    return {test: bool(seen[test]) and all(seen[test]) for test in tests}


if __name__ == "__main__":
    main()
