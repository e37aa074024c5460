"""Records the statements that a test's requests run."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event

QUARANTINE = "FROM quarantine"


@contextmanager
def statements(*engines: Engine) -> Iterator[list[str]]:
    """Every statement of requests; not where a transaction begins, nor what each process asks once a second itself."""
    run: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if QUARANTINE not in statement:
            run.append(statement)

    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield run
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
