"""The page about security: what is promised and how it is shown, written from the statements."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from deploy.security.statements import Statement, read_statements

_INTRODUCTION = """\
<!-- Written by `make specs` from deploy/security. Do not edit. -->

# Security, statement by statement

Statements about the safety of the people who register, of those who work with their data, and between
the services. Each names the tests that show it, or says why there is none; `make test-all` runs them all.
`make security` prints this table, and fails if a named test does not exist or a statement is open;
`make security RUN=yes` runs the named tests, and prints the result of each.

Attackers and remaining risks: [the threat model](../architecture/threat-model.md). Data about people:
[Privacy](../architecture/privacy.md). How to report a weakness: [SECURITY](../../SECURITY.md).

"""


def security_page() -> str:
    """The whole page in Markdown."""
    return _INTRODUCTION + "\n".join(_sections(read_statements()))


def _sections(statements: Iterable[Statement]) -> Iterator[str]:
    for topic, group in groupby(statements, key=lambda one: one.topic):
        yield f"## {topic}\n\n| | statement | shown by |\n|---|---|---|"
        yield from (f"| {statement.number} | {statement.says} | {_shown_by(statement)} |" for statement in group)
        yield ""


def _shown_by(statement: Statement) -> str:
    shown = [_link(test) for test in statement.tests]
    shown += [statement.reason] if statement.reason else []
    shown += [f"**open**: {statement.open}"] if statement.open else []
    return "<br>".join(shown)


def _link(test: str) -> str:
    path, _, name = test.partition("::")
    return f"[`{name}`](../../{path})"
