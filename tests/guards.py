"""``python -m tests.guards SEED COUNT``: take guards out of the code, at random, to see which tests find it.

A guard is an ``if`` that ends in ``raise``. The command takes ``COUNT`` of them out of the services and ``shared`` by
making their conditions false, and prints where. Run it in a clean worktree, then the tests, then ``git checkout``: each
guard should be found by a test that fails. ``--only N`` takes out the N-th alone, to see which test is its own.
"""

import ast
import random
from pathlib import Path

import click

from tests.architecture.sources import nodes, python_files
from tests.support.processes import PROJECT


def guards() -> list[tuple[Path, ast.If]]:
    """Every guard, by file and line; those of checks that only a mistake of a programmer reaches are guards too."""
    return [
        (path, node)
        for path in sorted(python_files("services", "shared"))
        for node in nodes(path)
        if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise) and not node.orelse
    ]


def take_out(path: Path, guard: ast.If) -> None:
    """Make the condition of a guard false in the file."""
    lines = (PROJECT / path).read_bytes().splitlines(keepends=True)
    test = guard.test
    first, last, end = test.lineno - 1, (test.end_lineno or 0) - 1, test.end_col_offset or 0
    lines[last] = lines[last][:end] + b")" + lines[last][end:]
    lines[first] = lines[first][: test.col_offset] + b"False and (" + lines[first][test.col_offset :]
    (PROJECT / path).write_bytes(b"".join(lines))


@click.command()
@click.argument("seed", type=int)
@click.argument("count", type=int)
@click.option("--only", type=int, help="the number of the one guard to take out")
def main(seed: int, count: int, only: int | None) -> None:
    """Take COUNT guards out, chosen by SEED."""
    chosen = random.Random(seed).sample(guards(), count)
    ordered = sorted(enumerate(chosen, start=1), key=lambda one: (one[1][0], -one[1][1].lineno))
    for number, (path, guard) in ordered:  # from the end of a file, so that places stay true
        if only in (None, number):
            take_out(path, guard)
            click.echo(f"{number}: {path}:{guard.lineno}: if {ast.unparse(guard.test)}")


if __name__ == "__main__":
    main()
