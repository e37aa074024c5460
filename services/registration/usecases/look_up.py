"""Look up: registrations by link and for coordinators, forms for their pages. Nothing here changes anything."""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from services.registration.domain.joining import join_address
from services.registration.store.copies import online_event, working_groups
from services.registration.store.forms import Partner, StoredForm, all_forms, all_partners, find_form, find_partners
from services.registration.store.registrations import Person
from services.registration.usecases.links import own_person, person_to_verify, refuse_ended
from shared.contracts.schemas import SLUG
from shared.core.errors import DomainError, Unavailable
from shared.forms.definition import FormDefinition, parse_definition, with_options
from shared.forms.used_challenges import used_lately
from shared.store.unit_of_work import UnitOfWork

GROUP_FIELD = "working_group"


@dataclass(frozen=True, slots=True)
class FormView:
    """A form ready to be shown and filled.

    Attributes:
        definition: the questions, with the working groups that can be chosen now.
        partners: those that may show it.
        origins: every origin that may show it.
        solved_lately: challenges of it that were solved in the last minute, where it asks for a proof of work.
    """

    stored: StoredForm
    definition: FormDefinition
    partners: tuple[Partner, ...]
    origins: tuple[str, ...]
    solved_lately: int = 0

    @property
    def asks_proof(self) -> bool:
        """Whether whoever registers is asked for a proof of work."""
        return self.stored.proof_of_work == "asked"

    def partner(self, slug: str) -> Partner | None:
        """The partner called ``slug`` if it may show this form."""
        return next((partner for partner in self.partners if partner.slug == slug), None)


def view_form(work: UnitOfWork, slug: str, now: datetime) -> FormView:
    """The form called ``slug``.

    Raises:
        DomainError: ``form-unknown``.
    """
    check_slug(slug)
    with work.transaction() as connection:
        stored = find_form(connection, slug, now)
        if stored is None:
            raise DomainError("form-unknown")
        groups = working_groups(connection)
        partners = find_partners(connection, stored.partners)
        solved = used_lately(connection, slug, now) if stored.proof_of_work == "asked" else 0
    definition = parse_definition(stored.definition)
    if any(field.name == GROUP_FIELD for field in definition.fields):
        definition = with_options(definition, GROUP_FIELD, groups)
    origins = tuple(sorted({origin for partner in partners for origin in partner.origins}))
    return FormView(stored, definition, tuple(partners), origins, solved)


def every_origin(work: UnitOfWork) -> tuple[str, ...]:
    """Origins of all partners; none while the database is away."""
    try:
        with work.transaction() as connection:
            return tuple(origin for partner in all_partners(connection) for origin in partner.origins)
    except Unavailable:
        return ()


def check_slug(slug: str) -> None:
    """Refuse what can be no form, before the database sees it.

    Raises:
        DomainError: ``form-unknown``.
    """
    if not re.fullmatch(SLUG, slug):
        raise DomainError("form-unknown")


def find_partner(work: UnitOfWork, slug: str) -> Partner | None:
    """The partner called ``slug``, whatever forms it may show."""
    if not re.fullmatch(SLUG, slug):
        return None
    with work.transaction() as connection:
        return next(iter(find_partners(connection, [slug])), None)


def list_forms(work: UnitOfWork, now: datetime) -> list[StoredForm]:
    """Every form, for coordinators."""
    with work.transaction() as connection:
        return all_forms(connection, now)


def working_group_titles(work: UnitOfWork) -> dict[str, str]:
    """Title of each working group by its slug."""
    with work.transaction() as connection:
        return dict(working_groups(connection))


def show_own(work: UnitOfWork, token: str, now: datetime) -> tuple[Person, StoredForm]:
    """The registration that its person's own link opens, and its form. One that is overdue is shown as given up.

    Raises:
        DomainError: ``not-found`` if it opens nothing, or nothing any more.
    """
    with work.transaction() as connection:
        person = own_person(connection, token)
        form = refuse_ended(connection, person, find_form(connection, person.registration.form, now), now)
    if person.registration.is_overdue(now):
        person = replace(person, registration=person.registration.given_up())
    return person, form


def find_join_address(work: UnitOfWork, person: Person, form: StoredForm, now: datetime) -> str:
    """Return where a person joins the event of their form online; empty if they do not, or cannot now."""
    if form.event_id is None:
        return ""
    with work.transaction() as connection:
        event = online_event(connection, form.event_id)
    return join_address(person.registration.status, form.kind, event, now)


def show_to_verify(work: UnitOfWork, token: str, now: datetime) -> tuple[Person, StoredForm]:
    """The registration whose address the link ``token`` confirms, or has just confirmed, and its form.

    Raises:
        DomainError: ``not-found`` if it opens nothing, or nothing any more.
    """
    with work.transaction() as connection:
        person = person_to_verify(connection, token, now)
        form = find_form(connection, person.registration.form, now)
    if form is None:
        raise DomainError("not-found")
    return person, form
