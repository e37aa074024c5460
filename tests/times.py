"""``python -m tests.times JUNIT.xml``: where the time of a run of the tests went, and how much of it `make test` is.

The file is written by ``make test-all PYTEST=--junitxml=JUNIT.xml``. Seconds are those of the workers, added up.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import click

from tests.support.lanes import lane
from tests.support.processes import PROJECT
from tests.support.tiers import is_at_length

SHOWN_S = 20.0
"""Lanes and folders below are left out of the tables."""


def read_times(junit: Path) -> Iterator[tuple[str, float]]:
    """Node id and seconds of each test in a file of pytest's ``--junitxml``."""
    for case in ElementTree.parse(junit).getroot().iter("testcase"):
        yield f"{_file_of(case.attrib['classname'])}::{case.attrib['name']}", float(case.attrib["time"])


def table(times: list[tuple[str, float]], title: str, place: Callable[[str], str]) -> Iterator[str]:
    """Lines with the cases and seconds of each place, and what `make test` runs of them, the longest first."""
    cases, took_s = defaultdict[str, int](int), defaultdict[str, float](float)
    quick_cases, quick_s = defaultdict[str, int](int), defaultdict[str, float](float)
    for nodeid, seconds in times:
        for name in (place(nodeid), "all"):
            cases[name] += 1
            took_s[name] += seconds
            if not is_at_length(nodeid):
                quick_cases[name] += 1
                quick_s[name] += seconds
    yield f"{title:50} {'cases':>7} {'s':>7}   make test: {'cases':>7} {'s':>7} {'part':>6}"
    for name, seconds in sorted(took_s.items(), key=lambda item: -item[1]):
        if seconds >= SHOWN_S:
            part = quick_s[name] / seconds
            yield f"{name:50} {cases[name]:7} {seconds:7.0f} {quick_cases[name]:20} {quick_s[name]:7.0f} {part:6.0%}"


@click.command()
@click.argument("junit", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(junit: Path) -> None:
    """Print the time of each folder and of each lane."""
    times = list(read_times(junit))
    for title, place in (("folder", _folder_of), ("lane", lane)):
        click.echo("\n".join([*table(times, title, place), ""]))


def _file_of(classname: str) -> str:
    """``tests/unit/test_a.py`` for ``tests.unit.test_a``, or for a class in it."""
    path = Path(*classname.split("."))
    while not (PROJECT / f"{path}.py").exists() and path.parent != path:
        path = path.parent
    return f"{path}.py"


def _folder_of(nodeid: str) -> str:
    return "/".join(nodeid.partition("::")[0].split("/")[:-1][:3])


if __name__ == "__main__":
    main()
