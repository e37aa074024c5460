"""Puts registrations and their new content into facts and plan, for every decision that does so. Pure.

``enter`` registers one person for a coordinator, from the console or from a file. The same function predicts the
outcome of an entry.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from services.registration.forms.pools import Traits
from services.registration.forms.seats import OptionLimits, SeatPlace, move, next_place, take
from services.registration.intake.desk_items import CoordinatorEntry, DeskAct, Enter
from services.registration.intake.facts import (
    BatchPlan,
    Candidate,
    ChangedRegistration,
    Facts,
    LiveRegistration,
    NewRegistration,
    traits_of,
)
from services.registration.intake.items import Submission
from services.registration.intake.model import FormContent, changed_fields, with_answers
from services.registration.sealing.model import keep_submissions, merge_sealed

NewId = Callable[[], str]
"""Returns a new UUID as text."""


def register(
    facts: Facts,
    plan: BatchPlan,
    source: Submission | Candidate | CoordinatorEntry | Enter,
    new_id: NewId,
    *,
    verified: bool,
    place: SeatPlace | None = None,
    act: DeskAct | None = None,
    spaced: bool = False,
    lapses_at: datetime | None = None,
) -> NewRegistration:
    """Register ``source`` on its form, which must have a place left.

    Args:
        facts: the facts of the batch, which the call updates.
        plan: the plan of the batch, which the call extends.
        source: the item with the answers.
        new_id: a function that makes the registration's id.
        verified: whether the owner of the address has confirmed it.
        place: the place to give; by default the next one.
        act: the act of the coordinator who registers it; None for its owner.
        spaced: whether its mail waits until the spacing of the mailbox allows one.
        lapses_at: the time at which it is cancelled unless its owner has used a link; None for never.
    """
    form = facts.forms[source.form]
    who = traits_of(source.content, source.address.domain)
    place = place or next_place(form.seats, who)
    if place is None:
        raise AssertionError("no place")
    made = NewRegistration(
        id=new_id(),
        form=source.form,
        number=source.number,
        status=place.status,
        position=place.position,
        capacity=form.seats.capacity if place.status == "confirmed" else None,
        content=source.content,
        address=source.address,
        person=source.person,
        received_at=source.received_at,
        verified=verified,
        act=act,
        spaced=spaced,
        lapses_at=lapses_at,
    )
    _add_live(facts, made, place, who)
    plan.registered.append(made)
    plan.seats_changed.add(made.form)
    if form.seats.pools:
        plan.reconsidered.add(made.form)
    return made


def _add_live(facts: Facts, made: NewRegistration, place: SeatPlace, who: Traits) -> None:
    form = facts.forms[made.form]
    options = form.options.after_change(None, made.content.answers)
    facts.forms[made.form] = replace(form, seats=take(form.seats, place, who), options=options)
    live = LiveRegistration(made.id, made.form, made.status, 1, made.person, made.address.ref, made.content)
    facts.of(made.form, made.address.ref).append(replace(live, domain=who.domain))
    facts.at_mailbox[made.form, made.address.mailbox] += 1


def store_change(
    facts: Facts,
    plan: BatchPlan,
    live: LiveRegistration,
    content: FormContent,
    person: bytes,
    *,
    sealed: bool,
    details: bool = False,
    act: DeskAct | None = None,
    moves: bool = False,
    restores_to: datetime | None = None,
) -> LiveRegistration:
    """Give a registration other content, and return it; its place stays.

    Args:
        facts: the facts of the batch, which the call updates.
        plan: the plan of the batch, which the call extends.
        live: the registration before the change.
        content: the content after the change.
        person: the keyed hash of address and name.
        sealed: whether sealed answers came with it.
        details: whether the answers are those that are asked for after the confirmation.
        act: the act of the coordinator who changes it; None for its owner.
        moves: whether its address changes in the same revision.
        restores_to: the time of the change of address that an undo takes back; None for no undo.
    """
    changed = replace(live, revision=live.revision + 1, content=content, person=person, returned=False)
    if live.status == "cancelled":
        facts.ended[live.id] = changed
    else:
        some = facts.of(live.form, live.address)
        some[some.index(live)] = changed
        _move_options(facts, plan, live.form, live.content, content)
        move_seats(facts, plan, live, changed)
    fields = (*changed_fields(live.content, content), *(("email",) if moves else ()))
    plan.changed.append(
        ChangedRegistration(
            *(live.id, live.form, live.status, changed.revision, content, person, fields, sealed, details, act),
            offered=live.hold == "offered",
            restores_to=restores_to,
        )
    )
    return changed


def _move_options(facts: Facts, plan: BatchPlan, slug: str, before: FormContent, after: FormContent) -> None:
    form = facts.forms[slug]
    options = form.options.after_change(before.answers, after.answers)
    if options is not form.options:
        facts.forms[slug] = replace(form, options=options)
        plan.seats_changed.add(slug)


def move_seats(facts: Facts, plan: BatchPlan, before: LiveRegistration, after: LiveRegistration) -> None:
    """No one's seat moves; but what is reserved for others may be free now, or this person may take it."""
    form = facts.forms[before.form]
    seats = move(form.seats, before.status, before.who, after.who, before.hold)
    if seats is not form.seats:
        facts.forms[before.form] = replace(form, seats=seats)
        plan.seats_changed.add(before.form)
        plan.reconsidered.add(before.form)


