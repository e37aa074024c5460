"""Show one event."""

from services.events.domain.event import Event
from services.events.domain.form import Form
from services.events.store import forms
from services.events.store.events import Audience
from services.events.usecases.finding import find_event
from shared.store.unit_of_work import UnitOfWork


def show_event(work: UnitOfWork, event_id: str, audience: Audience) -> Event:
    """The event with this id; what of it ``audience`` may read is decided where it is shown.

    Raises:
        DomainError: ``not-found``, there is none, or a draft and the public asks.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return find_event(connection, event_id, audience)


def list_forms_of(work: UnitOfWork, event: Event) -> list[Form]:
    """The forms by which people register for ``event``, by id.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return forms.forms_of(connection, [event.id], [event.form] if event.form else [])
