"""A form as the public processes see it: ready to be shown and filled, about a second old."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.registration.forms.copies import group_copies
from services.registration.forms.opening import closed_reason
from services.registration.forms.partner_store import Partner, find_partners
from services.registration.forms.service import check_slug
from services.registration.forms.store import PublicForm, find_public_form
from services.registration.intake.store import DeciderPublicKey, is_full, newest_decider_key, used_lately
from services.registration.sealing.store import find_public_key
from shared.core.errors import DomainError
from shared.public_forms.definition import FormDefinition, parse_definition, with_full_options
from shared.public_forms.standard import GROUP_FIELD, with_working_groups
from shared.store.unit_of_work import UnitOfWork

MAX_QUEUE_BYTES = 2 * 2**30
"""Of the disk that undecided submissions may take: beyond it nothing is accepted, and the database goes on working."""


@dataclass(frozen=True, slots=True)
class FormView:
    """A form ready to be shown and filled.

    Attributes:
        whole: all questions, with all working groups.
        definition: those that are asked before the confirmation, with the working groups that can be chosen now.
        partners: those that may show it.
        origins: every origin that may show it.
        public_key: that sealed answers are encrypted to (X25519, 32 bytes); None if it has none, or no longer.
        decider_key: to which submissions are sealed; None before a decider has published one.
        queue_is_full: nothing more can be stored.
        solved_lately: challenges of it that were solved in the last minute.
        closed_groups: slugs of working groups that nobody can choose any more.
    """

    stored: PublicForm
    whole: FormDefinition
    definition: FormDefinition
    partners: tuple[Partner, ...]
    origins: tuple[str, ...]
    public_key: bytes | None = None
    decider_key: DeciderPublicKey | None = None
    queue_is_full: bool = False
    solved_lately: int = 0
    closed_groups: frozenset[str] = frozenset()

    def whole_for(self, group: str | None) -> FormDefinition:
        """All questions for somebody of the working group ``group``, which they may keep if it is closed."""
        return _without_groups(self.whole, self.closed_groups - {group or ""})

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
    with work.single_statement() as connection:
        stored = find_public_form(connection, slug)
        if stored is None:
            raise DomainError("form-unknown")
        groups = group_copies(connection)
        partners = find_partners(connection, stored.partners)
        public_key = find_public_key(connection, slug)
        solved = used_lately(connection, slug, now)
        key, full = newest_decider_key(connection), is_full(connection, MAX_QUEUE_BYTES)
    whole = with_working_groups(parse_definition(stored.definition), [(one.slug, one.title) for one in groups])
    whole = with_full_options(whole, stored.seats.full_options)
    closed = frozenset(one.slug for one in groups if not one.active)
    asked = _without_groups(whole, closed).first_step
    origins = tuple(sorted({origin for partner in partners for origin in partner.origins}))
    return FormView(stored, whole, asked, tuple(partners), origins, public_key, key, full, solved, closed)


def _without_groups(definition: FormDefinition, groups: frozenset[str]) -> FormDefinition:
    """The questions without some working groups to choose."""
    if not groups:
        return definition
    fields = tuple(
        replace(field, options=tuple(one for one in field.options if one.value not in groups))
        if field.name == GROUP_FIELD
        else field
        for field in definition.fields
    )
    return replace(definition, fields=fields)


def decider_key_problem(work: UnitOfWork) -> str:
    """Return why nothing can be accepted: no decider has published a key. Empty if one has."""
    with work.single_statement() as connection:
        return "" if newest_decider_key(connection) is not None else "intake: no decider has published a key"
