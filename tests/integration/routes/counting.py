"""What is asked of the databases of a house."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from tests.integration.routes.house import House


@contextmanager
def statements(house: House) -> Iterator[list[str]]:
    """Every statement that runs meanwhile, but where a transaction begins and ends."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement)

    for engine in house.engines.values():
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        for engine in house.engines.values():
            event.remove(engine, "before_cursor_execute", note)
