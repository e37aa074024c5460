"""Make and change forms: coordinators work on a draft, see what publishing it does, and publish it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from services.registration.forms.changes import FormChangeLine, record_form_change
from services.registration.forms.messages import form_message
from services.registration.forms.schemas import FormRowSchema, LoadedForm, faults_with_people
from services.registration.forms.service import all_partners, check_slug
from services.registration.forms.store import StoredForm, describe_form, find_form, has_people, lock_seats, save_form
from services.registration.sealing.key_service import make_keys, publish_keys
from services.registration.sealing.key_store import FormKeys
from shared.db.unit_of_work import UnitOfWork
from shared.i18n.languages import Text
from shared.messaging import outbox
from shared.public_forms.definition import FormDefinition, parse_definition
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.runtime.yaml_source import Node, load_from
from shared.security.audit_log import AuditRecord, add_audit_record
from shared.vocabulary.form_kinds import FORM_KINDS


@dataclass(frozen=True, slots=True)
class FormDraft:
    """A draft of a form.

    Attributes:
        content: the description of the form, see ``docs/reference/forms.md``; it may be incomplete.
        based_on: the revision of the form that it replaces; None for a new form.
        revision: the revision of the draft, which increases with every change.
        changed_by: the name of the key that was used.
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
    """Store a draft in place of its last revision, and increase the revision.

    The first has revision 0. False: it has another.
    """
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


QUESTIONS = "questions"
SETTINGS = (
    "title", "intro", "kind", "event", "attend", "partners", "verification", "waiting_list", "promotion_notice_minutes",
    "closes_hours_before", "open_until", "people_per_address", "person_days", "keep_days", "controller", "contact",
)  # fmt: skip
"""Keys of a form, but its questions, that publishing changes. Seats, alarm and joining are set on the form itself."""

_EVENT_KIND = text("SELECT kind FROM public_event WHERE id = :event")
_EVENT_TITLES = text("SELECT id, title FROM public_event ORDER BY title ->> 'en', id")


@dataclass(frozen=True, slots=True)
class DraftEffect:
    """What publishing a draft does.

    Attributes:
        problems: the faults that prevent publication, each with its place.
        added: the names of the questions that are added.
        removed: the names of the questions that are removed.
        changed: the names of the questions that are changed.
        settings: the names of what else changes.
        is_new: whether the form does not exist yet.
        people: whether anyone has registered on it.
    """

    problems: Sequence[str]
    added: Sequence[str] = ()
    removed: Sequence[str] = ()
    changed: Sequence[str] = ()
    settings: Sequence[str] = ()
    is_new: bool = True
    people: bool = False


