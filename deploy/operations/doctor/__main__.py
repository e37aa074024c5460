"""``python -m deploy.operations.doctor [--json] [--only SUBJECT]``: exit 0: all is well, 1: warnings, 2: faults."""

import json
import os
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict

import click

from deploy.operations.doctor.asking import real_probes
from deploy.operations.doctor.finding import find_host
from deploy.operations.doctor.grading import EXIT_CODES, CheckResult, Grade
from deploy.operations.doctor.registry import CHECKS, HostCheck, run_checks
from shared.runtime.errors import SettingsError

SUBJECTS = tuple(dict.fromkeys(check.subject for check in CHECKS))

Line = tuple[HostCheck, CheckResult]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document in place of lines.")
@click.option("--only", "only", multiple=True, help="A check or a subject; may be repeated.")
def main(as_json: bool, only: tuple[str, ...]) -> None:
    """Grade this host: exit 0 if all is well, 1 for warnings, 2 for faults. Changes nothing and prints no secret."""
    chosen = [check for check in CHECKS if not only or check.name in only or check.subject in only]
    if not chosen:
        raise click.UsageError(f"no such check. Subjects: {', '.join(SUBJECTS)}")
    try:
        graded = find_host(os.environ)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    except (ValueError, LookupError) as error:  # its text may hold an address with a password
        raise click.UsageError(f"a settings file is not understood ({type(error).__name__})") from None
    lines: list[Line] = []
    if not as_json:
        click.echo(f"Settings: {graded.where}\n")
    with ExitStack() as stack:
        for line in run_checks(graded, real_probes(stack), chosen):
            lines.append(line)
            if not as_json:
                click.echo("\n".join(written(*line)))
    if as_json:
        click.echo(json.dumps(document(graded.where, lines), indent=2))
    else:
        click.echo(f"\n{summary(lines)}")
    sys.exit(exit_code(lines))


def written(check: HostCheck, result: CheckResult) -> list[str]:
    """A result as a line, and a second one with what to do.

    Records of DNS and answers of servers are among it: what would control a terminal is replaced.
    """
    first = f"{result.grade.value:9}  {check.name:21}  {result.about}: {result.found}"
    lines = [first, f"{'':34}→ {result.do}"] if result.do else [first]
    return ["".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line) for line in lines]


def document(where: str, lines: Iterable[Line]) -> dict[str, object]:
    """The report as JSON."""
    lines = list(lines)
    results = [{"check": check.name, **asdict(result)} for check, result in lines]
    return {"settings": where, "grade": worst(lines), "results": results}


def summary(lines: Iterable[Line]) -> str:
    """How many results have each grade."""
    grades = [result.grade for _check, result in lines]
    return ", ".join(f"{grades.count(grade)} {grade.value}" for grade in Grade if grade in grades) + "."


def worst(lines: Iterable[Line]) -> Grade:
    """The grade of the whole host."""
    grades = {result.grade for _check, result in lines}
    return next((grade for grade in (Grade.FAILED, Grade.WARNING, Grade.OK) if grade in grades), Grade.NOT_ASKED)


def exit_code(lines: Iterable[Line]) -> int:
    """The exit code for the worst grade."""
    return EXIT_CODES[worst(lines)]


if __name__ == "__main__":
    main()
