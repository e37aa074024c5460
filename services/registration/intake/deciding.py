"""Decides a batch of submissions and commands: who becomes a candidate, who gets a place, what waits for the owner.

Pure: facts in, plan out. No clock, no database, no key. The order is that of the batch, which is the order of the
submissions' numbers.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from services.registration.forms.opening import OPEN_EVENT_STATUSES, closed_reason, is_over
from services.registration.forms.pools import Traits
from services.registration.forms.seats import next_place
from services.registration.intake.deciding_commands import (
    answer_offer,
    ask_address,
    decide_address,
    decide_desk,
    drop_change,
    free_place,
    undo_address,
)
from services.registration.intake.facts import (
    CONFIRMABLE_AFTER_CLOSING,
    MAX_CANDIDATES,
    MAX_CANDIDATES_PER_NETWORK,
    UNKNOWN_NETWORK,
    BatchPlan,
    Candidate,
    Facts,
    FormState,
    LiveRegistration,
    MailWanted,
    traits_of,
)
from services.registration.intake.items import (
    Confirm,
    Item,
    Mute,
    OwnersAct,
    RequestList,
    SendLink,
    Submission,
    UndoAddress,
)
from services.registration.intake.model import (
    Act,
    ActResult,
    Choice,
    Result,
    SubmissionOutcome,
    changed_fields,
    with_answers,
)
from services.registration.intake.owner_items import (
    AnswerOffer,
    Cancel,
    ChangeAddress,
    ChangeAnswers,
    RenewLinks,
    Verify,
)
from services.registration.intake.storing import NewId, register, store_change, with_sealed_of
from services.registration.people.model import AddressRefs

IDENTIFYING = frozenset({"name", "title"})
"""Fields that distinguish registrations of one address; the title is one on proposals only."""

LEFT_WAITING = frozenset({Result.FULL, Result.OPTION_FULL, Result.TOO_MANY})
"""Results after which a candidate waits on: a place may be given back."""


def decide(facts: Facts, batch: Sequence[Item], new_id: NewId, now: datetime) -> BatchPlan:
    """Return what becomes of ``batch``. ``facts`` holds everything as it is afterwards.

    Args:
        facts: the facts about all forms, addresses, candidates and registrations of the batch.
        batch: the submissions and commands, in order of their numbers.
        new_id: a function that makes ids of candidates and registrations.
        now: the time; it decides only whether a candidate can still be confirmed, and a place given back.
    """
    plan = BatchPlan(kept=_used_by_owners(batch))
    for item in batch:
        match item:
            case Submission():
                _decide_submission(facts, plan, item, new_id, now)
            case Confirm():
                plan.results[item.number] = _decide_choices(facts, plan, item, new_id, now)
            case ChangeAnswers():
                plan.results[item.number] = [_change_own(facts, plan, item)]
            case Cancel():
                plan.results[item.number] = [_cancel(facts, plan, item, now)]
            case AnswerOffer():
                plan.results[item.number] = [answer_offer(facts, plan, item)]
            case SendLink():
                plan.results[item.number] = [_send_link(facts, plan, item)]
            case RenewLinks():
                plan.results[item.number] = [_renew_links(facts, plan, item)]
            case Verify():
                plan.results[item.number] = [_verify(facts, plan, item)]
            case ChangeAddress():
                plan.results[item.number] = [ask_address(facts, plan, item, new_id)]
            case UndoAddress():
                plan.results[item.number] = [undo_address(facts, plan, item, new_id)]
            case Mute():
                plan.results[item.number] = []
                if item.address is not None:
                    plan.muted[item.address.mailbox] = (item.address, item.muted)
            case RequestList():
                plan.results[item.number] = []
                _request_list(facts, plan, item)
            case _:
                plan.results[item.number] = [decide_desk(facts, plan, item, new_id)]
    return plan


def _used_by_owners(batch: Sequence[Item]) -> list[str]:
    return [item.registration for item in batch if isinstance(item, OwnersAct) and item.registration is not None]


def _decide_submission(facts: Facts, plan: BatchPlan, item: Submission, new_id: NewId, now: datetime) -> None:
    proven = _use_proof(facts, plan, item)
    if item.proven_by is None:
        plan.outcomes[item.number] = _decide_unverified(facts, plan, item, proven, new_id, now)
    else:
        result = _enter(facts, plan, item, new_id, now)
        plan.results[item.number] = [ActResult("", item.form, "", result)]


def _decide_unverified(
    facts: Facts, plan: BatchPlan, item: Submission, proven: bool, new_id: NewId, now: datetime
) -> SubmissionOutcome:
    form = facts.forms.get(item.form)
    at_once = form is not None and form.verification == "none" and proven
    if form is None or form.accepts(item):
        return SubmissionOutcome.CLOSED if at_once else SubmissionOutcome.CHECK_YOUR_MAIL
    if not at_once:
        _add_candidate(facts, plan, item, proven, new_id)
        return SubmissionOutcome.CHECK_YOUR_MAIL
    return _register_at_once(facts, plan, form, item, new_id, now)


def _use_proof(facts: Facts, plan: BatchPlan, item: Submission) -> bool:
    """Whether the submission has a proof of work that no one has used before; it is used up by this."""
    if item.challenge is None or item.challenge in facts.used:
        return False
    facts.used.add(item.challenge)
    plan.challenges.append((item.challenge, item.form))
    return True


def _add_candidate(facts: Facts, plan: BatchPlan, item: Submission, proven: bool, new_id: NewId) -> None:
    """Keep the submission for the owner of its address, unless that is blocked or has too many already.

    The owner is written to in any case: behind the link they can enter their answers, however full the list is.
    """
    if facts.rejects(item):
        return
    plan.mails.append(MailWanted(item.address, item.content.email, item.content.language, item.network, proven))
    pending = facts.pending(item.form, item.address.ref)
    same = any(candidate.fingerprint == item.fingerprint for candidate in pending)
    registered = any(_is_same(live, item) for live in facts.of(item.form, item.address.ref))
    if same or registered:
        return
    of_network = sum(1 for candidate in pending if candidate.network is not None and candidate.network == item.network)
    if len(pending) >= MAX_CANDIDATES or of_network >= MAX_CANDIDATES_PER_NETWORK:
        return
    candidate = Candidate(
        id=new_id(),
        number=item.number,
        form=item.form,
        received_at=item.received_at,
        code=item.code,
        fingerprint=item.fingerprint,
        network=item.network,
        proven=proven,
        content=item.content,
        address=item.address,
        person=item.person,
    )
    facts.candidates[candidate.id] = candidate
    plan.candidates.append(candidate)


def _register_at_once(
    facts: Facts, plan: BatchPlan, form: FormState, item: Submission, new_id: NewId, now: datetime
) -> SubmissionOutcome:
    """A form that confirms no addresses. Who is known or blocked gets the outcome that a newcomer would get.

    So each of them counts for the quotas. When one is used up, the owner confirms by mail as on any other form.
    """
    place = next_place(form.seats, _who(item))
    if place is None:
        return SubmissionOutcome.FULL
    if not form.options.has_room(item.content.answers):
        return SubmissionOutcome.OPTION_FULL
    if not facts.has_unverified_left(item):
        _add_candidate(facts, plan, item, True, new_id)
        return SubmissionOutcome.CHECK_YOUR_MAIL
    _count_unverified(facts, plan, item)
    known = any(registration.person == item.person for registration in facts.of(item.form, item.address.ref))
    if known or facts.at_mailbox[item.form, item.address.mailbox] >= form.people_per_address:
        _add_candidate(facts, plan, item, True, new_id)
    elif not facts.rejects(item):
        _register_unverified(facts, plan, item, new_id, now)
    return SubmissionOutcome(place.status)


def _count_unverified(facts: Facts, plan: BatchPlan, item: Submission) -> None:
    facts.unverified[item.form, item.network or UNKNOWN_NETWORK] += 1
    facts.unverified["", item.address.domain] += 1
    plan.unverified.append(item)


def _register_unverified(facts: Facts, plan: BatchPlan, item: Submission, new_id: NewId, now: datetime) -> None:
    """It lapses unless its owner uses a link.

    Its mail is spaced as any that a third party can cause; if it has to wait, it is a mail with the link.
    """
    spaced = item.address.mailbox in facts.mailed
    lapses_at = facts.lapses_at(item.form, now)
    made = register(facts, plan, item, new_id, verified=False, spaced=spaced, lapses_at=lapses_at)
    if spaced:
        live = next(
            registration for registration in facts.of(item.form, item.address.ref) if registration.id == made.id
        )
        plan.links_spaced.append((live, item.address))
    else:
        facts.mailed.add(item.address.mailbox)
        plan.mailed.append(item.address)


def _enter(facts: Facts, plan: BatchPlan, item: Submission, new_id: NewId, now: datetime) -> Result:
    """The owner of an address enters their answers behind a confirmation link: no further mail is needed."""
    form = facts.forms.get(item.form)
    if form is None or facts.rejects(item) or form.accepts(item) or _never(form, now):
        return Result.CLOSED
    plan.verified[item.address.mailbox] = item.address
    return _register_or_change(facts, plan, form, item, new_id)


def _decide_choices(facts: Facts, plan: BatchPlan, item: Confirm, new_id: NewId, now: datetime) -> list[ActResult]:
    if item.address is None:
        return [ActResult(choice.candidate, "", "", Result.GONE) for choice in item.choices]
    ref = item.address.ref
    plan.verified[item.address.mailbox] = item.address
    choices = sorted(item.choices, key=lambda choice: choice.act.is_about_address)  # changes of address come last
    results = [_decide_choice(facts, plan, item.address, choice, new_id, now) for choice in choices]
    if not facts.waits_for(ref):
        plan.mails = [mail for mail in plan.mails if mail.address.ref != ref]  # nothing waits for the owner any more
    return results


def _decide_choice(
    facts: Facts, plan: BatchPlan, address: AddressRefs, choice: Choice, new_id: NewId, now: datetime
) -> ActResult:
    if choice.act.is_about_address:
        return decide_address(facts, plan, address, choice, new_id)
    candidate = facts.candidates.get(choice.candidate)
    if candidate is None or candidate.address.ref != address.ref:
        return ActResult(choice.candidate, choice.form, "", Result.EXPIRED)
    result = _act(facts, plan, candidate, choice, new_id, now)
    if result not in LEFT_WAITING:
        del facts.candidates[candidate.id]
        plan.deleted.append(candidate.id)
    return ActResult(candidate.id, candidate.form, candidate.code, result)


def _act(facts: Facts, plan: BatchPlan, candidate: Candidate, choice: Choice, new_id: NewId, now: datetime) -> Result:
    form = facts.forms.get(candidate.form)
    is_open = form is not None and candidate.address.ref not in facts.blocked and _can_confirm(form, candidate, now)
    match choice.act:
        case Act.REFUSE:
            return Result.DELETED
        case Act.KEEP:
            return Result.KEPT
        case Act.REPLACE:
            return _replace(facts, plan, candidate, choice.registration) if is_open else Result.CLOSED
        case Act.CONFIRM:
            return _register_or_change(facts, plan, form, candidate, new_id) if form and is_open else Result.CLOSED
        case Act.USE_ADDRESS | Act.REFUSE_ADDRESS:
            raise ValueError("this concerns a change of address, not a candidate")
        case _:
            assert_never(choice.act)


def _replace(facts: Facts, plan: BatchPlan, candidate: Candidate, registration: str | None) -> Result:
    """The candidate's answers in place of those of a registration of the same address on the same form."""
    live = facts.find(registration)
    if live is None or live.form != candidate.form or live.address != candidate.address.ref:
        return Result.GONE
    same_person = next(
        (registration for registration in facts.of(live.form, live.address) if registration.person == candidate.person),
        live,
    )
    return _change(facts, plan, same_person, candidate)


