"""Ends reservations whose time is over: what is left of them is free for everybody then.

It is a change of the form like any other, by time in place of a coordinator. Only ``tend`` does it, by a checked clock.
"""

from dataclasses import replace
from datetime import datetime

from services.registration.forms.changes import Promote, apply_settings
from services.registration.forms.model import FormSettings
from services.registration.forms.seat_store import forms_with_ended_reservations
from services.registration.forms.store import find_form, lock_seats, settings_of
from shared.store.unit_of_work import UnitOfWork

BY_TIME = "(by time)"
"""In the history of a form, in place of a coordinator."""


def end_reservations(work: UnitOfWork, promote: Promote, now: datetime) -> None:
    """Free what was reserved until now, on each form in a transaction of its own; those who wait get it.

    Args:
        work: on the service's database. The caller calls again and again.
        promote: gives seats to those who wait.
        now: of a checked clock.
    """
    with work.transaction() as connection:
        forms = forms_with_ended_reservations(connection, now)
    for slug in forms:
        with work.transaction() as connection:
            lock_seats(connection, slug)
            form = find_form(connection, slug)
            if form is None:
                continue
            wanted = without_ended(settings_of(form), now)
            apply_settings(connection, promote, form, wanted, BY_TIME, now)


def without_ended(settings: FormSettings, now: datetime) -> FormSettings:
    """The settings without reservations whose time is over; one ends at its last moment."""
    kept = tuple(one for one in settings.reservations if one.until is None or one.until > now)
    return replace(settings, reservations=kept)
