"""Show a partner what is theirs: the forms that their pages may show, and how many people came through them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.registration.forms.opening import closed_reason
from services.registration.forms.partner_store import Partner, find_partners
from services.registration.forms.service import check_slug
from services.registration.forms.store import StoredForm, all_forms
from services.registration.people.store import count_through
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.i18n.content import Text
from shared.public_forms.definition import FormDefinition, parse_definition
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class PartnerForm:
    """A form of a partner's.

    Attributes:
        definition: its questions.
        shown: whether the partner's pages may show it now; they may have before.
        closed: why it is closed; empty while it is open.
        registrations: that came through this partner, by status.
    """

    slug: str
    kind: str
    definition: FormDefinition
    shown: bool
    closed: str
    registrations: Mapping[str, int]

    @property
    def title(self) -> Text:
        """In its languages."""
        return self.definition.title


@dataclass(frozen=True, slots=True)
class PartnerView:
    """A partner and their forms, those that may be shown first."""

    partner: Partner
    forms: list[PartnerForm]


def show_partner(work: UnitOfWork, clock: Clock, slug: str, may_touch: Callable[[str], bool]) -> PartnerView:
    """A partner with the forms and numbers of theirs that the caller may see.

    Args:
        work: on the service's database.
        clock: of the project.
        slug: of the partner.
        may_touch: whether the caller's key is good for a form.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is away.
    """
    check_slug(slug)
    with work.moment() as connection:
        found = find_partners(connection, [slug])
        if not found:
            raise DomainError("not-found", "there is no such partner")
        counts, now = count_through(connection, slug), clock()
        stored = [form for form in all_forms(connection) if slug in form.partners or form.slug in counts]
    forms = [
        _form(form, slug in form.partners, closed_reason(form.opening, now), counts.get(form.slug, {}))
        for form in stored
        if may_touch(form.slug)
    ]
    return PartnerView(found[0], sorted(forms, key=lambda form: (not form.shown, bool(form.closed), form.slug)))


def _form(form: StoredForm, shown: bool, closed: str, counts: Mapping[str, int]) -> PartnerForm:
    return PartnerForm(form.slug, form.kind, parse_definition(form.definition).first_step, shown, closed, counts)
