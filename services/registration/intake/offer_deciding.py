"""Decides what somebody answers to an offer of a seat; the first answer counts, and none after the offer has ended."""

from dataclasses import replace
from datetime import datetime

from services.registration.forms.opening import OPEN_EVENT_STATUSES, is_over
from services.registration.forms.seats import give_seat, let_pass
from services.registration.intake.facts import Facts, LiveRegistration, Plan
from services.registration.intake.items import AnswerOffer
from services.registration.intake.outcomes import ActResult, Result


def answer_offer(facts: Facts, plan: Plan, item: AnswerOffer, now: datetime) -> ActResult:
    """Give the seat that is held, or free it: its person waits on then, and is not offered one again by itself."""
    live = facts.find(item.registration)
    if live is None:
        return ActResult("", "", "", Result.GONE)
    return ActResult("", live.form, "", _answered(facts, plan, item, live, now))


def _answered(facts: Facts, plan: Plan, item: AnswerOffer, live: LiveRegistration, now: datetime) -> Result:
    if live.status == "confirmed" and item.accepted:
        return Result.SEAT_ACCEPTED
    if live.offer_expires_at is None or live.offer_expires_at <= item.received_at:
        return Result.OFFER_ENDED
    return _accept(facts, plan, live, now) if item.accepted else _decline(facts, plan, live)


def _accept(facts: Facts, plan: Plan, live: LiveRegistration, now: datetime) -> Result:
    form = facts.forms[live.form]
    opening = form.opening
    if is_over(opening, now) or (opening.needs_event and opening.event_status not in OPEN_EVENT_STATUSES):
        return Result.EVENT_OVER
    facts.forms[live.form] = replace(form, seats=give_seat(form.seats, live.who, "offered"))
    changed = _store(facts, plan, live, status="confirmed")
    plan.accepted.append(changed)
    return Result.SEAT_ACCEPTED


def _decline(facts: Facts, plan: Plan, live: LiveRegistration) -> Result:
    form = facts.forms[live.form]
    facts.forms[live.form] = replace(form, seats=let_pass(form.seats, live.who))
    changed = _store(facts, plan, live, status="waitlisted")
    plan.declined.append(changed)
    plan.freed.add(live.form)
    return Result.SEAT_DECLINED


def _store(facts: Facts, plan: Plan, live: LiveRegistration, *, status: str) -> LiveRegistration:
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
