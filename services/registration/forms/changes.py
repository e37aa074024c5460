"""Change a form while it runs: seats, hours, open or not; with its effect shown first, and the history of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from services.registration.forms.messages import form_message
from services.registration.forms.model import (
    SEAT_SETTINGS,
    FormSettings,
    check_settings,
    differences,
    opening_with,
    seats_with,
)
from services.registration.forms.opening import closed_reason
from services.registration.forms.seats import Promotion, Seats, decide_promotion, seats_after
from services.registration.forms.service import check_slug, find_partners, working_groups
from services.registration.forms.store import (
    StoredForm,
    count_pools,
    find_form,
    forgets_registrations,
    forms_with_ended_reservations,
    lock_seats,
    save_reservations,
    save_settings,
    settings_of,
    whole_line,
)
from shared.db.unit_of_work import UnitOfWork
from shared.messaging import outbox
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError

_NOTE = text("""
    INSERT INTO form_change (form, revision, changed_at, changed_by, before, after, promoted)
    VALUES (:form, :revision, :changed_at, :changed_by, :before, :after, :promoted)
""")
_LIST = text("""
    SELECT revision, changed_at, changed_by, before, after, promoted FROM form_change
    WHERE form = :form ORDER BY revision DESC LIMIT 50
""")


@dataclass(frozen=True, slots=True)
class FormChangeLine:
    """A line of a form's history.

    Attributes:
        revision: the revision of the form after the change.
        changed_by: the name of the key that was used.
        before: the changed settings by name before the change, instants as RFC 3339; empty in the first publication,
            which is revision 1.
        after: the changed settings by name after the change, instants as RFC 3339.
        promoted: the number of people who got a seat from the waiting list by it.
    """

    revision: int
    changed_at: datetime
    changed_by: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    promoted: int


def record_form_change(connection: Connection, form: str, line: FormChangeLine) -> None:
    """Add a line."""
    values = {
        "form": form,
        "revision": line.revision,
        "changed_at": line.changed_at,
        "changed_by": line.changed_by,
        "before": Jsonb(dict(line.before)),
        "after": Jsonb(dict(line.after)),
        "promoted": line.promoted,
    }
    connection.execute(_NOTE, values)


def form_history(connection: Connection, form: str) -> Sequence[FormChangeLine]:
    """The newest 50 changes of ``form``, newest first."""
    return [FormChangeLine(*row) for row in connection.execute(_LIST, {"form": form})]


Promote = Callable[[Connection, StoredForm, Seats, datetime, str], Sequence[object]]
"""Gives free seats to those who wait and stores the seats: see ``promote_waiting`` of people."""

CAUSES = {
    True: "the capacity was raised",
    False: "the capacity was lowered",
    "reservations": "the reservations were changed",
    "domain_percent": "the cap for one mail domain was changed",
    "promotion_mode": "the promotion mode was changed",
}


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
        form: the form before the change.
        differs: the names of the settings that change.
        promotion: how many of those who wait get a seat by it, and why the rest does not.
        seats: the seats after the change.
        reason_before: why the form is closed before the change; empty while it is open.
        reason_after: why the form is closed after the change; empty while it is open.
    """

    form: StoredForm
    differs: tuple[str, ...]
    promotion: Promotion
    seats: Seats
    reason_before: str
    reason_after: str


def preview_form_change(work: UnitOfWork, clock: Clock, slug: str, wanted: FormSettings) -> FormEffect:
    """Return the effect of a change of the form to ``wanted`` now; changes nothing.

    Raises:
        DomainError: ``form-unknown``, ``unknown-group``, ``unknown-partner``, or the errors of :func:`check_settings`.
    """
    check_settings(wanted)
    with work.transaction() as connection:
        now = clock()
        form = find_form(connection, slug)
        if form is None:
            raise DomainError("form-unknown")
        _check_reserved(connection, form, wanted)
        seats = _seats_with(connection, form, wanted)
        line = whole_line(connection, slug) if seats.pools else ()
    differs = tuple(differences(settings_of(form), wanted)[1])
    promotion = Promotion(0, "")
    if set(SEAT_SETTINGS) & set(differs):
        promotion = decide_promotion(form.opening, seats, form.notice, now, line)
    return FormEffect(
        form=form,
        differs=differs,
        promotion=promotion,
        seats=seats_after(seats, promotion),
        reason_before=closed_reason(form.opening, now),
        reason_after=closed_reason(opening_with(form.opening, wanted), now),
    )