def _register_or_change(
    facts: Facts, plan: BatchPlan, form: FormState, source: Submission | Candidate, new_id: NewId
) -> Result:
    """Register the person of ``source``, whose address is verified; change the registration that they have."""
    live = facts.of(source.form, source.address.ref)
    known = next((registration for registration in live if registration.person == source.person), None)
    if known is not None:
        return _change(facts, plan, known, source)
    if len(live) >= form.people_per_address:
        return Result.TOO_MANY
    if next_place(form.seats, _who(source)) is None:
        return Result.FULL
    if not form.options.has_room(source.content.answers):
        return Result.OPTION_FULL
    return Result(register(facts, plan, source, new_id, verified=True).status)


def _can_confirm(form: FormState, candidate: Candidate, now: datetime) -> bool:
    """Open, or closed for a short while only: what came in time can be confirmed for a day from its first mail."""
    if _never(form, now):
        return False
    if not closed_reason(form.opening, now):
        return True
    return candidate.mailed_at is None or now <= candidate.mailed_at + CONFIRMABLE_AFTER_CLOSING


def _never(form: FormState, now: datetime) -> bool:
    """Whether no one can get a seat any longer, however early they sent their answers."""
    opening = form.opening
    if opening.needs_event and opening.event_status not in OPEN_EVENT_STATUSES:
        return True
    closes_at = opening.guest_list_closes_at
    return is_over(opening, now) or (closes_at is not None and closes_at <= now)


