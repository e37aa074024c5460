"""What is asked of the databases of a house."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from tests.integration.routes.house import House

QUARANTINE = "FROM quarantine"


@contextmanager
def statements(house: House) -> Iterator[list[str]]:
    """Every statement of requests; not where a transaction begins, nor what each process asks once a second itself."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if QUARANTINE not in statement:
            said.append(statement)

    for engine in house.engines.values():
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        for engine in house.engines.values():
            event.remove(engine, "before_cursor_execute", note)
