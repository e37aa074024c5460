"""Find people for coordinators: pages of the list and their cursors, one person with what happened, and files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from services.registration.forms.model import COLUMNS
from services.registration.forms.seats import InLine
from services.registration.forms.service import all_partners, working_groups
from services.registration.forms.store import StoredForm, all_forms, find_form, first_in_line, forms_named, whole_line
from services.registration.people.answer_filters import PREFIX
from services.registration.people.listing_store import PeopleFilter, RegistrationChange, history_of, list_people
from services.registration.people.store import OFFERED, Person, find_person
from services.registration.people.waiting_list import PromotionLine, promotions_between
from shared.db.unit_of_work import UnitOfWork
from shared.public_forms.definition import Field, FormDefinition, parse_definition
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError, unknown_parameter_advice
from shared.security.audit_log import AuditRecord, add_audit_record


def registration_position(person: Person) -> tuple[str]:
    """Return the sort position of a registration: its id, since ids are in order of arrival."""
    return (person.registration.id,)


def read_registration_position(parts: Sequence[str]) -> str:
    """The one part of a position.

    Raises:
        ValueError: it is none.
    """
    (registration_id,) = parts
    return str(UUID(registration_id))


CHUNK = 200
"""Rows read at once for a file; between two chunks no transaction is open."""

MAX_DECISIONS = 50
"""About one person: more would add no information."""

FILE_COLUMNS = (
    "id",
    "form",
    "event",
    "status",
    "position",
    "name",
    "email",
    "organisation",
    "working_group",
    "representative",
    "country",
    "time_zone",
    "language",
    "partner",
    "verified",
    "tags",
    "details_given_at",
    "registered_at",
)
"""Columns of every file; after them come those of the form's own questions."""


def answer_column(name: str) -> str:
    """Return the column of a file with the answers to a question: its name, as ``answer.<name>`` if that is taken."""
    return f"{PREFIX}{name}" if name in FILE_COLUMNS else name


@dataclass(frozen=True, slots=True)
class PersonView:
    """A registration, its form, and what happened to it.

    ``while_waiting`` are the latest decisions about the waiting list that left this person on it, newest first;
    ``line`` is who else is in line, where it matters who they are; ``is_next`` whether this person is the first.
    """

    person: Person
    form: StoredForm
    history: Sequence[RegistrationChange]
    while_waiting: Sequence[PromotionLine]
    line: Sequence[InLine] = ()
    is_next: bool = False


def find_people(work: UnitOfWork, wanted: PeopleFilter) -> list[Person]:
    """Registrations in the order that is asked for.

    Raises:
        DomainError: ``unknown-cursor``: they are in order of names, and that of the last one is no longer stored.
    """
    with work.transaction() as connection:
        return list_people(connection, wanted)


def following(wanted: PeopleFilter, last: Person) -> PeopleFilter:
    """The same filter for the rows after ``last``, by the name that it had: it may be renamed or erased by now."""
    return replace(wanted, after=last.registration.id, after_name=last.name or "")


def show_person(work: UnitOfWork, registration_id: str) -> PersonView:
    """One registration.

    Raises:
        DomainError: ``not-found``.
    """
    with work.transaction() as connection:
        person = find_person(connection, registration_id)
        form = find_form(connection, person.registration.form) if person else None
        if person is None or form is None:
            raise DomainError("not-found")
        history = history_of(connection, registration_id)
        line = whole_line(connection, form.slug) if form.seats.pools else ()
        line = [person for person in line if person.id != registration_id]
        is_next = first_in_line(connection, form.slug) == registration_id
        while_waiting = _while_waiting(connection, form.slug, history)
        return PersonView(person, form, history, while_waiting, line, is_next)


def _while_waiting(connection: Connection, form: str, history: Sequence[RegistrationChange]) -> Sequence[PromotionLine]:
    """Decisions while the person waited; those that gave, offered or took a seat are in the history itself."""
    since = next((number for number, change in enumerate(history) if change.status == "waitlisted"), None)
    if since is None:
        return ()
    until = next(
        (change.changed_at for change in history[since + 1 :] if change.status not in ("waitlisted", OFFERED)), None
    )
    lines = promotions_between(connection, form, history[since].changed_at, until, MAX_DECISIONS)
    return [line for line in lines if _status_at(history, line.decided_at) != OFFERED]


def _status_at(history: Sequence[RegistrationChange], instant: datetime) -> str:
    """The status that the latest change up to ``instant`` has left; empty before the first."""
    return next((change.status for change in reversed(history) if change.changed_at <= instant), "")


def refuse_beyond(work: UnitOfWork, wanted: PeopleFilter) -> None:
    """Refuse a query whose answer depends on forms other than ``wanted.forms``, for a person limited to these.

    A list of those who are *not* registered for an event reveals who is.

    Raises:
        DomainError: ``not-allowed``.
    """
    if wanted.forms is None or not wanted.not_registered_for:
        return
    with work.transaction() as connection:
        named = forms_named(connection, wanted.not_registered_for)
    if not set(named) <= wanted.forms:
        raise DomainError("not-allowed", "your key does not cover all forms of that event")