def change_form(work: UnitOfWork, clock: Clock, promote: Promote, change: FormChange) -> StoredForm:
    """Apply ``change`` and record who made it; returns the form as it is afterwards.

    Raises:
        DomainError: ``form-unknown``, ``closing-before-opening``, ``unknown-partner``, ``forgets-registrations``, or
            ``edit-conflict`` if it is not as the caller has seen it.
    """
    check_settings(change.wanted)
    with work.transaction() as connection:
        lock_seats(connection, change.slug)
        now = clock()
        form = find_form(connection, change.slug)
        if form is None:
            raise DomainError("form-unknown")
        if form.revision != change.revision:
            raise DomainError("edit-conflict", "read it again and repeat your change")
        if change.wanted.partners != form.partners:
            _check_partners(connection, form.slug, change.wanted.partners)
        _check_reserved(connection, form, change.wanted)
        return apply_settings(connection, promote, form, change.wanted, change.by, now)


def apply_settings(
    connection: Connection, promote: Promote, form: StoredForm, wanted: FormSettings, by: str, now: datetime
) -> StoredForm:
    """Apply the settings ``wanted`` to a form whose seats are locked; returns the form as it is afterwards."""
    before, after = differences(settings_of(form), wanted)
    if not after:
        return form
    promoted: Sequence[object] = ()
    if cause := _cause(before, after):
        promoted = promote(connection, form, _seats_with(connection, form, wanted), now, cause)
    if set(after) == {"reservations"}:
        save_reservations(connection, form.slug, wanted.reservations)
    else:
        save_settings(connection, form.slug, wanted)
    line = FormChangeLine(form.revision + 1, now, by, before, after, len(promoted))
    record_form_change(connection, form.slug, line)
    changed = find_form(connection, form.slug)
    if changed is None:
        raise DomainError("form-unknown")
    outbox.add(connection, [form_message(changed.facts, now)])
    return changed


def _seats_with(connection: Connection, form: StoredForm, wanted: FormSettings) -> Seats:
    return seats_with(
        form.seats, wanted, count_pools(connection, form.slug, wanted.reservations, wanted.domain_percent)
    )


@dataclass(frozen=True, slots=True)
class FormsContext:
    """Dependencies of the coordinators' routes about forms.

    Attributes:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        promote: a function that gives free seats to people who wait.
        forget: a function that is called with the slug of a form that was changed; where the public routes run in the
            same process, they read it again at once.
    """

    work: UnitOfWork
    clock: Clock
    promote: Promote
    forget: Callable[[str], object] = len

    def change(self, change: FormChange) -> StoredForm:
        """Apply ``change``. Raises as :func:`change_form`."""
        changed = change_form(self.work, self.clock, self.promote, change)
        self.forget(change.slug)
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


def _check_partners(connection: Connection, slug: str, partners: Sequence[str]) -> None:
    known = {partner.slug for partner in find_partners(connection, partners)}
    if unknown := [partner for partner in partners if partner not in known]:
        raise DomainError("unknown-partner", f"there is no partner {', '.join(unknown)}")
    if partners and forgets_registrations(connection, slug):
        raise DomainError("forgets-registrations", "no partner can show a form that deletes its registrations")


def _check_reserved(connection: Connection, form: StoredForm, wanted: FormSettings) -> None:
    """New reservations must name groups and partners that exist; older ones may stay."""
    new = set(wanted.reservations) - set(settings_of(form).reservations)
    groups = {reservation.value for reservation in new if reservation.reserved_for == "working_group"}
    partners = {reservation.value for reservation in new if reservation.reserved_for == "partner"}
    if groups and (unknown := groups - dict(working_groups(connection)).keys()):
        raise DomainError("unknown-group", f"there is no working group {', '.join(sorted(unknown))}")
    if partners and (unknown := partners - {partner.slug for partner in find_partners(connection, sorted(partners))}):
        raise DomainError("unknown-partner", f"there is no partner {', '.join(sorted(unknown))}")


def _cause(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Why a person may get a seat by a change; empty if no one can."""
    if "capacity" not in after:
        return next((CAUSES[name] for name in SEAT_SETTINGS if name in after), "")
    old, new = before["capacity"], after["capacity"]
    return CAUSES[new is None or (old is not None and new > old)]


BY_TIME = "(by time)"
"""In the history of a form, in place of a coordinator."""


def end_reservations(work: UnitOfWork, promote: Promote, now: datetime) -> None:
    """Free the seats whose reservation has ended, with one transaction for each form; people who wait get them.

    ``tend`` calls this repeatedly.

    Args:
        work: the unit of work on the service's database.
        promote: a function that gives free seats to people who wait.
        now: the time of a checked clock.
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
    """Return the settings without expired reservations; a reservation is expired from its end instant on."""
    kept = tuple(
        reservation for reservation in settings.reservations if reservation.until is None or reservation.until > now
    )
    return replace(settings, reservations=kept)
