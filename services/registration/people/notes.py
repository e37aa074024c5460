"""Tags, notes of coordinators, and saved views; and what else is known of a person beside one registration.

A note belongs to a registration, so that it is erased with it; all registrations of the address show it to anyone who
may see them. It is in the person's export: the person whom a note is about can read it.

Views are filters, order and columns of the list of registrations under a name, for oneself or for all colleagues. A
view never holds a word that was searched for, nor an answer in free text: it stays longer than the person it names.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from unicodedata import category, normalize

from sqlalchemy import Connection, text

from services.registration.people.answer_filters import PREFIX, is_free_text
from services.registration.people.messages import tagged_message
from services.registration.people.model import Registration
from shared.db.unit_of_work import UnitOfWork
from shared.messaging import outbox
from shared.public_forms.definition import FormDefinition
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_id
from shared.security.audit_log import AuditRecord, add_audit_record

MAX_TAGS = 20
"""On one registration. One that was merged keeps the tags of both, and then gets no further one until it has fewer."""

MAX_NAMED = 10
"""Registrations named in a refusal."""

MAX_TAG_LENGTH = 40
TAG_PUNCTUATION = frozenset(" _.&/+-'\N{RIGHT SINGLE QUOTATION MARK}")

_TAGGED = text("""
    UPDATE registration r SET tags = ARRAY(
        SELECT tag FROM (SELECT unnest(r.tags || CAST(:added AS text[])) AS tag) AS every
        WHERE tag <> ALL(CAST(:removed AS text[])) GROUP BY tag ORDER BY tag),
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
    """A change of the tags of some registrations.

    Attributes:
        ids: the ids of the registrations, UUID texts.
        added: the tags to add, as :func:`read_tag` returns them.
        removed: the tags to remove, as :func:`read_tag` returns them.
        by: the name of the coordinator's key.
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
    tag = normalize("NFC", " ".join(typed.split())).lower()
    if not _is_tag(tag):
        raise DomainError("invalid-tag", "a tag has 1 to 40 letters, digits, spaces or . & / + - ' _")
    return tag


def _is_tag(text: str) -> bool:
    """Letters with their marks, as Arabic and Hindi have them, digits and some punctuation; the first is no mark."""
    usual = all(category(character)[0] in "LMN" or character in TAG_PUNCTUATION for character in text)
    return usual and 0 < len(text) <= MAX_TAG_LENGTH and (text[0].isalnum() or text[0] == "_")


def tag_registrations(work: UnitOfWork, clock: Clock, tagging: Tagging) -> list[str]:
    """Set and remove tags; returns the ids of the registrations that changed. Bulletins find people by them.

    The audit log names the registrations and no tag: a tag may describe a person who is erased later.

    Raises:
        DomainError: ``not-found``: one is unknown, erased, or on a form that the key is not good for;
            ``too-many-tags``: one would have more than ``MAX_TAGS``. Then none of them changes.
    """
    ids = sorted(set(tagging.ids))
    with work.transaction() as connection:
        forms = connection.execute(_FORMS, {"ids": ids}).scalars().all()
        if len(forms) != len(ids) or (tagging.forms is not None and not set(forms) <= tagging.forms):
            raise DomainError("not-found")
        values = {"ids": ids, "added": list(tagging.added), "removed": list(tagging.removed)}
        now, changed = clock(), list(connection.execute(_TAGGED, values))
        full = [row.id for row in changed if tagging.added and len(row.tags) > MAX_TAGS]
        if full:
            raise DomainError("too-many-tags", _too_many_tags(full, len(ids)))
        outbox.add(connection, [tagged_message(row.id, row.tags, row.tags_revision, now) for row in changed])
        for row in changed:
            add_audit_record(connection, AuditRecord(tagging.by, "registration-tagged", "registration", row.id), now)
    return [row.id for row in changed]


def _too_many_tags(full: Sequence[str], count: int) -> str:
    """Which of ``count`` registrations would have too many tags, as a sentence."""
    if count == 1:
        return f"a registration can have at most {MAX_TAGS} tags; remove some first"
    named = ", ".join(full[:MAX_NAMED]) + (" and others" if len(full) > MAX_NAMED else "")
    return f"{len(full)} of {count} registrations would have more than {MAX_TAGS} tags: {named}"


def known_tags(connection: Connection, forms: frozenset[str] | None) -> list[str]:
    """Return the tags that are used on the forms that may be seen, sorted."""
    values = {"forms": None if forms is None else sorted(forms)}
    return list(connection.execute(_KNOWN, values).scalars())


MAX_NOTE = 2000
_WRITABLE = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]+")
"""Neither a control character, but for tabs and line breaks, nor half of a character: other invisible ones belong to
languages, such as no-break spaces, direction marks and joiners."""

MAX_SHOWN = 200

_MAY_SEE = "(CAST(:forms AS text[]) IS NULL OR r.form = ANY(:forms))"
_OTHERS = text(f"""
    SELECT r.id::text, r.form, r.status, r.accepted_at, r.offer_expires_at IS NOT NULL FROM registration r
    WHERE r.person_ref = decode(:ref, 'hex') AND r.id <> CAST(:id AS uuid) AND {_MAY_SEE} ORDER BY r.id LIMIT :limit
