"""Views of the list of registrations: filters, order and columns under a name, for oneself or for all colleagues.

A view never holds a word that was searched for, nor an answer in free text: it stays longer than the person it names.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.registration.people.answer_filters import PREFIX, is_free_text
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.ids import new_id
from shared.public_forms.definition import FormDefinition
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork

MAX_NAME = 80
MAX_VIEWS = 50
"""Of one owner."""

_LIST = text("""
    SELECT id::text, name, owner, shared, query, saved_at FROM list_view
    WHERE owner = :owner OR (shared AND (CAST(:forms AS text[]) IS NULL OR query ->> 'form' = ANY(:forms)))
    ORDER BY owner <> :owner, lower(name), id
""")
_COUNT = text("SELECT count(*) FROM list_view WHERE owner = :owner")
_SAVE = text("""
    INSERT INTO list_view (id, name, owner, shared, query, saved_at)
    VALUES (CAST(:id AS uuid), :name, :owner, :shared, CAST(:query AS jsonb), :now) ON CONFLICT (owner, name) DO NOTHING
""")
_DELETE = text("DELETE FROM list_view WHERE id = CAST(:id AS uuid) AND owner = :owner RETURNING name")


@dataclass(frozen=True, slots=True)
class ListView:
    """Attributes:
    owner: name of the key that saved it; nobody else can delete it.
    shared: every coordinator sees it.
    query: filters, order and columns, as they stand in the address of the list.
    """

    id: str
    name: str
    owner: str
    shared: bool
    query: Mapping[str, str]
    saved_at: datetime


def views_for(connection: Connection, owner: str, forms: frozenset[str] | None) -> Sequence[ListView]:
    """Return somebody's own views, then those that others share: of ``forms`` alone unless that is None.

    Names and tags of a view may say something about people of its form.
    """
    values = {"owner": owner, "forms": None if forms is None else sorted(forms)}
    return [ListView(*row) for row in connection.execute(_LIST, values)]


def lasting(given: Mapping[str, str], definition: FormDefinition | None) -> dict[str, str]:
    """Return what of ``given`` a view may keep; ``definition`` is of the form that is chosen, None if none is."""
    free = {field.name for field in definition.fields if is_free_text(field)} if definition else set()
    asked = {name: name.removeprefix(PREFIX).partition(".")[0] for name in given if name.startswith(PREFIX)}
    kept = {name: one for name, one in given.items() if name != "q" and asked.get(name) not in free}
    given_at_all = {name: one for name, one in given.items() if name.startswith(PREFIX) and name.endswith(".given")}
    return kept | given_at_all


def save_view(work: UnitOfWork, clock: Clock, owner: str, name: str, query: Mapping[str, str], *, shared: bool) -> str:
    """Save a view; returns its id.

    Raises:
        DomainError: ``invalid-name``; ``already-exists``: the owner has one of that name; ``too-many-views``.
    """
    name, identity, now = " ".join(name.split()), new_id(), clock()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise DomainError("invalid-name", f"a name has 1 to {MAX_NAME} characters")
    values: dict[str, Any] = {"id": identity, "name": name, "owner": owner, "shared": shared, "now": now}
    with work.transaction() as connection:
        if connection.execute(_COUNT, {"owner": owner}).scalar_one() >= MAX_VIEWS:
            raise DomainError("too-many-views", f"you have {MAX_VIEWS} views; delete one first")
        if connection.execute(_SAVE, {**values, "query": json.dumps(dict(query))}).rowcount != 1:
            raise DomainError("already-exists", "you have a view of that name")
        note_deed(connection, Deed(owner, "view-saved", "view", identity, {"shared": shared}), now)
    return identity


def delete_view(work: UnitOfWork, clock: Clock, owner: str, view_id: str) -> None:
    """Delete a view of one's own.

    Raises:
        DomainError: ``not-found``.
    """
    with work.transaction() as connection:
        if connection.execute(_DELETE, {"id": view_id, "owner": owner}).scalar() is None:
            raise DomainError("not-found")
        note_deed(connection, Deed(owner, "view-deleted", "view", view_id), clock())
