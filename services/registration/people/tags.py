"""Tags: short words that coordinators put on registrations, one at a time or on all that are marked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from services.registration.people.messages import tagged_message
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store import outbox
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork

MAX_TAGS = 20
"""On one registration."""

_TAG = re.compile(r"\w[\w .&/+-]{0,39}")

_TAGGED = text("""
    UPDATE registration r SET tags = ARRAY(
        SELECT tag FROM (SELECT unnest(r.tags || CAST(:added AS text[])) AS tag) AS every
        WHERE tag <> ALL(CAST(:removed AS text[])) GROUP BY tag ORDER BY tag LIMIT :most),
        tags_revision = r.tags_revision + 1
    WHERE r.id = ANY(CAST(:ids AS uuid[])) AND r.erased_at IS NULL
        AND (NOT r.tags @> CAST(:added AS text[]) OR r.tags && CAST(:removed AS text[]))
    RETURNING r.id::text AS id, r.tags, r.tags_revision
""")
_FORMS = text("SELECT form FROM registration WHERE id = ANY(CAST(:ids AS uuid[])) AND erased_at IS NULL")
_KNOWN = text("""
    SELECT DISTINCT unnest(tags) AS tag FROM registration
    WHERE tags <> '{}' AND (CAST(:forms AS text[]) IS NULL OR form = ANY(:forms)) ORDER BY tag LIMIT 200
""")


@dataclass(frozen=True, slots=True)
class Tagging:
    """Attributes:
    ids: of registrations, UUID texts.
    added, removed: tags, as :func:`read_tag` gives them.
    by: name of the coordinator's key.
    forms: the forms that the key is good for; None for all.
    """

    ids: Sequence[str]
    added: Sequence[str]
    removed: Sequence[str]
    by: str
    forms: frozenset[str] | None


def read_tag(typed: str) -> str:
    """Return a tag as it is stored: in small letters, with single spaces.

    Raises:
        DomainError: ``invalid-tag``.
    """
    tag = " ".join(typed.split()).lower()
    if not _TAG.fullmatch(tag):
        raise DomainError("invalid-tag", "a tag has 1 to 40 letters, digits, spaces or . & / + -")
    return tag


def tag_registrations(work: UnitOfWork, clock: Clock, tagging: Tagging) -> list[str]:
    """Set and remove tags; returns the ids of the registrations that changed. Bulletins find people by them.

    The audit log names the registrations and no tag: a tag may say something about a person who is erased later.

    Raises:
        DomainError: ``not-found``: one is unknown, erased, or on a form that the key is not good for.
    """
    ids = sorted(set(tagging.ids))
    with work.transaction() as connection:
        forms = connection.execute(_FORMS, {"ids": ids}).scalars().all()
        if len(forms) != len(ids) or (tagging.forms is not None and not set(forms) <= tagging.forms):
            raise DomainError("not-found")
        values = {"ids": ids, "added": list(tagging.added), "removed": list(tagging.removed), "most": MAX_TAGS}
        now, changed = clock(), list(connection.execute(_TAGGED, values))
        outbox.add(connection, [tagged_message(row.id, row.tags, row.tags_revision, now) for row in changed])
        for row in changed:
            note_deed(connection, Deed(tagging.by, "registration-tagged", "registration", row.id), now)
    return [row.id for row in changed]


def known_tags(connection: Connection, forms: frozenset[str] | None) -> list[str]:
    """Return the tags that are used on the forms that may be seen, sorted."""
    values = {"forms": None if forms is None else sorted(forms)}
    return list(connection.execute(_KNOWN, values).scalars())
