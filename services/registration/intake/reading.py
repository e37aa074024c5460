"""Opens a batch and reads it as items; what cannot be opened or read is parked.

Then prepares the decision: what the commands of a batch name and may use, and its parts.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, text

from services.registration.intake import queue
from services.registration.intake.items import COMMANDS, Item
from services.registration.intake.received import LinkOwner, Links, QueuedRow, Received
from services.registration.people.references import References
from services.registration.telemetry import DECIDE
from shared.runtime.logs import caused_by
from shared.runtime.tracing import span
from shared.security.sealing import Unsealable, open_sealed

_ADDRESSES = text("""
    SELECT id::text, person_ref FROM registration WHERE id = ANY(CAST(:ids AS uuid[])) AND erased_at IS NULL
""")


OpenedRow = tuple[QueuedRow, Mapping[str, Any]]
"""A row with its content."""


def find_named(connection: Connection, part: Sequence[OpenedRow]) -> dict[str, bytes | None]:
    """Return the hashes of the addresses of the registrations that commands name, by id; None if it is gone."""
    ids = [
        str(content[name]["id"])
        for row, content in part
        if row.kind in COMMANDS
        for name in COMMANDS[row.kind].names
        if name in content
    ]
    found = connection.execute(_ADDRESSES, {"ids": ids}) if ids else ()
    return dict.fromkeys(ids) | {row[0]: bytes(row[1]) for row in found}


def parts_of(batch: Sequence[OpenedRow]) -> Iterator[list[OpenedRow]]:
    """Yield the batch in parts: a row that renews links, or may change a registration's address, is a separate part.

    Such a row ends links, and each part reads its links afresh. Nothing else in the part changes that registration.
    """
    for alone, rows in groupby(batch, key=_ends_links):
        part = list(rows)
        yield from ([row] for row in part) if alone else (part,)


def _ends_links(opened: OpenedRow) -> bool:
    row, content = opened
    return row.kind in COMMANDS and COMMANDS[row.kind].ends_links(content)


def causes_of(batch: Sequence[OpenedRow]) -> list[tuple[str, str]]:
    """Correlation id and trace context of the request behind each row that names them, in order."""
    found = []
    for _, content in batch:
        given = content.get("given")
        cause = content.get("cause") or (given.get("cause") if isinstance(given, dict) else None)
        if isinstance(cause, list) and len(cause) == 2:
            found.append((str(cause[0]), str(cause[1])))
    return found


@contextmanager
def decided_for(batch: Sequence[OpenedRow], start_ns: int) -> Iterator[None]:
    """Bind what is decided inside of it to the span of the batch, and to the request if there was only one.

    Args:
        batch: the opened batch.
        start_ns: the start of the batch, nanoseconds since 1970.
    """
    causes = causes_of(batch)
    correlation, trace = causes[0] if len(causes) == 1 else ("", "")
    attributes = {"messaging.batch.message_count": len(batch)}
    with caused_by(correlation, trace), span(DECIDE, "decide", attributes, [row_id[1] for row_id in causes], start_ns):
        yield


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeciderKeys:
    """The keys that the decider needs.

    Attributes:
        private: the private keys of the decider, newest first, 32 bytes each.
        references: the maker of the keyed hashes of addresses and people.
    """

    private: Sequence[bytes] = field(repr=False)
    references: References


def open_rows(connection: Connection, keys: DeciderKeys, rows: Sequence[QueuedRow]) -> list[OpenedRow]:
    """Return the rows with their contents; a row that cannot be opened is parked, and the others are processed."""
    opened: list[OpenedRow] = []
    for row in rows:
        try:
            opened.append((row, open_sealed(list(keys.private), row.body)))
        except (Unsealable, ValueError) as error:
            _park(connection, row, error)
    return opened


def read_items(connection: Connection, keys: DeciderKeys, part: Sequence[OpenedRow], links: Links) -> list[Item]:
    """The contents as items; what cannot be read is parked."""
    items: list[Item] = []
    for row, content in part:
        try:
            items.append(_item(keys, row, content, links))
        except (ValueError, KeyError, TypeError) as error:
            _park(connection, row, error)
    return items


def _item(keys: DeciderKeys, row: QueuedRow, content: Mapping[str, Any], links: Links) -> Item:
    owner = owner_of(row, links.owners)
    address = owner.address if owner is not None and owner.has_link_at(row.received_at) else None
    registration = owner.registration if owner is not None else None
    make = keys.references
    received = Received(row, content, links, address, registration, make.address, make.person)
    return COMMANDS[row.kind].read(received)


def owner_of(row: QueuedRow, links: Mapping[bytes, LinkOwner]) -> LinkOwner | None:
    """Return the owner of the link of a command; None if it has ended or its purpose does not permit the command.

    Raises:
        KeyError: there is no such kind of command.
    """
    owner = links.get(row.token_hash or b"")
    return owner if owner is not None and owner.purpose in COMMANDS[row.kind].links else None


def _park(connection: Connection, row: QueuedRow, error: Exception) -> None:
    queue.park(connection, row.number, f"it cannot be read: {type(error).__name__}")
    log.error("a submission cannot be read and is parked", extra={"number": row.number})