def people_file(
    work: UnitOfWork,
    clock: Clock,
    who: str,
    wanted: PeopleFilter,
    columns: Sequence[str] = (),
    words: Mapping[str, str] | None = None,
) -> tuple[list[str], Iterator[list[object]]]:
    """(header, rows) of a file with all that is ``wanted``, never with a sealed answer, for ``who``.

    The audit log records the export before the first row is read. For one form its own clear answers have columns too.
    Forms, events, groups, partners and choices have their English titles there. ``columns`` chooses some, by name, as
    :func:`answer_column` gives those of questions.
    With ``words`` the header has titles in place of names: those, and the form's own questions.

    Raises:
        DomainError: ``unknown-parameter``: there is no such column.
    """
    with work.transaction() as connection:
        forms = {form.slug: form for form in all_forms(connection)}
        titles = _titles(connection, forms.values())
    own: list[Field] = []
    if wanted.form in forms and (wanted.forms is None or wanted.form in wanted.forms):
        fields = parse_definition(forms[wanted.form].definition).fields
        own = [field for field in fields if not field.sealed and field.name not in COLUMNS]
    header = [*FILE_COLUMNS, *(answer_column(field.name) for field in own)]
    chosen = frozenset(chosen_names(columns, header))
    places = [place for place, name in enumerate(header) if name in chosen]
    with work.transaction() as connection:
        add_audit_record(connection, AuditRecord(who, "file-taken", "registrations", "", _asked(wanted)), clock())
    rows = (_row(person, own, titles) for person in _all_people(work, wanted))
    labels = {answer_column(field.name): field.label.in_language("en") for field in own}
    named = {**words, **labels} if words else {}
    return [named.get(header[place], header[place]) for place in places], (
        [row[place] for place in places] for row in rows
    )


def chosen_names(chosen: Sequence[str], known: Sequence[str]) -> Sequence[str]:
    """Those of ``known`` that are chosen, the id first; all of them if none is.

    Raises:
        DomainError: ``unknown-parameter``.
    """
    for name in chosen:
        if name not in known:
            raise DomainError("unknown-parameter", f"fields: {name}: {unknown_parameter_advice(name, known)}")
    return [name for name in known if name in chosen or name == known[0]] if chosen else known


def asked_definition(work: UnitOfWork, wanted: PeopleFilter) -> FormDefinition | None:
    """The questions of the form that is asked about; None if none is, or none that may be seen."""
    if not wanted.form or (wanted.forms is not None and wanted.form not in wanted.forms):
        return None
    with work.transaction() as connection:
        form = find_form(connection, wanted.form)
    return None if form is None else parse_definition(form.definition)


@dataclass(frozen=True, slots=True)
class ListTitles:
    """English titles by id."""

    forms: Mapping[str, str]
    events: Mapping[str, str]
    groups: Mapping[str, str]
    partners: Mapping[str, str]


def _titles(connection: Connection, forms: Iterable[StoredForm]) -> ListTitles:
    return ListTitles(
        forms={form.slug: form.title for form in forms},
        events={form.event_id: form.event_title for form in forms if form.event_id and form.event_title},
        groups={slug: str(title) for slug, title in working_groups(connection)},
        partners={partner.slug: partner.name for partner in all_partners(connection)},
    )


def _asked(wanted: PeopleFilter) -> dict[str, str]:
    """What the file was limited to; never an answer or a word that was searched for: either may name a person."""
    names = (
        "form",
        "event",
        "status",
        "working_group",
        "partner",
        "country",
        "language",
        "not_registered_for",
        "details",
        "tag",
    )
    asked = {name: str(getattr(wanted, name)) for name in names if getattr(wanted, name)}
    days = {name: getattr(wanted, name).date().isoformat() for name in ("since", "until") if getattr(wanted, name)}
    if wanted.representative is not None:
        asked["representative"] = "yes" if wanted.representative else "no"
    if wanted.ids:
        asked["marked"] = str(len(wanted.ids))
    if wanted.answers:
        asked["answers"] = ", ".join(sorted({answer_filter.field for answer_filter in wanted.answers}))
    return {**asked, **days, **({"search": "yes"} if wanted.q else {})}


def _all_people(work: UnitOfWork, wanted: PeopleFilter) -> Iterator[Person]:
    chunk = find_people(work, replace(wanted, limit=CHUNK))
    yield from chunk
    while len(chunk) == CHUNK:
        chunk = find_people(work, following(replace(wanted, limit=CHUNK), chunk[-1]))
        yield from chunk


def _row(person: Person, own: Sequence[Field], titles: ListTitles) -> list[object]:
    registration = person.registration
    event, group, partner = registration.event_id or "", registration.working_group or "", registration.partner or ""
    return [
        registration.id,
        titles.forms.get(registration.form, registration.form),
        titles.events.get(event, event),
        registration.status,
        registration.position,
        person.name,
        person.email,
        person.organisation,
        titles.groups.get(group, group),
        registration.representative,
        registration.country,
        person.time_zone,
        registration.language,
        titles.partners.get(partner, partner),
        registration.verified,
        ", ".join(person.tags),
        person.details_at.isoformat() if person.details_at else None,
        registration.accepted_at.isoformat(),
        *(_cell(field, person.answers.get(field.name)) for field in own),
    ]


def _cell(field: Field, answer: object) -> object:
    return None if answer is None else field.kind.cell(field, answer)