class DraftRefused(Exception):
    """A draft cannot be published; ``problems`` gives the reasons."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class DraftsContext:
    """Dependencies of the routes about drafts.

    Attributes:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        keys: the private keys of the forms: a new form gets its key pair when it is published.
        forget: a function that is called with the slug of a form that was published; where the public routes run in the
            same process, they read it again at once.
    """

    work: UnitOfWork
    clock: Clock
    keys: FormKeys
    forget: Callable[[str], object]

    def drafts(self) -> list[FormDraft]:
        """All that are worked on."""
        with self.work.transaction() as connection:
            return all_drafts(connection)

    def draft(self, slug: str) -> FormDraft:
        """The draft of a form.

        Raises:
            DomainError: ``form-unknown``: no slug. ``not-found``: there is no draft.
        """
        check_slug(slug)
        with self.work.transaction() as connection:
            return _found(connection, slug)

    def describe(self, slug: str) -> dict[str, Any]:
        """A published form, as a draft has it.

        Raises:
            DomainError: ``form-unknown``.
        """
        check_slug(slug)
        with self.work.transaction() as connection:
            found = describe_form(connection, slug)
        if found is None:
            raise DomainError("form-unknown")
        return found

    def usual_kind(self, event: str, otherwise: str) -> str:
        """The kind of form that registers for an event; ``otherwise`` for one that is not announced yet."""
        with self.work.transaction() as connection:
            kind = connection.execute(_EVENT_KIND, {"event": event}).scalar()
        if kind is None:
            return otherwise
        return str(kind) if kind in FORM_KINDS else "attendance"

    def event_titles(self) -> dict[str, str]:
        """Title of each event by its slug."""
        with self.work.transaction() as connection:
            return _event_titles(connection)

    def event_choices(self, chosen: str) -> dict[str, str]:
        """The same with the event that is ``chosen``, which may be a draft: those are published by announcing them."""
        titles = self.event_titles()
        return titles if not chosen or chosen in titles else {chosen: f"{chosen} (not announced yet)", **titles}

    def start(self, slug: str, content: Mapping[str, Any] | None, by: str) -> FormDraft:
        """Begin a draft: of a form as it is now, or with ``content`` for it or for a new one.

        Raises:
            DomainError: ``form-unknown``: no content, and no such form. ``already-exists``: it is worked on already.
        """
        check_slug(slug)
        with self.work.transaction() as connection:
            if find_draft(connection, slug):
                raise _already_exists()
            current = find_form(connection, slug)
            described = content if content is not None else describe_form(connection, slug)
            if described is None:
                raise DomainError("form-unknown")
            based_on = current.revision if current else None
            draft = FormDraft(slug, {**described, "slug": slug}, based_on, 0, self.clock(), by)
            if not store_draft(connection, draft):
                raise _already_exists()
        return replace(draft, revision=1)

    def change(self, slug: str, content: Mapping[str, Any], revision: int, by: str) -> FormDraft:
        """Store other content for a draft of ``revision``.

        Raises:
            DomainError: ``form-unknown``, ``not-found``, ``edit-conflict``.
        """
        check_slug(slug)
        with self.work.transaction() as connection:
            draft = _found(connection, slug)
            content = {**content, "slug": slug}
            changed = replace(draft, content=content, revision=revision, changed_at=self.clock(), changed_by=by)
            if not store_draft(connection, changed):
                raise DomainError("edit-conflict", "read it again and repeat your change")
        return replace(changed, revision=revision + 1)

    def discard(self, slug: str, revision: int, by: str) -> None:
        """Delete a draft of ``revision``; the form itself stays.

        Raises:
            DomainError: ``form-unknown``, ``not-found``, ``edit-conflict``.
        """
        check_slug(slug)
        with self.work.transaction() as connection:
            if _found(connection, slug, lock=True).revision != revision:
                raise DomainError("edit-conflict", "the draft was changed: check the current version")
            delete_draft(connection, slug)
            discarded = AuditRecord(by, "form-draft-discarded", "form", slug, {"revision": revision})
            add_audit_record(connection, discarded, self.clock())

    def effect(self, slug: str) -> DraftEffect:
        """What publishing it now would do. Raises as :meth:`draft`."""
        check_slug(slug)
        with self.work.transaction() as connection:
            draft = _found(connection, slug)
            return _effect(connection, draft, find_form(connection, slug))[0]

    def publish(self, slug: str, revision: int, by: str) -> StoredForm:
        """Put a draft in force: a new form opens, or a form changes. This deletes the draft.

        Raises:
            DomainError: ``form-unknown``, ``not-found``; ``edit-conflict``: the draft, or the form that it was made
                from, is not as the caller has seen it.
            DraftRefused: something is in the way.
        """
        if problems := self.effect(slug).problems:
            raise DraftRefused(problems)
        make_keys(self.work, self.keys, [slug])
        with self.work.transaction() as connection:
            published = self._publish(connection, slug, revision, by)
        self.forget(slug)
        return published

    def _publish(self, connection: Connection, slug: str, revision: int, by: str) -> StoredForm:
        lock_seats(connection, slug)
        draft, now = _found(connection, slug, lock=True), self.clock()
        current = find_form(connection, slug)
        if draft.revision != revision or draft.based_on != (current.revision if current else None):
            raise DomainError("edit-conflict", "the form or its draft was changed: check the current version")
        effect, loaded = _effect(connection, draft, current)
        if loaded is None or effect.problems:
            raise DraftRefused(effect.problems)
        before = describe_form(connection, slug) or {}
        save_form(connection, loaded.values, loaded.capacity)
        publish_keys(connection, self.keys, [slug], now)
        published = find_form(connection, slug)
        if published is None:
            raise DomainError("form-unknown")
        if current is None or published.revision > current.revision:
            old = _noted(before, effect) if current else {}
            new = _noted(describe_form(connection, slug) or {}, effect)
            record_form_change(connection, slug, FormChangeLine(published.revision, now, by, old, new, 0))
        add_audit_record(
            connection, AuditRecord(by, "form-published", "form", slug, {"revision": published.revision}), now
        )
        outbox.add(connection, [form_message(published.facts, now)])
        delete_draft(connection, slug)
        return published


def _already_exists() -> DomainError:
    return DomainError("already-exists", "this form has a draft already: continue with it or discard it")


def _found(connection: Connection, slug: str, *, lock: bool = False) -> FormDraft:
    draft = find_draft(connection, slug, lock=lock)
    if draft is None:
        raise DomainError("not-found", "there is no draft of this form")
    return draft


def _event_titles(connection: Connection) -> dict[str, str]:
    return {row[0]: str(Text.of(row[1])) for row in connection.execute(_EVENT_TITLES)}


def _effect(
    connection: Connection, draft: FormDraft, current: StoredForm | None
) -> tuple[DraftEffect, LoadedForm | None]:
    """What publishing does, and the form that would be published; None if it cannot be read."""
    problems: list[str] = []
    known = {partner.slug for partner in all_partners(connection)}
    content = Node("", dict(draft.content), {})
    loaded: LoadedForm | None = load_from(content, FormRowSchema(known), problems)
    event = draft.content.get("event")
    if event and isinstance(event, str) and event not in _event_titles(connection):
        problems.append(f"/event: no event {event} is announced")
    if problems or loaded is None:
        return DraftEffect(problems, is_new=current is None), None
    new = parse_definition(loaded.values["definition"])
    old = parse_definition(current.definition) if current else None
    people = current is not None and has_people(connection, draft.slug)
    if current is not None and old is not None and people:
        moved = faults_with_people(loaded, current.kind, current.event_id)
        problems += [content.fault(message, *place) for place, message in moved]
        problems += _unreadable(old, new)
    before = describe_form(connection, draft.slug) if current else None
    effect = _difference(old, new, before or {}, draft.content)
    return replace(effect, problems=problems, is_new=current is None, people=people), loaded


def _unreadable(old: FormDefinition, new: FormDefinition) -> Iterator[str]:
    """Changes after which stored answers would have another meaning or none."""
    asked = {field.name: field for field in old.fields}
    for number, field in enumerate(new.fields):
        before = asked.get(field.name)
        if before is None:
            continue
        if before.kind is not field.kind:
            yield f"/fields/{number}/kind: people have answered {field.name} as {before.kind.name}: use another name"
        elif before.sealed != field.sealed:
            yield f"/fields/{number}/sealed: people have answered {field.name} as it is: use another name"


def _difference(
    old: FormDefinition | None, new: FormDefinition, before: Mapping[str, Any], after: Mapping[str, Any]
) -> DraftEffect:
    was, now = ({field.name: field for field in definition.fields} if definition else {} for definition in (old, new))
    settings = [name for name in SETTINGS if before.get(name) != after.get(name)] if old is not None else []
    return DraftEffect(
        problems=(),
        added=[name for name in now if name not in was],
        removed=[name for name in was if name not in now],
        changed=[name for name in now if name in was and was[name] != now[name]],
        settings=settings,
    )


def _noted(described: Mapping[str, Any], effect: DraftEffect) -> dict[str, Any]:
    """Return the history entry for a form before or after a draft was published."""
    noted = {name: described.get(name) for name in effect.settings}
    if effect.added or effect.removed or effect.changed:
        noted[QUESTIONS] = [field["name"] for field in described.get("fields", ())]
    return noted
