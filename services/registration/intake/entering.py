"""A coordinator registers somebody, by hand or from a file, under the rules of seats, choices and uniqueness.

Pure, as :mod:`services.registration.intake.deciding`: the same function says beforehand what would become of an entry.
"""

from dataclasses import replace
from enum import StrEnum

from services.registration.forms.seats import Place, next_place
from services.registration.intake.contents import Content, changed_fields, with_answers
from services.registration.intake.desk_model import DeskAct
from services.registration.intake.facts import Facts, LiveRegistration, Plan, traits_of
from services.registration.intake.items import CoordinatorEntry
from services.registration.intake.storing import NewId, register, store_change


class Entered(StrEnum):
    """What became of an entry."""

    CONFIRMED = "confirmed"
    WAITLISTED = "waitlisted"
    SAME = "same"
    CHANGED = "changed"
    KEPT = "kept"
    FULL = "full"
    OPTION_FULL = "option-full"
    TOO_MANY = "too-many"
    BLOCKED = "blocked"


def enter(facts: Facts, plan: Plan, entry: CoordinatorEntry, new_id: NewId, act: DeskAct, *, change: bool) -> Entered:
    """Add to ``plan`` what becomes of ``entry``; ``facts`` holds everything as it is afterwards.

    Args:
        facts: read under the locks, or for a preview.
        plan: what to write.
        entry: whom to register.
        new_id: makes ids of registrations.
        act: of the coordinator.
        change: whether answers of somebody who is registered already are changed.
    """
    live = facts.of(entry.form, entry.address.ref)
    known = next((one for one in live if one.person == entry.person), None)
    if known is not None:
        return _change(facts, plan, known, entry, act) if change else _compare(known, entry)
    form = facts.forms[entry.form]
    if entry.address.ref in facts.blocked:
        return Entered.BLOCKED
    if len(live) >= form.people_per_address:
        return Entered.TOO_MANY
    who = traits_of(entry.content, entry.address.domain)
    place = _waiting_place(facts, entry) if entry.waits else next_place(form.seats, who)
    if place is None:
        return Entered.FULL
    if not form.options.has_room(entry.content.answers):
        return Entered.OPTION_FULL
    register(facts, plan, entry, new_id, verified=False, place=place, act=act)
    return Entered(place.status)


def changed_content(known: LiveRegistration, entry: CoordinatorEntry) -> Content:
    """Return the content of a registration with the clear answers of ``entry``; sealed ones and consents stay."""
    changed = with_answers(known.content, entry.content, entry.fields)
    return replace(changed, sealed=known.content.sealed, sealed_for=known.content.sealed_for)


def _compare(known: LiveRegistration, entry: CoordinatorEntry) -> Entered:
    return Entered.KEPT if changed_fields(known.content, changed_content(known, entry)) else Entered.SAME


def _change(facts: Facts, plan: Plan, known: LiveRegistration, entry: CoordinatorEntry, act: DeskAct) -> Entered:
    content = changed_content(known, entry)
    if not changed_fields(known.content, content):
        return Entered.SAME
    if not facts.forms[entry.form].options.has_room(content.answers, known.content.answers):
        return Entered.OPTION_FULL
    store_change(facts, plan, known, content, known.person, sealed=False, act=act)
    return Entered.CHANGED


def _waiting_place(facts: Facts, entry: CoordinatorEntry) -> Place | None:
    seats = facts.forms[entry.form].seats
    return Place("waitlisted", seats.last_position + 1) if seats.waiting_list else None
