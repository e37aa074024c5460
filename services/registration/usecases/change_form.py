"""Change a form: its capacity, or whether it is open. A raised capacity promotes those who wait, in order."""

from dataclasses import dataclass, replace

from services.registration.store.forms import StoredForm, find_form, lock_seats, switch_form, touch_form
from services.registration.usecases.promote import promote_waiting
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class FormChange:
    """What to change; None leaves a thing as it is.

    Attributes:
        revision: the state the caller has seen.
        capacity: new number of seats.
        unlimited: take the limit away.
        open: open or close.
    """

    slug: str
    revision: int
    capacity: int | None = None
    unlimited: bool = False
    open: bool | None = None


def change_form(work: UnitOfWork, clock: Clock, change: FormChange) -> StoredForm:
    """Apply ``change``; returns the form as it is afterwards.

    Raises:
        DomainError: ``form-unknown``, or ``changed-meanwhile`` if it is not as the caller has seen it.
    """
    with work.transaction() as connection:
        lock_seats(connection, change.slug)
        now = clock()
        form = find_form(connection, change.slug, now)
        if form is None:
            raise DomainError("form-unknown")
        if form.revision != change.revision:
            raise DomainError("changed-meanwhile", "read it again and repeat your change")
        if change.capacity is not None or change.unlimited:
            seats = replace(form.seats, capacity=None if change.unlimited else change.capacity)
            promote_waiting(connection, form, seats, now, "the capacity was raised")
            touch_form(connection, form.slug)
        if change.open is not None:
            switch_form(connection, form.slug, to_open=change.open)
        changed = find_form(connection, form.slug, now)
    if changed is None:
        raise DomainError("form-unknown")
    return changed
