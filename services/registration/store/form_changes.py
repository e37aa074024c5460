"""Who changed which form, when and how: rows are only ever added."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

_NOTE = text("""
    INSERT INTO form_change (form, revision, changed_at, changed_by, before, after, promoted)
    VALUES (:form, :revision, :changed_at, :changed_by, :before, :after, :promoted)
""")
_LIST = text("""
    SELECT revision, changed_at, changed_by, before, after, promoted FROM form_change
    WHERE form = :form AND revision > :after ORDER BY revision DESC LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class FormChangeLine:
    """A line of a form's history.

    Attributes:
        revision: of the form after the change.
        changed_by: name of the key that was used.
        before, after: what was changed, by name, moments as RFC 3339.
        promoted: how many of those who waited got a seat by it.
    """

    revision: int
    changed_at: datetime
    changed_by: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    promoted: int


def note_form_change(connection: Connection, form: str, line: FormChangeLine) -> None:
    """Add a line."""
    values = {
        "form": form,
        "revision": line.revision,
        "changed_at": line.changed_at,
        "changed_by": line.changed_by,
        "before": Jsonb(dict(line.before)),
        "after": Jsonb(dict(line.after)),
        "promoted": line.promoted,
    }
    connection.execute(_NOTE, values)


def form_history(connection: Connection, form: str, *, after: int = 0, most: int = 50) -> Sequence[FormChangeLine]:
    """Up to ``most`` changes of ``form`` since its revision ``after``, newest first."""
    rows = connection.execute(_LIST, {"form": form, "after": after, "most": most})
    return [FormChangeLine(*row) for row in rows]