""")  # noqa: S608 - a constant condition
_MAILS = text(f"""
    SELECT r.id::text, r.form, l.kind, l.outcome, l.occurred_at
    FROM mail_log l JOIN registration r ON r.id = l.registration_id
    WHERE r.person_ref = decode(:ref, 'hex') AND {_MAY_SEE} ORDER BY l.occurred_at DESC, l.outcome LIMIT :limit
""")  # noqa: S608 - a constant condition
_NOTES = text(f"""
    SELECT n.id::text, r.form, n.written_at, n.written_by, n.words
    FROM registration_note n JOIN registration r ON r.id = n.registration_id
    WHERE r.person_ref = decode(:ref, 'hex') AND {_MAY_SEE} ORDER BY n.written_at, n.id LIMIT :limit
""")  # noqa: S608 - a constant condition
_WRITE_NOTE = text("""
    INSERT INTO registration_note (id, registration_id, written_at, written_by, words)
    SELECT CAST(:id AS uuid), r.id, :now, :by, :words FROM registration r
    WHERE r.id = CAST(:registration AS uuid) AND r.erased_at IS NULL
    ON CONFLICT (id) DO NOTHING
""")
_FIND_NOTE = text("""
    SELECT registration_id::text, written_by, words FROM registration_note WHERE id = CAST(:id AS uuid)
""")
_DELETE_NOTE = text("""
    DELETE FROM registration_note WHERE id = CAST(:id AS uuid) AND registration_id IN (
        SELECT o.id FROM registration r JOIN registration o ON o.person_ref = r.person_ref
        WHERE r.id = CAST(:registration AS uuid) AND (CAST(:forms AS text[]) IS NULL OR o.form = ANY(:forms)))
    RETURNING registration_id::text
""")


@dataclass(frozen=True, slots=True)
class OtherRegistration:
    """Another registration of the same address; ``is_offered``: a seat is held for them."""

    id: str
    form: str
    status: str
    accepted_at: datetime
    is_offered: bool


@dataclass(frozen=True, slots=True)
class LoggedMail:
    """What became of a mail about one of the registrations: ``sent``, ``bounced`` or ``suppressed``."""

    registration_id: str
    form: str
    kind: str
    outcome: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Note:
    """A note, on the registration on ``form``; ``written_by`` is the name of a key."""

    id: str
    form: str
    written_at: datetime
    written_by: str
    words: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything stored about a person beside one registration, limited to what the viewer may see."""

    others: Sequence[OtherRegistration]
    mails: Sequence[LoggedMail]
    notes: Sequence[Note]


def dossier_of(connection: Connection, registration: Registration, forms: frozenset[str] | None) -> Dossier:
    """Return what is known about the owner of the registration's address.

    Args:
        connection: the connection of the caller's transaction.
        registration: the registration of the person.
        forms: the forms that the reader may see; None for all.
    """
    seen = None if forms is None else sorted(forms)
    values = {"ref": registration.person_ref, "id": registration.id, "forms": seen, "limit": MAX_SHOWN}
    return Dossier(
        others=[OtherRegistration(*row) for row in connection.execute(_OTHERS, values)],
        mails=[LoggedMail(*row) for row in connection.execute(_MAILS, values)],
        notes=[Note(*row) for row in connection.execute(_NOTES, values)],
    )


def write_note(work: UnitOfWork, clock: Clock, registration_id: str, words: str, by: str, note_id: str) -> None:
    """Store a note on a person.

    Args:
        work: the unit of work on the service's database.
        clock: the source of the time of writing.
        registration_id: the id of the person's registration, UUID text.
        words: the text of the note.
        by: the name of the writer's key.
        note_id: the id of the note, a UUID text that the caller makes: a note that is sent twice is stored once.

    Raises:
        DomainError: ``invalid-note``, ``not-found``; ``already-exists``, another note has this id.
    """
    words = "\n".join(line.rstrip() for line in words.strip().splitlines())
    if not 1 <= len(words) <= MAX_NOTE:
        raise DomainError("invalid-note", f"a note has 1 to {MAX_NOTE} characters")
    if not _WRITABLE.fullmatch(words):
        raise DomainError("invalid-note", "a note contains no control characters but tabs and line breaks")
    now = clock()
    with work.transaction() as connection:
        values = {"id": note_id, "registration": registration_id, "now": now, "by": by, "words": words}
        if connection.execute(_WRITE_NOTE, values).rowcount == 1:
            add_audit_record(connection, AuditRecord(by, "note-written", "registration", registration_id), now)
            return
        known = connection.execute(_FIND_NOTE, {"id": note_id}).one_or_none()
    if known is None:
        raise DomainError("not-found")
    if tuple(known) != (registration_id, by, words):
        raise DomainError("already-exists", "another note has this id")


