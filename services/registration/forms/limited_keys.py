"""What a key that is limited to some forms may put into a form: only events and partners that these forms have.

Otherwise its form would register people for the event of others, or be shown on pages of any partner.
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from services.registration.forms.service import list_partners
from services.registration.forms.store import all_forms, describe_form
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import DomainError

EVENTS = ("event", "attend")
"""Keys of a form that name an event."""

NOTHING: Mapping[str, Any] = MappingProxyType({})


def own_events(work: UnitOfWork, forms: Collection[str]) -> frozenset[str]:
    """Return the events that a key for ``forms`` covers: those of the same names, and those that they register for."""
    with work.transaction() as connection:
        named = {form.event_id for form in all_forms(connection) if form.slug in forms and form.event_id}
    return frozenset({*forms, *named})


def refuse_beyond(
    work: UnitOfWork,
    slug: str,
    content: Mapping[str, Any],
    forms: frozenset[str] | None,
    kept: Mapping[str, Any] = NOTHING,
) -> None:
    """Refuse a draft that connects a form with an event or a partner that a limited key does not cover.

    Args:
        work: the unit of work on the service's database.
        slug: the slug of the form; what it has since it was published stays allowed.
        content: the content of the draft, which may be incomplete.
        forms: the forms that the key is limited to; None if it covers all.
        kept: the earlier content of the draft: what it has stays allowed too. Empty when the draft is published.

    Raises:
        DomainError: ``not-allowed``.
    """
    if forms is None:
        return
    with work.transaction() as connection:
        published = describe_form(connection, slug) or NOTHING
    own = own_events(work, forms)
    for name in EVENTS:
        event = content.get(name)
        if isinstance(event, str) and event and event not in own and event not in (published.get(name), kept.get(name)):
            raise DomainError("not-allowed", f"your key does not cover the event {event[:80]}")
    before = [*_partners_of(published), *_partners_of(kept)]
    refuse_other_partners(work, _partners_of(content), forms, before)


def refuse_other_partners(
    work: UnitOfWork, partners: Collection[str], forms: frozenset[str] | None, before: Collection[str]
) -> None:
    """Refuse partners that show none of ``forms``, to which the key is limited (None: to none), and are not ``before``.

    Raises:
        DomainError: ``not-allowed``.
    """
    if forms is None:
        return
    own = {*before, *(partner.slug for partner in list_partners(work, forms))}
    if others := [partner for partner in partners if partner not in own]:
        raise DomainError("not-allowed", f"your key does not cover the partner {others[0][:80]}")


def _partners_of(content: Mapping[str, Any]) -> Sequence[str]:
    given = content.get("partners")
    return [partner for partner in given if isinstance(partner, str)] if isinstance(given, list | tuple) else ()
