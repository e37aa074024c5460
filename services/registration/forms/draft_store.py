"""Forms that coordinators work on, before they are published."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class FormDraft:
    """A form that is worked on.

    Attributes:
        content: as ``docs/reference/forms.md`` describes a form; it may be incomplete.
        based_on: revision of the form that it takes the place of; None for a new form.
        revision: goes up with every change of the draft.
        changed_by: name of the key that was used.
    """

    slug: str
    content: Mapping[str, Any]
    based_on: int | None
    revision: int
    changed_at: datetime
    changed_by: str


_DRAFT = "SELECT slug, content, based_on, revision, changed_at, changed_by FROM form_draft"
_ONE = text(f"{_DRAFT} WHERE slug = :slug")
_LOCKED = text(f"{_DRAFT} WHERE slug = :slug FOR UPDATE")
_ALL = text(f"{_DRAFT} ORDER BY slug")
_ADDED = text("""
    SELECT DISTINCT name FROM form_change c, jsonb_array_elements_text(c.after -> 'questions') AS name
    WHERE c.form = :form AND c.changed_at > :since AND NOT jsonb_exists(c.before -> 'questions', name)
""")
_ADD = text("""
    INSERT INTO form_draft (slug, content, based_on, revision, changed_at, changed_by)
    VALUES (:slug, :content, :based_on, 1, :changed_at, :changed_by) ON CONFLICT (slug) DO NOTHING
""")
_CHANGE = text("""
    UPDATE form_draft
    SET content = :content, revision = revision + 1, changed_at = :changed_at, changed_by = :changed_by
    WHERE slug = :slug AND revision = :revision
""")
_DELETE = text("DELETE FROM form_draft WHERE slug = :slug")


def find_draft(connection: Connection, slug: str, *, lock: bool = False) -> FormDraft | None:
    """The draft of a form, or None; with ``lock`` it stays as it is until the transaction ends."""
    row = connection.execute(_LOCKED if lock else _ONE, {"slug": slug}).fetchone()
    return None if row is None else FormDraft(*row)


def all_drafts(connection: Connection) -> list[FormDraft]:
    """Every draft, by slug."""
    return [FormDraft(*row) for row in connection.execute(_ALL)]


def store_draft(connection: Connection, draft: FormDraft) -> bool:
    """Store a draft over the one of its revision, which goes up; the first has revision 0. False: it has another."""
    statement = _ADD if draft.revision == 0 else _CHANGE
    values = {
        "slug": draft.slug,
        "content": Jsonb(dict(draft.content)),
        "based_on": draft.based_on,
        "revision": draft.revision,
        "changed_at": draft.changed_at,
        "changed_by": draft.changed_by,
    }
    return connection.execute(statement, values).rowcount == 1


def delete_draft(connection: Connection, slug: str) -> None:
    """Delete it."""
    connection.execute(_DELETE, {"slug": slug})


def questions_added(connection: Connection, slug: str, since: datetime) -> frozenset[str]:
    """Return names of the questions that a published draft has added to a form since then."""
    return frozenset(connection.execute(_ADDED, {"form": slug, "since": since}).scalars())