def delete_note(
    work: UnitOfWork, clock: Clock, registration_id: str, note_id: str, by: str, forms: frozenset[str] | None
) -> None:
    """Delete a note on the person of a registration.

    Raises:
        DomainError: ``not-found``.
    """
    with work.transaction() as connection:
        seen = None if forms is None else sorted(forms)
        values = {"id": note_id, "registration": registration_id, "forms": seen}
        found = connection.execute(_DELETE_NOTE, values).scalar()
        if found is None:
            raise DomainError("not-found")
        add_audit_record(connection, AuditRecord(by, "note-deleted", "registration", found), clock())


MAX_VIEW_NAME = 80
MAX_VIEWS = 50
"""Of one owner."""

_LIST_VIEWS = text("""
    SELECT id::text, name, owner, shared, query, saved_at FROM list_view
    WHERE owner = :owner OR (shared AND (CAST(:forms AS text[]) IS NULL OR query ->> 'form' = ANY(:forms)))
    ORDER BY owner <> :owner, lower(name), id
""")
_COUNT_VIEWS = text("SELECT count(*) FROM list_view WHERE owner = :owner")
_SAVE_VIEW = text("""
    INSERT INTO list_view (id, name, owner, shared, query, saved_at)
    VALUES (CAST(:id AS uuid), :name, :owner, :shared, CAST(:query AS jsonb), :now) ON CONFLICT (owner, name) DO NOTHING
""")
_DELETE_VIEW = text("DELETE FROM list_view WHERE id = CAST(:id AS uuid) AND owner = :owner RETURNING name")


@dataclass(frozen=True, slots=True)
class SavedView:
    """A view of the list that a coordinator has saved.

    Attributes:
        owner: the name of the key that saved it; no one else can delete it.
        shared: whether every coordinator sees it.
        query: the filters, order and columns, as in the query string of the list.
    """

    id: str
    name: str
    owner: str
    shared: bool
    query: Mapping[str, str]
    saved_at: datetime


def views_for(connection: Connection, owner: str, forms: frozenset[str] | None) -> Sequence[SavedView]:
    """Return a person's own views, then those that others share: only of ``forms``, unless that is None.

    Names and tags of a view may describe people of its form.
    """
    values = {"owner": owner, "forms": None if forms is None else sorted(forms)}
    return [SavedView(*row) for row in connection.execute(_LIST_VIEWS, values)]


def lasting(given: Mapping[str, str], definition: FormDefinition | None) -> dict[str, str]:
    """Return what of ``given`` a view may keep; ``definition`` is of the form that is chosen, None if none is."""
    free = {field.name for field in definition.fields if is_free_text(field)} if definition else set()
    asked = {name: name.removeprefix(PREFIX).partition(".")[0] for name in given if name.startswith(PREFIX)}
    kept = {name: value for name, value in given.items() if name != "q" and asked.get(name) not in free}
    given_at_all = {name: value for name, value in given.items() if name.startswith(PREFIX) and name.endswith(".given")}
    return kept | given_at_all


def save_view(work: UnitOfWork, clock: Clock, owner: str, name: str, query: Mapping[str, str], *, shared: bool) -> str:
    """Save a view; returns its id.

    Raises:
        DomainError: ``invalid-name``; ``already-exists``: the owner has one of that name; ``too-many-views``.
    """
    name, identity, now = " ".join(name.split()), new_id(), clock()
    if not 1 <= len(name) <= MAX_VIEW_NAME or not name.isprintable():
        raise DomainError("invalid-name", f"a name has 1 to {MAX_VIEW_NAME} characters")
    values: dict[str, Any] = {"id": identity, "name": name, "owner": owner, "shared": shared, "now": now}
    with work.transaction() as connection:
        if connection.execute(_COUNT_VIEWS, {"owner": owner}).scalar_one() >= MAX_VIEWS:
            raise DomainError("too-many-views", f"you have {MAX_VIEWS} views; delete one first")
        if connection.execute(_SAVE_VIEW, {**values, "query": json.dumps(dict(query))}).rowcount != 1:
            raise DomainError("already-exists", "you have a view of that name")
        add_audit_record(connection, AuditRecord(owner, "view-saved", "view", identity, {"shared": shared}), now)
    return identity


def delete_view(work: UnitOfWork, clock: Clock, owner: str, view_id: str) -> None:
    """Delete one's own view.

    Raises:
        DomainError: ``not-found``.
    """
    with work.transaction() as connection:
        if connection.execute(_DELETE_VIEW, {"id": view_id, "owner": owner}).scalar() is None:
            raise DomainError("not-found")
        add_audit_record(connection, AuditRecord(owner, "view-deleted", "view", view_id), clock())
