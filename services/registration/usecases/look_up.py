"""Look up forms, for their public pages and for coordinators. Nothing here changes anything."""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.registration.domain.opening import closed_reason
from services.registration.privacy.store import find_public_key
from services.registration.store.copies import working_groups
from services.registration.store.forms import (
    Partner,
    PublicForm,
    StoredForm,
    all_forms,
    all_partners,
    find_first_form,
    find_partners,
    find_public_form,
)
from services.registration.store.queue_state import DeciderPublicKey, is_full, newest_decider_key
from shared.contracts.schemas import SLUG
from shared.core.errors import DomainError, Unavailable
from shared.forms.definition import FormDefinition, parse_definition, with_options
from shared.forms.used_challenges import used_lately
from shared.store.unit_of_work import UnitOfWork

GROUP_FIELD = "working_group"


MAX_QUEUE_BYTES = 2 * 2**30
"""Of the disk that undecided submissions may take: beyond it nothing is accepted, and the database goes on working."""


@dataclass(frozen=True, slots=True)
class FormView:
    """A form ready to be shown and filled.

    Attributes:
        definition: the questions, with the working groups that can be chosen now.
        partners: those that may show it.
        origins: every origin that may show it.
        public_key: that sealed answers are encrypted to (X25519, 32 bytes); None if it has none, or no longer.
        decider_key: to which submissions are sealed; None before a decider has published one.
        queue_is_full: nothing more can be stored.
        solved_lately: challenges of it that were solved in the last minute.
    """

    stored: PublicForm
    definition: FormDefinition
    partners: tuple[Partner, ...]
    origins: tuple[str, ...]
    public_key: bytes | None = None
    decider_key: DeciderPublicKey | None = None
    queue_is_full: bool = False
    solved_lately: int = 0

    def partner(self, slug: str) -> Partner | None:
        """The partner called ``slug`` if it may show this form."""
        return next((partner for partner in self.partners if partner.slug == slug), None)

    def refusal(self, now: datetime) -> str:
        """Return why nobody can fill the form now: it is closed, or full; empty if anybody can."""
        return closed_reason(self.stored.opening, now) or ("full" if self.stored.seats.word == "full" else "")


def view_form(work: UnitOfWork, slug: str, now: datetime) -> FormView:
    """The form called ``slug``.

    Raises:
        DomainError: ``form-unknown``.
    """
    check_slug(slug)
    with work.transaction() as connection:
        stored = find_public_form(connection, slug)
        if stored is None:
            raise DomainError("form-unknown")
        groups = working_groups(connection)
        partners = find_partners(connection, stored.partners)
        public_key = find_public_key(connection, slug)
        solved = used_lately(connection, slug, now)
        key, full = newest_decider_key(connection), is_full(connection, MAX_QUEUE_BYTES)
    definition = parse_definition(stored.definition)
    if any(field.name == GROUP_FIELD for field in definition.fields):
        definition = with_options(definition, GROUP_FIELD, groups)
    origins = tuple(sorted({origin for partner in partners for origin in partner.origins}))
    return FormView(stored, definition, tuple(partners), origins, public_key, key, full, solved)


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


def may_take_submissions(connection: Connection, slug: str, at: datetime) -> bool:
    """Return whether a form is open, or closed only until a time that comes, or until its event has a date again."""
    form = find_public_form(connection, slug)
    return form is not None and closed_reason(form.opening, at) in ("", "not-open", "postponed")


def first_form(work: UnitOfWork) -> str:
    """The slug of the first form of all; empty if there is none."""
    with work.transaction() as connection:
        return find_first_form(connection)


def find_partner(work: UnitOfWork, slug: str) -> Partner | None:
    """The partner called ``slug``, whatever forms it may show."""
    if not re.fullmatch(SLUG, slug):
        return None
    with work.transaction() as connection:
        return next(iter(find_partners(connection, [slug])), None)


def list_forms(work: UnitOfWork) -> list[StoredForm]:
    """Every form, for coordinators."""
    with work.transaction() as connection:
        return all_forms(connection)


def working_group_titles(work: UnitOfWork) -> dict[str, str]:
    """Title of each working group by its slug."""
    with work.transaction() as connection:
        return dict(working_groups(connection))


def decider_key_problem(work: UnitOfWork) -> str:
    """Return why nothing can be accepted: no decider has published a key. Empty if one has."""
    with work.single_statement() as connection:
        return "" if newest_decider_key(connection) is not None else "intake: no decider has published a key"
