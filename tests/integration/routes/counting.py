"""What is asked of the databases of a house."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from shared.store.round_trip import BEGIN, COMMIT, Call, round_trip
from sqlalchemy import Connection, event

from services.registration.store import intake
from tests.integration.routes.house import House


@contextmanager
def statements(house: House) -> Iterator[list[str]]:
    """Every statement that runs meanwhile, but where a transaction begins and ends.

    Also those of the write group, which go below SQLAlchemy.
    """
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement)

    def send_and_note(connection: Connection, calls: Sequence[Call]) -> list[bytes | None]:
        said.extend(call.name or call.sql for call in calls if call not in (BEGIN, COMMIT))
        return round_trip(connection, calls)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake, "round_trip", send_and_note)
        for engine in house.engines.values():
            event.listen(engine, "before_cursor_execute", note)
        try:
            yield said
        finally:
            for engine in house.engines.values():
                event.remove(engine, "before_cursor_execute", note)
