"""Reads commands of the desk, once they are opened, as items."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from services.registration.intake.contents import Content, content_from_json
from services.registration.intake.desk_model import Correct, DeskAct, DeskItem, Enter, Merge, NamedRegistration
from services.registration.intake.queue import QueuedRow
from services.registration.people.references import References

CORRECT, ENTER, MERGE = "desk-correct", "desk-enter", "desk-merge"
DESK_KINDS = (CORRECT, ENTER, MERGE)

_ADDRESSES = text("""
    SELECT id::text, person_ref FROM registration WHERE id = ANY(CAST(:ids AS uuid[])) AND erased_at IS NULL
""")


def find_named(connection: Connection, part: Sequence[tuple[QueuedRow, Mapping[str, Any]]]) -> dict[str, bytes]:
    """Return the hashes of the addresses of the registrations that commands of the desk name, by id."""
    ids = [
        str(content[name]["id"])
        for row, content in part
        if row.kind in DESK_KINDS
        for name in ("target", "kept", "other")
        if name in content
    ]
    if not ids:
        return {}
    return {row[0]: bytes(row[1]) for row in connection.execute(_ADDRESSES, {"ids": ids})}


def read_desk(
    references: References, row: QueuedRow, content: Mapping[str, Any], named: Mapping[str, bytes]
) -> DeskItem:
    """Return a command of the desk.

    Args:
        references: stand for addresses and people.
        row: of the command.
        content: opened.
        named: as :func:`find_named` returned it.

    Raises:
        ValueError, KeyError, TypeError: it cannot be read.
    """
    if row.entered_by is None:
        raise ValueError("a command of the desk without its coordinator")
    act, given = DeskAct(row.entered_by, str(content["reason"])), content_from_json(content["given"])
    address = references.address(given.email)
    if row.kind == ENTER:
        person = references.person(given.email, given.name, given.title)
        return Enter(row.number, row.form, row.received_at, given, address, person, act)
    fields = frozenset(map(str, content["fields"]))
    if row.kind == CORRECT:
        target = _named(content["target"], named)
        return Correct(row.number, row.received_at, target, given, fields, address, act)
    kept, other = _named(content["kept"], named), _named(content["other"], named)
    return _merge(row, (kept, other), given, fields, bool(content.get("sealed_of_other")), references, act)


def _merge(
    row: QueuedRow,
    both: tuple[NamedRegistration, NamedRegistration],
    given: Content,
    fields: frozenset[str],
    sealed_of_other: bool,
    references: References,
    act: DeskAct,
) -> Merge:
    address = references.address(given.email)
    return Merge(row.number, row.received_at, *both, given, fields, address, sealed_of_other, act)


def _named(values: Mapping[str, Any], named: Mapping[str, bytes]) -> NamedRegistration:
    identity = str(values["id"])
    return NamedRegistration(identity, int(values["revision"]), named.get(identity))
