"""Change a form while it runs: seats, hours, open or not. A raised capacity promotes those who wait, in order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.registration.domain.form_settings import (
    FormSettings,
    check_settings,
    differences,
    opening_with,
    seats_with,
)
from services.registration.domain.opening import closed_reason
from services.registration.domain.promotion import Promotion, decide_promotion
from services.registration.domain.seats import Seats, promote
from services.registration.people.messages import RegistrationMessages, form_message
from services.registration.store.form_changes import FormChangeLine, form_history, note_form_change
from services.registration.store.forms import StoredForm, find_form, lock_seats, save_settings, settings_of
from services.registration.usecases.look_up import check_slug
from services.registration.usecases.promote import promote_waiting
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork

CAUSES = {True: "the capacity was raised", False: "the capacity was lowered"}


@dataclass(frozen=True, slots=True)
class FormChange:
    """What to change.

    Attributes:
        revision: the state the caller has seen; ``wanted`` was made from it.
        by: whose key it is, for the history.
        wanted: all that coordinators set, as it shall be.
    """

    slug: str
    revision: int
    by: str
    wanted: FormSettings


@dataclass(frozen=True, slots=True)
class FormEffect:
    """What a change does to people.

    Attributes:
        form: as it is before.
        differs: names of the settings that change.
        promotion: how many of those who wait get a seat by it, and why the rest does not.
        seats: afterwards.
        reason_before, reason_after: why the form is closed; empty while it is open.
    """

    form: StoredForm
    differs: tuple[str, ...]
    promotion: Promotion
    seats: Seats
    reason_before: str
    reason_after: str


def preview_form_change(work: UnitOfWork, clock: Clock, slug: str, wanted: FormSettings) -> FormEffect:
    """What it would do if the form changed to ``wanted`` now; changes nothing.

    Raises:
        DomainError: ``form-unknown``, ``closing-before-opening``.
    """
    check_settings(wanted)
    with work.transaction() as connection:
        now = clock()
        form = find_form(connection, slug)
        if form is None:
            raise DomainError("form-unknown")
    seats = seats_with(form.seats, wanted)
    differs = tuple(differences(settings_of(form), wanted)[1])
    promotion = decide_promotion(form.opening, seats, form.notice, now) if "capacity" in differs else Promotion(0, "")
    return FormEffect(
        form=form,
        differs=differs,
        promotion=promotion,
        seats=promote(seats, promotion.count),
        reason_before=closed_reason(form.opening, now),
        reason_after=closed_reason(opening_with(form.opening, wanted), now),
    )


def change_form(work: UnitOfWork, clock: Clock, messages: RegistrationMessages, change: FormChange) -> StoredForm:
    """Apply ``change`` and write down who made it; returns the form as it is afterwards.

    Raises:
        DomainError: ``form-unknown``, ``closing-before-opening``, or ``changed-meanwhile`` if it is not as the caller
            has seen it.
    """
    check_settings(change.wanted)
    with work.transaction() as connection:
        lock_seats(connection, change.slug)
        now = clock()
        form = find_form(connection, change.slug)
        if form is None:
            raise DomainError("form-unknown")
        if form.revision != change.revision:
            raise DomainError("changed-meanwhile", "read it again and repeat your change")
        before, after = differences(settings_of(form), change.wanted)
        if not after:
            return form
        promoted = []
        if "capacity" in after:
            seats = seats_with(form.seats, change.wanted)
            promoted = promote_waiting(connection, messages, form, seats, now, _cause(before, after))
        save_settings(connection, form.slug, change.wanted)
        line = FormChangeLine(form.revision + 1, now, change.by, before, after, len(promoted))
        note_form_change(connection, form.slug, line)
        changed = find_form(connection, form.slug)
        if changed is None:
            raise DomainError("form-unknown")
        outbox.add(connection, [form_message(changed.facts, now)])
    return changed


def show_form(work: UnitOfWork, slug: str) -> tuple[StoredForm, list[FormChangeLine]]:
    """A form and its history, newest first.

    Raises:
        DomainError: ``form-unknown``.
    """
    check_slug(slug)
    with work.transaction() as connection:
        form = find_form(connection, slug)
        if form is None:
            raise DomainError("form-unknown")
        return form, list(form_history(connection, slug))


def _cause(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    old, new = before["capacity"], after["capacity"]
    return CAUSES[new is None or (old is not None and new > old)]
