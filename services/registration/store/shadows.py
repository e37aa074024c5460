"""The tables of shadows (see ``usecases.shadows``): written by the write group, read by nobody, emptied here."""

from sqlalchemy import Connection, text

SHADOWS = {
    "shadow_registration": "registration",
    "shadow_change": "registration_change",
    "shadow_outbox": "outbox",
}
"""Each with the table whose shape it has: a column, check or index of one is one of the other."""

_FORGET = {
    table: text(f"DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} LIMIT :most))")  # noqa: S608
    for table in SHADOWS
}


def forget_shadows(connection: Connection, most: int) -> int:
    """Delete up to ``most`` rows of each table; returns of how many in all."""
    return sum(connection.execute(statement, {"most": most}).rowcount for statement in _FORGET.values())
