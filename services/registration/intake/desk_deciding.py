"""Decides what coordinators enter, correct and merge. Pure, as ``deciding``, and by the same rules.

Capacity, limits of choices, people of one address and the order of the waiting list hold for coordinators too. What
their reasoned act replaces is the owner's confirmation of the address, and the hours of the form.
"""

from collections.abc import Callable
from dataclasses import replace

from services.registration.forms.opening import OPEN_EVENT_STATUSES, Opening, is_over
from services.registration.forms.seats import give_back, next_place
from services.registration.intake.address_deciding import drop_change, move, refusal_of_address
from services.registration.intake.contents import Content, changed_fields, with_answers
from services.registration.intake.desk_model import Correct, Enter, Merge, NamedRegistration
from services.registration.intake.facts import Facts, LiveRegistration, MergedRegistration, Plan, traits_of
from services.registration.intake.outcomes import ActResult, Result
from services.registration.intake.storing import register, store_change, with_sealed_of

NewId = Callable[[], str]

_RESULTS = {"confirmed": Result.CONFIRMED, "waitlisted": Result.WAITLISTED}


def enter(facts: Facts, plan: Plan, item: Enter, new_id: NewId) -> ActResult:
    """Register somebody; the result names the registration, or the one that they have already."""
    form = facts.forms.get(item.form)
    if form is None or _is_ended(form.opening, item):
        return ActResult("", item.form, "", Result.CLOSED)
    if facts.rejects(item):
        return ActResult("", item.form, "", Result.BLOCKED)
    live = facts.of(item.form, item.address.ref)
    known = next((one for one in live if one.person == item.person), None)
    if known is not None:
        return ActResult(known.id, item.form, "", Result.NAME_TAKEN)
    if len(live) >= form.people_per_address:
        return ActResult("", item.form, "", Result.TOO_MANY)
    place = next_place(form.seats, traits_of(item.content, item.address.domain))
    if place is None:
        return ActResult("", item.form, "", Result.FULL)
    if not form.options.has_room(item.content.answers):
        return ActResult("", item.form, "", Result.OPTION_FULL)
    made = register(facts, plan, item, new_id, verified=False, place=place, act=item.act)
    return ActResult(made.id, item.form, "", _RESULTS[place.status])


def _is_ended(opening: Opening, item: Enter) -> bool:
    """Whether there is nothing left to register for; a form that is closed is open to coordinators."""
    if opening.needs_event and opening.event_status not in OPEN_EVENT_STATUSES:
        return True
    return is_over(opening, item.received_at)


def correct(facts: Facts, plan: Plan, item: Correct, new_id: NewId) -> ActResult:
    """Replace some answers, or the address. All links end with another address, and nobody has verified that one."""
    live = _seen(facts, item.target)
    if isinstance(live, Result):
        return ActResult(item.target.id, "", "", live)
    content = with_sealed_of(with_answers(live.content, item.given, item.fields), live.content)
    return ActResult(live.id, live.form, "", _change(facts, plan, live, content, item, new_id))


def merge(facts: Facts, plan: Plan, item: Merge, new_id: NewId) -> ActResult:
    """End one registration without a mail, and let the other have the chosen answers."""
    kept, other = _seen(facts, item.kept), _seen(facts, item.other)
    refused = next((one for one in (kept, other) if isinstance(one, Result)), None)
    if isinstance(kept, Result) or isinstance(other, Result):
        return ActResult(item.kept.id, "", "", refused or Result.GONE)
    if kept.id == other.id or kept.form != other.form:
        return ActResult(kept.id, kept.form, "", Result.GONE)
    if (kept.status, other.status) == ("waitlisted", "confirmed"):
        return ActResult(kept.id, kept.form, "", Result.SEAT_LOST)
    before = facts.forms[kept.form], list(facts.of(other.form, other.address))
    _end(facts, other)
    content = _merged(item, kept, other)
    result = _change(facts, plan, kept, content, item, new_id, sealed=content.sealed != kept.content.sealed)
    if result not in (Result.CHANGED, Result.KEPT):
        facts.forms[kept.form], facts.live[other.form, other.address] = before
        return ActResult(kept.id, kept.form, "", result)
    drop_change(facts, plan, other.id)
    ended = replace(other, revision=other.revision + 1, status="cancelled")
    plan.merged.append(MergedRegistration(ended, kept.id, item.act))
    if result is Result.KEPT:
        plan.links_wanted.append(kept)  # its person may have held the link of the other one alone
    plan.freed.add(other.form)
    plan.seats_changed.add(other.form)
    return ActResult(kept.id, kept.form, "", Result.MERGED)


def _end(facts: Facts, other: LiveRegistration) -> None:
    form = facts.forms[other.form]
    options = form.options.after_change(other.content.answers, None)
    seats = give_back(form.seats, other.status, other.who, other.hold)
    facts.forms[other.form] = replace(form, seats=seats, options=options)
    facts.of(other.form, other.address).remove(other)


def _merged(item: Merge, kept: LiveRegistration, other: LiveRegistration) -> Content:
    """The chosen answers with the sealed ones of both: the first of each question counts."""
    chosen = with_answers(kept.content, item.given, item.fields)
    first, second = (other, kept) if item.sealed_of_other else (kept, other)
    both = with_sealed_of(first.content, second.content)
    consent = {**other.content.consent, **kept.content.consent}
    return replace(chosen, sealed=both.sealed, sealed_for=both.sealed_for, consent=consent)


def _seen(facts: Facts, named: NamedRegistration) -> LiveRegistration | Result:
    live = facts.find(named.id)
    if live is None:
        return Result.GONE
    return live if live.revision == named.revision else Result.CHANGED_MEANWHILE


def _change(
    facts: Facts,
    plan: Plan,
    live: LiveRegistration,
    content: Content,
    item: Correct | Merge,
    new_id: NewId,
    *,
    sealed: bool = False,
) -> Result:
    """Give ``live`` the content, and the address of ``item`` if that is another one."""
    moves = item.address.ref != live.address
    email = item.given.email if moves else live.content.email
    if not facts.forms[live.form].options.has_room(content.answers, live.content.answers):
        return Result.OPTION_FULL
    named = replace(live, content=content)
    if moves and facts.rejects(item):
        return Result.BLOCKED
    if refusal := refusal_of_address(facts, named, email, item.address, moves=moves):
        return refusal
    person = facts.person_of(live.content.email, content.name, content.title)
    if sealed or changed_fields(live.content, content):
        store_change(facts, plan, live, content, person, sealed=sealed, act=item.act, moves=moves)
    elif not moves:
        return Result.KEPT
    if moves:
        _move(facts, plan, live, email, item, new_id)
    return Result.CHANGED


def _move(facts: Facts, plan: Plan, before: LiveRegistration, email: str, item: Correct | Merge, new_id: NewId) -> None:
    """Let the registration have the address of ``item``, in the same revision as its other changes: one mail."""
    live = facts.find(before.id)
    if live is None:
        raise AssertionError("a registration that was just changed is there")
    drop_change(facts, plan, live.id)
    move(facts, plan, live, email, item.address, new_id(), revision=before.revision + 1, act=item.act)
