"""Puts new content of a live registration into facts and plan. Pure, for everything that decides such a change."""

from dataclasses import replace

from services.registration.forms.seats import move
from services.registration.intake.contents import Content, changed_fields
from services.registration.intake.desk_model import DeskAct
from services.registration.intake.facts import ChangedRegistration, Facts, LiveRegistration, Plan
from services.registration.sealing.model import merge_sealed


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