def with_sealed_of(newer: FormContent, older: FormContent) -> FormContent:
    """``newer``, with the sealed answers of ``older`` behind its own: the newest of each field counts."""
    bound_to = tuple(dict.fromkeys((*newer.sealed_for, *older.sealed_for)))
    return replace(newer, sealed=merge_sealed(newer.sealed, older.sealed), sealed_for=bound_to)


def content_before(facts: Facts, live: LiveRegistration, before: FormContent | None) -> FormContent:
    """Return the content of a registration as it was before a change of address that an undo takes back.

    A choice that others have filled since then is left out. Of the sealed answers, those that were there before stay:
    an answer that replaced one of them is deleted, and has to be entered again.

    Args:
        facts: the facts of the batch.
        live: the registration, cancelled or not.
        before: the clear answers before the change; None for an address that was lost by an undo.
    """
    if before is None:
        return live.content
    options = OptionLimits() if live.status == "cancelled" else facts.forms[live.form].options
    sealed = keep_submissions(live.content.sealed, before.sealed_for)
    return replace(
        before,
        email=live.content.email,
        answers=options.without_full(before.answers, live.content.answers),
        sealed=sealed,
        sealed_for=tuple(name for name in live.content.sealed_for if name in before.sealed_for) if sealed else (),
    )


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


def enter(
    facts: Facts, plan: BatchPlan, entry: CoordinatorEntry, new_id: NewId, act: DeskAct, *, change: bool
) -> Entered:
    """Add to ``plan`` what becomes of ``entry``, and bring ``facts`` up to date.

    Args:
        facts: the facts, read under the locks, or for a preview.
        plan: what to write.
        entry: the person to register.
        new_id: a function that makes ids of registrations.
        act: the act of the coordinator.
        change: whether answers of a person who is registered already are changed.
    """
    live = facts.of(entry.form, entry.address.ref)
    known = next((registration for registration in live if registration.person == entry.person), None)
    if known is not None:
        plan.kept.append(known.id)
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


def changed_content(known: LiveRegistration, entry: CoordinatorEntry) -> FormContent:
    """Return the content of a registration with the clear answers of ``entry``; sealed ones and consents stay."""
    changed = with_answers(known.content, entry.content, entry.fields)
    return replace(changed, sealed=known.content.sealed, sealed_for=known.content.sealed_for)


def _compare(known: LiveRegistration, entry: CoordinatorEntry) -> Entered:
    return Entered.KEPT if changed_fields(known.content, changed_content(known, entry)) else Entered.SAME


def _change(facts: Facts, plan: BatchPlan, known: LiveRegistration, entry: CoordinatorEntry, act: DeskAct) -> Entered:
    content = changed_content(known, entry)
    if not changed_fields(known.content, content):
        return Entered.SAME
    if not facts.forms[entry.form].options.has_room(content.answers, known.content.answers):
        return Entered.OPTION_FULL
    store_change(facts, plan, known, content, known.person, sealed=False, act=act)
    return Entered.CHANGED


def _waiting_place(facts: Facts, entry: CoordinatorEntry) -> SeatPlace | None:
    seats = facts.forms[entry.form].seats
    return SeatPlace("waitlisted", seats.last_position + 1) if seats.waiting_list else None
