"""What an import may be: its mapping against file and form, its confirmation against the form as it is."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.registration.forms.opening import OPEN_EVENT_STATUSES, is_over
from services.registration.forms.store import StoredForm
from services.registration.importing.exports import targets_of
from services.registration.importing.model import ColumnMapping, Fate, ImportChoice, PeopleImport
from services.registration.importing.table_reading import DELIMITERS, ENCODINGS
from services.registration.importing.values import has_choices
from shared.core.errors import DomainError
from shared.i18n.languages import LANGUAGES
from shared.public_forms.definition import FormDefinition
from shared.public_forms.fields import ADDRESS_FIELD
from shared.web.access import Holder

SEATS = ("as-possible", "waiting-list")
DATE_ORDERS = ("", "dmy", "mdy")
NOT_YOURS = "the contents of a file are shown only to the person who uploaded it and to readers of sealed answers"


def may_see_file(people: PeopleImport, who: Holder) -> bool:
    """Whether ``who`` may see the cells of a file and say what its columns are: sealed answers stand there in clear."""
    return who.name == people.created_by or "sealed-reader" in who.roles


def refuse_others(people: PeopleImport, who: Holder) -> None:
    """Refuse what shows the cells of somebody else's file, or would move them into a question that is not sealed.

    Raises:
        DomainError: ``not-allowed``.
    """
    if not may_see_file(people, who):
        raise DomainError("not-allowed", NOT_YOURS)


def check_how(how: Mapping[str, str]) -> None:
    """Refuse an encoding or a delimiter that is not known.

    Raises:
        DomainError: ``bad-mapping``.
    """
    if how.get("encoding", "") not in ("", *ENCODINGS) or how.get("delimiter", "") not in ("", *DELIMITERS):
        raise DomainError("bad-mapping", "this encoding or delimiter is not known")


def check_mapping(mapping: ColumnMapping, headings: Sequence[str], definition: FormDefinition) -> None:
    """Refuse a mapping that fits neither the file nor the form.

    Raises:
        DomainError: ``bad-mapping``.
    """
    allowed = targets_of(definition)
    for heading, target in mapping.columns.items():
        if heading not in headings:
            raise DomainError("bad-mapping", f"the file has no column “{heading}”")
        if target not in allowed:
            raise DomainError("bad-mapping", f"the form has no question “{target}”")
        if target != "name" and len(mapping.headings_of(target)) > 1:
            raise DomainError(
                "bad-mapping", f"two columns are mapped to “{target}”: only a name can come from several columns"
            )
    if not mapping.headings_of(ADDRESS_FIELD):
        raise DomainError("bad-mapping", "choose the column with the e-mail address")
    if mapping.date_order not in DATE_ORDERS or mapping.language not in LANGUAGES:
        raise DomainError("bad-mapping", "unknown order of dates, or language")
    if not all(is_storable(text) for table in mapping.values.values() for text in table):
        raise DomainError("bad-mapping", "a text contains characters that a file cannot contain")
    for name, table in mapping.values.items():
        field_ = next((one for one in definition.fields if one.name == name), None)
        if field_ is None or not has_choices(field_):
            raise DomainError("bad-mapping", f"“{name}” is not a question with choices")
        known = {value for value, _ in field_.kind.choices(field_, "en")}
        if set(table.values()) - known:
            raise DomainError("bad-mapping", f"“{name}” has no such choice")


def is_storable(text: str) -> bool:
    """Whether a database holds ``text``: it has no NUL, and no half of a character."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def seen_form(form: StoredForm, now: datetime) -> str:
    """Return what a dry run depends on: the form's revision, and whether its event takes place."""
    return f"{form.revision}/{form.event_status or ''}/{'over' if is_over(form.opening, now) else ''}"


def check_choice(choice: ImportChoice, people: PeopleImport, form: StoredForm, now: datetime) -> None:
    """Refuse a confirmation that cannot be.

    Raises:
        DomainError: ``bad-choice``, ``nothing-to-import``, ``event-over``, ``not-taking-place``.
    """
    if choice.seats not in SEATS or not choice.reason.strip() or not is_storable(choice.reason):
        raise DomainError("bad-choice", "state how these people agreed, and why they are imported")
    if choice.seats == "waiting-list" and not form.waiting_list:
        raise DomainError("bad-choice", "the form has no waiting list")
    if not any(people.expected.get(fate) for fate in (Fate.CONFIRMED, Fate.WAITLISTED, Fate.CHANGED)):
        raise DomainError("nothing-to-import", "no row would be imported")
    if is_over(form.opening, now):
        raise DomainError("event-over", "the event has begun")
    if form.opening.needs_event and form.opening.event_status not in OPEN_EVENT_STATUSES:
        raise DomainError("not-taking-place", "at present the event does not take place")
