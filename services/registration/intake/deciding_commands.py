"""Decides commands: what coordinators enter, correct and merge, changes of address, and answers to offers of seats.

Pure, as ``deciding``, and by the same rules. Capacity, limits of choices, people of one address and the order of the
waiting list hold for coordinators too. Their act, which has a reason, replaces the owner's confirmation of the address
and the opening hours of the form.

A change of address needs both mailboxes: the managing link was mailed to the present address, and the new one has to
confirm. The owner of the former address can undo it for seven days. Each undo link restores the address that it was
mailed to and ends every later one: otherwise an attacker with a stolen managing link could prevent the undo by a second
change. It also restores the answers: what the other side has entered since then is not for the former owner.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from services.registration.forms.opening import OPEN_EVENT_STATUSES, Opening, is_over
from services.registration.forms.seats import give_back, give_seat, let_pass, next_place, place_rank
from services.registration.intake.desk_items import Correct, DeskAct, DeskItem, Enter, Merge, NamedRegistration
from services.registration.intake.facts import (
    MAX_CANDIDATES,
    AddressChange,
    AddressRequests,
    BatchPlan,
    Facts,
    LiveRegistration,
    MailWanted,
    MergedRegistration,
    MovedRegistration,
    traits_of,
)
from services.registration.intake.items import UndoAddress
from services.registration.intake.model import Act, ActResult, Choice, FormContent, Result, changed_fields, with_answers
from services.registration.intake.owner_items import MAX_ADDRESSES_ASKED, AnswerOffer, ChangeAddress
from services.registration.intake.storing import (
    NewId,
    content_before,
    move_seats,
    register,
    store_change,
    with_sealed_of,
)
from services.registration.people.model import AddressRefs


def ask_address(facts: Facts, plan: BatchPlan, item: ChangeAddress, new_id: Callable[[], str]) -> ActResult:
    """Store the requested change until the owner of the new address confirms it; the registration does not change yet.

    The result is the same whether the address is registered, blocked, muted or unknown.
    """
    live = facts.find(item.registration)
    if live is None:
        return ActResult("", "", "", Result.GONE)
    if live.address == item.address.ref:
        return ActResult("", live.form, "", Result.SAME_ADDRESS)
    before = facts.change_of(live.id)
    if before is None or before.address.ref != item.address.ref:
        requests = live.requests.with_one_at(item.received_at)
        if requests.count > MAX_ADDRESSES_ASKED:
            return ActResult("", live.form, "", Result.ASKED_TOO_OFTEN)
        if item.number not in facts.dropped:
            drop_change(facts, plan, live.id)
            _keep(facts, plan, item, live, new_id())
            _count(facts, plan, live, requests)
    if not facts.rejects(item):
        mail = MailWanted(item.address, item.email, live.content.language, item.network, proven=False)
        plan.mails.append(mail)
    return ActResult("", live.form, item.code, Result.ADDRESS_ASKED)


def _keep(facts: Facts, plan: BatchPlan, item: ChangeAddress, live: LiveRegistration, identity: str) -> None:
    """Keep the change, unless as many wait for the owner of the address as can be shown to them."""
    if sum(change.address.ref == item.address.ref for change in facts.changes.values()) >= MAX_CANDIDATES:
        return
    change = AddressChange(identity, live.id, live.form, item.email, item.address, item.code, item.received_at)
    facts.changes[change.id] = change
    plan.asked.append(change)


def _count(facts: Facts, plan: BatchPlan, live: LiveRegistration, requests: AddressRequests) -> None:
    some = facts.of(live.form, live.address)
    some[some.index(live)] = replace(live, requests=requests)
    plan.address_requests[live.id] = requests


def drop_change(facts: Facts, plan: BatchPlan, registration: str) -> None:
    """Delete the change that waits for a registration, if there is one."""
    change = facts.change_of(registration)
    if change is not None:
        del facts.changes[change.id]
        plan.dropped_changes.append(change.id)


def decide_address(
    facts: Facts, plan: BatchPlan, address: AddressRefs, choice: Choice, new_id: Callable[[], str]
) -> ActResult:
    """Apply the choice of the owner of the new address; only this changes the address of the registration.

    Args:
        facts: the facts of the batch, which the call updates.
        plan: the plan of the batch, which the call extends.
        address: the address to which the confirmation link was mailed.
        choice: the choice about a change of address.
        new_id: a function that makes the id of the former address.
    """
    change = facts.changes.get(choice.candidate)
    live = facts.find(change.registration) if change is not None else None
    if change is None or live is None or change.address.ref != address.ref or address.ref in facts.blocked:
        return ActResult(choice.candidate, choice.form, "", Result.ADDRESS_GONE)
    match choice.act:
        case Act.REFUSE_ADDRESS:
            drop_change(facts, plan, live.id)
            return ActResult(change.id, change.form, change.code, Result.ADDRESS_REFUSED)
        case Act.USE_ADDRESS:
            refusal = refusal_of_address(facts, live, change.email, change.address)
        case Act.CONFIRM | Act.REPLACE | Act.KEEP | Act.REFUSE:
            raise ValueError("this concerns a candidate, not a change of address")
        case _:
            assert_never(choice.act)
    if refusal is None:
        move(facts, plan, live, change.email, change.address, new_id(), before=live.content)
        drop_change(facts, plan, live.id)
    return ActResult(change.id, change.form, change.code, refusal or Result.ADDRESS_CHANGED)


def undo_address(facts: Facts, plan: BatchPlan, item: UndoAddress, new_id: Callable[[], str]) -> ActResult:
    """Restore a former address and the answers of that time, and drop later changes of address.

    It also works after the registration was cancelled.
    """
    former = next((address for address in facts.former if address.id == item.former), None)
    live = None if former is None else facts.find(former.registration) or facts.ended.get(former.registration)
    if former is None or live is None or former.address.ref in facts.blocked:
        return ActResult("", item.form, "", Result.GONE)
    content = content_before(facts, live, former.content)
    named = replace(live, content=content)
    refusal = refusal_of_address(facts, named, former.email, former.address) if live.status != "cancelled" else None
    if refusal is not None:
        return ActResult("", live.form, "", refusal)
    later = [
        address for address in facts.former if address.registration == live.id and address.revision >= former.revision
    ]
    facts.former = [address for address in facts.former if address not in later]
    plan.dropped_former += [address.id for address in later]
    drop_change(facts, plan, live.id)
    restored = live
    if content != live.content:
        person = facts.person_of(former.email, content.name, content.title)
        restored = store_change(facts, plan, live, content, person, sealed=False, restores_to=former.changed_at)
    move(facts, plan, restored, former.email, former.address, new_id(), before=None, revision=live.revision + 1)
    return ActResult("", live.form, "", Result.ADDRESS_RESTORED)


def refusal_of_address(
    facts: Facts, live: LiveRegistration, email: str, address: AddressRefs, *, moves: bool = True
) -> Result | None:
    """Return why a registration cannot have this address, or keep it under its name; None if it can.

    ``moves`` is true if the address differs from the one before.
    """
    there = [registration for registration in facts.of(live.form, address.ref) if registration.id != live.id]
    person = facts.person_of(email, live.content.name, live.content.title)
    if any(registration.person == person for registration in there):
        return Result.REGISTERED_THERE if moves else Result.NAME_TAKEN
    form = facts.forms[live.form]
    return Result.ADDRESS_FULL if moves and len(there) >= form.people_per_address else None


def move(
    facts: Facts,
    plan: BatchPlan,
    live: LiveRegistration,
    email: str,
    address: AddressRefs,
    former: str,
    *,
    before: FormContent | None,
    revision: int | None = None,
    act: DeskAct | None = None,
) -> None:
    """Give a registration another address.

    Args:
        facts: the facts of the batch, which the call updates.
        plan: the plan of the batch, which the call extends.
        live: the registration, cancelled or not.
        email: the new address.
        address: the keyed hashes of the new address.
        former: the id under which the previous address is stored.
        before: the content that an undo of this change restores; None for an undo.
        revision: the revision after the change; None for the next one.
        act: the act of the coordinator who changes it; None for the owner of the address.
    """
    person = facts.person_of(email, live.content.name, live.content.title)
    moved = replace(
        live,
        revision=live.revision + 1 if revision is None else revision,
        person=person,
        address=address.ref,
        domain=address.domain,
        content=replace(live.content, email=email),
    )
    if live.status == "cancelled":
        facts.ended[live.id] = moved
    else:
        facts.of(live.form, live.address).remove(live)
        facts.of(live.form, address.ref).append(moved)
        move_seats(facts, plan, live, moved)
    plan.moved.append(
        MovedRegistration(live.id, live.form, live.status, moved.revision, email, address, person, former, before, act)
    )


def answer_offer(facts: Facts, plan: BatchPlan, item: AnswerOffer) -> ActResult:
    """Give the seat that is held, or free it: its person waits on then, and is not offered one again by itself.

    An answer counts if it was received before the offer expired and before the event began, whenever it is decided.
    """
    live = facts.find(item.registration)
    if live is None:
        return ActResult("", "", "", Result.GONE)
    return ActResult("", live.form, "", _answered(facts, plan, item, live))


def _answered(facts: Facts, plan: BatchPlan, item: AnswerOffer, live: LiveRegistration) -> Result:
    if live.status == "confirmed" and item.accepted:
        return Result.SEAT_ACCEPTED
    if live.offer_expires_at is None or live.offer_expires_at <= item.received_at:
        return Result.OFFER_ENDED
    return _accept(facts, plan, live, item.received_at) if item.accepted else _decline(facts, plan, live)


def _accept(facts: Facts, plan: BatchPlan, live: LiveRegistration, received_at: datetime) -> Result:
    form = facts.forms[live.form]
    opening = form.opening
    if is_over(opening, received_at) or (opening.needs_event and opening.event_status not in OPEN_EVENT_STATUSES):
        return Result.EVENT_OVER
    facts.forms[live.form] = replace(form, seats=give_seat(form.seats, live.who, "offered"))
    changed = _store(facts, plan, live, status="confirmed")
    plan.accepted.append(changed)
    return Result.SEAT_ACCEPTED


def _decline(facts: Facts, plan: BatchPlan, live: LiveRegistration) -> Result:
    form = facts.forms[live.form]
    facts.forms[live.form] = replace(form, seats=let_pass(form.seats, live.who))
    changed = _store(facts, plan, live, status="waitlisted")
    plan.declined.append(changed)
    plan.freed.add(live.form)
    return Result.SEAT_DECLINED


def _store(facts: Facts, plan: BatchPlan, live: LiveRegistration, *, status: str) -> LiveRegistration:
    changed = replace(
        live,
        revision=live.revision + 1,
        status=status,
        offer_expires_at=None,
        offer_passed=status == "waitlisted",
    )
    some = facts.of(live.form, live.address)
    some[some.index(live)] = changed
    plan.owners.append(live.id)
    plan.seats_changed.add(live.form)
    return changed


def decide_desk(facts: Facts, plan: BatchPlan, item: DeskItem, new_id: NewId) -> ActResult:
    """Decide a command of a coordinator; the result names the registration that it is about."""
    match item:
        case Enter():
            return _enter(facts, plan, item, new_id)
        case Correct():
            return _correct(facts, plan, item, new_id)
        case Merge():
            return _merge(facts, plan, item, new_id)
        case _:
            assert_never(item)


def _enter(facts: Facts, plan: BatchPlan, item: Enter, new_id: NewId) -> ActResult:
    """Register a person; the result names the registration, or the one that they have already."""
    form = facts.forms.get(item.form)
    if form is None or _is_ended(form.opening, item):
        return ActResult("", item.form, "", Result.CLOSED)
    if facts.rejects(item):
        return ActResult("", item.form, "", Result.BLOCKED)
    live = facts.of(item.form, item.address.ref)
    known = next((registration for registration in live if registration.person == item.person), None)
    if known is not None:
        plan.kept.append(known.id)
        return ActResult(known.id, item.form, "", Result.NAME_TAKEN)
    if len(live) >= form.people_per_address:
        return ActResult("", item.form, "", Result.TOO_MANY)
    place = next_place(form.seats, traits_of(item.content, item.address.domain))
    if place is None:
        return ActResult("", item.form, "", Result.FULL)
    if not form.options.has_room(item.content.answers):
        return ActResult("", item.form, "", Result.OPTION_FULL)
    made = register(facts, plan, item, new_id, verified=False, place=place, act=item.act)
    return ActResult(made.id, item.form, "", Result(place.status))


def _is_ended(opening: Opening, item: Enter) -> bool:
    """Whether there is nothing left to register for; a form that is closed is open to coordinators."""
    if opening.needs_event and opening.event_status not in OPEN_EVENT_STATUSES:
        return True
    return is_over(opening, item.received_at)


def _correct(facts: Facts, plan: BatchPlan, item: Correct, new_id: NewId) -> ActResult:
    """Replace some answers, or the address. All links end with another address, and no one has verified that one."""
    live = _seen(facts, item.target)
    if isinstance(live, Result):
        return ActResult(item.target.id, "", "", live)
    content = with_sealed_of(with_answers(live.content, item.given, item.fields), live.content)
    return ActResult(live.id, live.form, "", _change(facts, plan, live, content, item, new_id))


def _merge(facts: Facts, plan: BatchPlan, item: Merge, new_id: NewId) -> ActResult:
    """End one registration without a mail, and give the other one the chosen answers."""
    kept, other = _seen(facts, item.kept), _seen(facts, item.other)
    refused = next((result for result in (kept, other) if isinstance(result, Result)), None)
    if isinstance(kept, Result) or isinstance(other, Result):
        return ActResult(item.kept.id, "", "", refused or Result.GONE)
    if kept.id == other.id or kept.form != other.form:
        return ActResult(kept.id, kept.form, "", Result.GONE)
    if place_rank(other.status, other.hold) < place_rank(kept.status, kept.hold):
        return ActResult(kept.id, kept.form, "", Result.SEAT_LOST)
    before = facts.forms[kept.form], list(facts.of(other.form, other.address))
    free_place(facts, other)
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


def free_place(facts: Facts, live: LiveRegistration) -> None:
    """Take a registration that ends out of the facts: its place and its options are free for others."""
    form = facts.forms[live.form]
    options = form.options.after_change(live.content.answers, None)
    seats = give_back(form.seats, live.status, live.who, live.hold)
    facts.forms[live.form] = replace(form, seats=seats, options=options)
    facts.of(live.form, live.address).remove(live)


def _merged(item: Merge, kept: LiveRegistration, other: LiveRegistration) -> FormContent:
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
    return live if live.revision == named.revision else Result.CHANGED_CONCURRENTLY


def _change(
    facts: Facts,
    plan: BatchPlan,
    live: LiveRegistration,
    content: FormContent,
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
        plan.kept.append(live.id)
        return Result.KEPT
    if moves:
        _move(facts, plan, live, email, item, new_id)
    return Result.CHANGED


def _move(
    facts: Facts, plan: BatchPlan, before: LiveRegistration, email: str, item: Correct | Merge, new_id: NewId
) -> None:
    """Give the registration the address of ``item``, in the same revision as its other changes: one mail."""
    live = facts.find(before.id)
    if live is None:
        raise AssertionError("a registration that was just changed is there")
    drop_change(facts, plan, live.id)
    move(
        *(facts, plan, live, email, item.address, new_id()),
        before=before.content,
        revision=before.revision + 1,
        act=item.act,
    )