def _who(source: Submission | Candidate) -> Traits:
    return traits_of(source.content, source.address.domain)


def _change(facts: Facts, plan: BatchPlan, live: LiveRegistration, source: Submission | Candidate) -> Result:
    """Give a live registration the content of ``source``, if its choices have room; its place stays."""
    if not facts.forms[live.form].options.has_room(source.content.answers, live.content.answers):
        return Result.OPTION_FULL
    content = with_sealed_of(source.content, live.content)
    store_change(facts, plan, live, content, source.person, sealed=source.content.sealed is not None)
    return Result.CHANGED


def _change_own(facts: Facts, plan: BatchPlan, item: ChangeAnswers) -> ActResult:
    """A person changes their own answers: what they were asked, and nothing else."""
    live = facts.find(item.registration)
    if live is None:
        return ActResult("", "", "", Result.GONE)
    return ActResult("", live.form, "", _changed_own(facts, plan, item, live))


def _changed_own(facts: Facts, plan: BatchPlan, item: ChangeAnswers, live: LiveRegistration) -> Result:
    opening = facts.forms[live.form].opening
    until = opening.details_until if item.details else opening.changes_until
    if until is not None and item.received_at >= until and not live.returned:
        return Result.CLOSED
    if item.revision != live.revision:
        return Result.CHANGED_CONCURRENTLY
    person = item.person if item.fields & IDENTIFYING else live.person
    if any(
        registration.person == person and registration.id != live.id
        for registration in facts.of(live.form, live.address)
    ):
        return Result.NAME_TAKEN
    content = with_sealed_of(with_answers(live.content, item.given, item.fields), live.content)
    if not facts.forms[live.form].options.has_room(content.answers, live.content.answers):
        return Result.OPTION_FULL
    sealed = item.given.sealed is not None
    if not sealed and not item.details and not changed_fields(live.content, content):
        return Result.KEPT
    store_change(facts, plan, live, content, person, sealed=sealed, details=item.details)
    return Result.CHANGED


