"""Puts new content of a live registration into facts and plan. Pure, for everything that decides such a change."""

from collections.abc import Callable
from dataclasses import replace

from services.registration.forms.pools import Traits
from services.registration.forms.seats import Place, move, next_place, take
from services.registration.intake.contents import Content, changed_fields
from services.registration.intake.desk_model import DeskAct, Enter
from services.registration.intake.facts import (
    Candidate,
    Facts,
    LiveRegistration,
    Plan,
    traits_of,
)
from services.registration.intake.items import CoordinatorEntry, Submission
from services.registration.intake.planned import ChangedRegistration, NewRegistration
from services.registration.sealing.model import merge_sealed

NewId = Callable[[], str]
"""Returns a new UUID as text."""


def register(
    facts: Facts,
    plan: Plan,
    source: Submission | Candidate | CoordinatorEntry | Enter,
    new_id: NewId,
    *,
    verified: bool,
    place: Place | None = None,
    act: DeskAct | None = None,
) -> NewRegistration:
    """Give ``source`` a place of its form; there must be one.

    Args:
        facts, plan: of the batch.
        source: with the answers.
        new_id: makes the registration's id.
        verified: the owner of the address has confirmed it.
        place: by default the next one.
        act: of the coordinator who registers it; None for its owner.
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
    )
    options = form.options.after_change(None, source.content.answers)
    facts.forms[source.form] = replace(form, seats=take(form.seats, place, who), options=options)
    _add_live(facts, made, who)
    plan.registered.append(made)
    plan.seats_changed.add(made.form)
    if form.seats.pools:
        plan.reconsidered.add(made.form)
    return made


def _add_live(facts: Facts, made: NewRegistration, who: Traits) -> None:
    live = LiveRegistration(made.id, made.form, made.status, 1, made.person, made.address.ref, made.content)
    facts.of(made.form, made.address.ref).append(replace(live, domain=who.domain))
    facts.at_mailbox[made.form, made.address.mailbox] += 1


def store_change(
    facts: Facts,
    plan: Plan,
    live: LiveRegistration,
    content: Content,
    person: bytes,
    *,
    sealed: bool,
    details: bool = False,
    act: DeskAct | None = None,
    moves: bool = False,
) -> None:
    """Give a live registration other content; its place stays.

    Args:
        facts, plan: of the batch.
        live: as it was.
        content: as it is from now on.
        person: what stands for address and name.
        sealed: sealed answers came with it.
        details: it is what is asked after the confirmation.
        act: of the coordinator who changes it; None for its owner.
        moves: its address changes in the same revision.
    """
    changed = replace(live, revision=live.revision + 1, content=content, person=person, returned=False)
    some = facts.of(live.form, live.address)
    some[some.index(live)] = changed
    _move_options(facts, plan, live.form, live.content, content)
    move_seats(facts, plan, live, changed)
    fields = (*changed_fields(live.content, content), *(("email",) if moves else ()))
    plan.changed.append(
        ChangedRegistration(
            *(live.id, live.form, live.status, changed.revision, content, person, fields, sealed, details, act),
            offered=live.hold == "offered",
        )
    )


def _move_options(facts: Facts, plan: Plan, slug: str, before: Content, after: Content) -> None:
    form = facts.forms[slug]
    options = form.options.after_change(before.answers, after.answers)
    if options is not form.options:
        facts.forms[slug] = replace(form, options=options)
        plan.seats_changed.add(slug)


def move_seats(facts: Facts, plan: Plan, before: LiveRegistration, after: LiveRegistration) -> None:
    """Nobody's seat moves; but what is reserved for others may be free now, or this person may take it."""
    form = facts.forms[before.form]
    seats = move(form.seats, before.status, before.who, after.who, before.hold)
    if seats is not form.seats:
        facts.forms[before.form] = replace(form, seats=seats)
        plan.seats_changed.add(before.form)
        plan.reconsidered.add(before.form)


def with_sealed_of(newer: Content, older: Content) -> Content:
    """``newer``, with the sealed answers of ``older`` behind its own: the newest of each field counts."""
    bound_to = tuple(dict.fromkeys((*newer.sealed_for, *older.sealed_for)))
    return replace(newer, sealed=merge_sealed(newer.sealed, older.sealed), sealed_for=bound_to)
