"""Decides changes of the address of a registration, and their undo. Pure, as ``deciding``.

A change needs both mailboxes: the managing link was mailed to the present address, and the new one has to confirm. The
owner of the former address can undo it for seven days. Each undo link restores the address that it was mailed to and
ends every later one: otherwise an attacker with a stolen managing link could prevent the undo by a second change.
"""

from collections.abc import Callable
from dataclasses import replace

from services.registration.intake.address_model import (
    MAX_ADDRESSES_ASKED,
    AddressChange,
    AddressRequests,
    ChangeAddress,
    MovedRegistration,
    UndoAddress,
)
from services.registration.intake.desk_model import DeskAct
from services.registration.intake.facts import MAX_CANDIDATES, Facts, LiveRegistration, MailWanted, Plan
from services.registration.intake.outcomes import Act, ActResult, Choice, Result
from services.registration.intake.storing import move_seats
from services.registration.people.model import AddressRefs


def ask_address(facts: Facts, plan: Plan, item: ChangeAddress, new_id: Callable[[], str]) -> ActResult:
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


def _keep(facts: Facts, plan: Plan, item: ChangeAddress, live: LiveRegistration, identity: str) -> None:
    """Keep the change, unless as many wait for the owner of the address as can be shown to them."""
    if sum(one.address.ref == item.address.ref for one in facts.changes.values()) >= MAX_CANDIDATES:
        return
    change = AddressChange(identity, live.id, live.form, item.email, item.address, item.code, item.received_at)
    facts.changes[change.id] = change
    plan.asked.append(change)


def _count(facts: Facts, plan: Plan, live: LiveRegistration, requests: AddressRequests) -> None:
    some = facts.of(live.form, live.address)
    some[some.index(live)] = replace(live, requests=requests)
    plan.address_requests[live.id] = requests


def drop_change(facts: Facts, plan: Plan, registration: str) -> None:
    """Delete the change that waits for a registration, if there is one."""
    change = facts.change_of(registration)
    if change is not None:
        del facts.changes[change.id]
        plan.dropped_changes.append(change.id)


def decide_address(
    facts: Facts, plan: Plan, address: AddressRefs, choice: Choice, new_id: Callable[[], str]
) -> ActResult:
    """Apply the choice of the owner of the new address; only this changes the address of the registration.

    Args:
        facts, plan: of the batch.
        address: that the confirmation link was mailed to.
        choice: about a change of address.
        new_id: makes the id of the former address.
    """
    change = facts.changes.get(choice.candidate)
    live = facts.find(change.registration) if change is not None else None
    if change is None or live is None or change.address.ref != address.ref or address.ref in facts.blocked:
        return ActResult(choice.candidate, choice.form, "", Result.ADDRESS_GONE)
    if choice.act is Act.REFUSE_ADDRESS:
        drop_change(facts, plan, live.id)
        return ActResult(change.id, change.form, change.code, Result.ADDRESS_REFUSED)
    refusal = refusal_of_address(facts, live, change.email, change.address)
    if refusal is None:
        move(facts, plan, live, change.email, change.address, new_id())
        drop_change(facts, plan, live.id)
    return ActResult(change.id, change.form, change.code, refusal or Result.ADDRESS_CHANGED)


def undo_address(facts: Facts, plan: Plan, item: UndoAddress, new_id: Callable[[], str]) -> ActResult:
    """Restore a former address, also of a registration that was cancelled meanwhile; later changes end with it."""
    former = next((one for one in facts.former if one.id == item.former), None)
    live = None if former is None else facts.find(former.registration) or facts.ended.get(former.registration)
    if former is None or live is None or former.address.ref in facts.blocked:
        return ActResult("", item.form, "", Result.GONE)
    refusal = refusal_of_address(facts, live, former.email, former.address) if live.status != "cancelled" else None
    if refusal is not None:
        return ActResult("", live.form, "", refusal)
    later = [one for one in facts.former if one.registration == live.id and one.revision >= former.revision]
    facts.former = [one for one in facts.former if one not in later]
    plan.dropped_former += [one.id for one in later]
    drop_change(facts, plan, live.id)
    move(facts, plan, live, former.email, former.address, new_id(), restored=True)
    return ActResult("", live.form, "", Result.ADDRESS_RESTORED)


def refusal_of_address(
    facts: Facts, live: LiveRegistration, email: str, address: AddressRefs, *, moves: bool = True
) -> Result | None:
    """Why a registration cannot have this address, or keep it under its name; None if it can.

    ``moves`` says whether it is another address than the one before.
    """
    there = [one for one in facts.of(live.form, address.ref) if one.id != live.id]
    person = facts.person_of(email, live.content.name, live.content.title)
    if any(one.person == person for one in there):
        return Result.REGISTERED_THERE if moves else Result.NAME_TAKEN
    form = facts.forms[live.form]
    return Result.ADDRESS_FULL if moves and len(there) >= form.people_per_address else None


def move(
    facts: Facts,
    plan: Plan,
    live: LiveRegistration,
    email: str,
    address: AddressRefs,
    former: str,
    *,
    restored: bool = False,
    revision: int | None = None,
    act: DeskAct | None = None,
) -> None:
    """Give a registration another address.

    Args:
        facts, plan: of the batch.
        live: the registration, cancelled or not.
        email, address: from now on.
        former: id under which the address until now is kept.
        restored: it is an undo.
        revision: after the change; None for the next one.
        act: of the coordinator who changes it; None for the owner of the address.
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
        MovedRegistration(
            live.id, live.form, live.status, moved.revision, email, address, person, former, restored, act
        )
    )