def _cancel(facts: Facts, plan: BatchPlan, item: Cancel, now: datetime) -> ActResult:
    live = facts.find(item.registration)
    if live is None:
        return ActResult("", "", "", Result.GONE)
    if item.revision is not None and item.revision != live.revision:
        return ActResult("", live.form, "", Result.CHANGED_CONCURRENTLY)
    if is_over(facts.forms[live.form].opening, now):
        return ActResult("", live.form, "", Result.EVENT_OVER)
    free_place(facts, live)
    drop_change(facts, plan, live.id)
    plan.cancelled.append(replace(live, revision=live.revision + 1, status="cancelled"))
    plan.freed.add(live.form)
    plan.seats_changed.add(live.form)
    return ActResult("", live.form, "", Result.CANCELLED)


def _send_link(facts: Facts, plan: BatchPlan, item: SendLink) -> ActResult:
    live = facts.find(item.registration)
    if live is None or item.address is None or live.address != item.address.ref:
        return ActResult("", "", "", Result.GONE)
    if item.spaced:
        plan.links_spaced.append((live, item.address))
    else:
        plan.links_wanted.append(live)
    return ActResult("", live.form, "", Result.MAILED)


def _request_list(facts: Facts, plan: BatchPlan, item: RequestList) -> None:
    """Queue the mail with the link, under the same quotas and spacing as any mail that a third party can cause.

    It is sent to the address as registered, not as typed now.
    """
    live = facts.anywhere(item.address.ref)
    pending = facts.waits_for(item.address.ref)
    if facts.rejects(item) or not (live or pending):
        return
    email = live[0].content.email if live else item.email
    plan.mails.append(MailWanted(item.address, email, item.language, item.network, proven=False))


def _renew_links(facts: Facts, plan: BatchPlan, item: RenewLinks) -> ActResult:
    live = facts.find(item.registration)
    if live is None:
        return ActResult("", "", "", Result.GONE)
    plan.owners.append(live.id)
    plan.links_renewed.append(live)
    return ActResult("", live.form, "", Result.RENEWED)


def _verify(facts: Facts, plan: BatchPlan, item: Verify) -> ActResult:
    live = facts.find(item.registration)
    if live is None:
        return ActResult("", "", "", Result.GONE)
    plan.owners.append(live.id)
    return ActResult("", live.form, "", Result.VERIFIED)


def _is_same(live: LiveRegistration, item: Submission) -> bool:
    """Whether a submission has the same content as a registration of the same person; false with sealed answers."""
    if live.person != item.person or item.content.sealed is not None:
        return False
    new = item.content  # cause and consent differ between two submissions of the same answers
    held = replace(live.content, cause=new.cause, sealed=None, sealed_for=new.sealed_for, consent=new.consent)
    return held == new
