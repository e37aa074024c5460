"""Look up forms, partners and working groups. Nothing here changes anything."""

import re
from datetime import datetime

from sqlalchemy import Connection

from services.registration.forms.copies import group_copies, working_groups
from services.registration.forms.opening import closed_reason
from services.registration.forms.partner_store import Partner, all_partners, find_partners, partners_of
from services.registration.forms.store import StoredForm, all_forms, find_first_form, find_public_form
from shared.contracts.schemas import SLUG
from shared.core.errors import DomainError, Unavailable
from shared.i18n.content import Text
from shared.store.unit_of_work import UnitOfWork


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
    """Title of each working group, in English, by its slug."""
    with work.transaction() as connection:
        return {slug: str(title) for slug, title in working_groups(connection)}


def working_group_texts(work: UnitOfWork) -> list[tuple[str, Text]]:
    """(slug, title) of each working group that forms offer."""
    with work.transaction() as connection:
        return [(one.slug, one.title) for one in group_copies(connection) if one.active]


def list_partners(work: UnitOfWork, forms: frozenset[str] | None) -> list[Partner]:
    """Every partner that shows one of ``forms``, by slug; all of them for None."""
    with work.transaction() as connection:
        return all_partners(connection) if forms is None else partners_of(connection, sorted(forms))
