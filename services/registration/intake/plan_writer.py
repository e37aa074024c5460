"""What the decider writes for a plan: rows, seats, links, outcomes and messages, in the order that their rules need.

The order of the statements is part of the rules: each says why it comes before another. Nothing is decided here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.registration.forms.store import find_form
from services.registration.intake import facts_store, mailboxes, plan_store
from services.registration.intake.facts import (
    BatchPlan,
    ChangedRegistration,
    Facts,
    LiveRegistration,
    MovedRegistration,
    NewRegistration,
)
from services.registration.intake.model import without_cause
from services.registration.intake.owner_items import UNDO_FOR
from services.registration.intake.reading import (
    DeciderKeys,
)
from services.registration.people.messages import (
    CANCELLED,
    CHANGED,
    LINK_REQUESTED,
    NEW,
    OFFER_ENDED,
    PROMOTED,
    Fact,
    RegistrationMessages,
    address_changed,
    address_corrected,
    address_restored,
    fact_about,
)
from services.registration.people.model import UNDO_ADDRESS, Registration
from services.registration.people.store import Person, asked_recently, end_lapse, find_person, store_answers
from services.registration.people.waiting_list import promote_if_possible, promote_waiting
from shared.messaging import outbox
from shared.messaging.contracts.schemas import Message
from shared.runtime.ids import link_hash, new_token


@dataclass(frozen=True, slots=True)
class PlanWriter:
    """Writes plans.

    Attributes:
        keys: the keyed references of people and organisations.
        messages: the writer of registration messages to the outbox.
    """

    keys: DeciderKeys
    messages: RegistrationMessages

    def write(self, connection: Connection, facts: Facts, plan: BatchPlan, now: datetime) -> None:
        """Write a plan in the caller's transaction, at ``now`` (aware)."""
        plan_store.write_used_challenges(connection, plan, now)
        plan_store.write_unverified(connection, plan, now)
        mailboxes.record_acts(connection, _acted(plan), now)  # first: a change may give the person another key
        plan_store.write_candidates(connection, plan)
        plan_store.write_merged(connection, plan, now)  # before changes: the other may take over name and address
        new = {registration.id for registration in plan.registered}
        store_answers(connection, _answered_rows(facts, plan), now)
        plan_store.write_changes(
            connection,
            [self._changed_row(registration) for registration in plan.changed if registration.id not in new],
            now,
        )
        plan_store.write_cancelled(connection, plan, "cancelled by link", now)  # first: they may register again
        plan_store.write_registrations(
            connection, [self._registered_row(facts, registration) for registration in plan.registered], now
        )
        plan_store.write_changes(
            connection,
            [self._changed_row(registration) for registration in plan.changed if registration.id in new],
            now,
        )
        plan_store.write_seats(connection, facts, plan.seats_changed)
        plan_store.write_address_changes(connection, plan)
        moved_away = self._move(connection, plan, now)
        mailboxes.record_verified(connection, plan.verified.values(), now)
        mailboxes.want_mails(connection, plan.mails, now)
        plan_store.write_owners(connection, plan.owners, now)
        end_lapse(connection, _kept(plan), [address.ref for address in plan.verified.values()])
        plan_store.end_confirmation_links(connection, [registration.id for registration in plan.links_renewed], now)
        mailboxes.record_mailed(connection, plan.mailed, now)
        mailboxes.want_links(connection, plan.links_spaced, now)
        for address, muted in plan.muted.values():
            mailboxes.set_muted(connection, address, muted, now)
        self._publish(connection, facts, plan, now)
        outbox.add(connection, moved_away)
        for slug in sorted(plan.freed | plan.reconsidered):
            self._promote(connection, slug, now, freed=slug in plan.freed)
        plan_store.store_outcomes(connection, plan, now)

    def _move(self, connection: Connection, plan: BatchPlan, now: datetime) -> list[Message]:
        """Store the new addresses; returns the messages to those before. An undo link of an undo is sent to no one."""
        persons = {registration.id: find_person(connection, registration.id) for registration in plan.moved}
        minted = [(registration, new_token()) for registration in plan.moved]
        links = [
            plan_store.FormerLink(
                *(registration.former, registration.id, registration.revision),
                None if registration.before is None else without_cause(registration.before),
                link_hash(token, UNDO_ADDRESS),
            )
            for registration, token in minted
        ]
        plan_store.write_moved(connection, plan, links, now)
        key = self.messages.notifications_key
        return [
            _left_message(key, person, registration, token, now)
            for registration, token in minted
            if (person := persons[registration.id]) is not None
        ]

    def _promote(self, connection: Connection, slug: str, now: datetime, *, freed: bool) -> None:
        form = find_form(connection, slug)
        if form is None or not form.seats.in_line:
            return
        if freed:
            promote_waiting(connection, self.messages, form, form.seats, now, "a seat was given back")
        else:
            promote_if_possible(connection, self.messages, form, now, "a reservation expired")

    def _registered_row(self, facts: Facts, new: NewRegistration) -> dict[str, Any]:
        event = facts.forms[new.form].event
        return plan_store.registration_row(new, event, self.keys.references.organisation(new.content.organisation))

    def _changed_row(self, changed: ChangedRegistration) -> dict[str, Any]:
        return plan_store.change_row(changed, self.keys.references.organisation(changed.content.organisation))

    def _publish(self, connection: Connection, facts: Facts, plan: BatchPlan, now: datetime) -> None:
        places = facts_store.places_in_line(connection, plan.registered)
        recent = asked_recently(connection, [registration.id for registration in plan.links_wanted], now)
        wanted = {registration.id: registration for registration in plan.links_wanted if registration.id not in recent}
        new = [
            self._new_fact(facts, registration, places.get(registration.id), now) for registration in plan.registered
        ]
        moved = {registration.id for registration in plan.moved}
        known: Sequence[tuple[str, LiveRegistration | ChangedRegistration | MovedRegistration]] = [
            *(
                (CHANGED, registration) for registration in plan.changed if registration.id not in moved
            ),  # one mail for both
            *((CHANGED, registration) for registration in plan.moved),
            *((PROMOTED, registration) for registration in plan.accepted),
            *((OFFER_ENDED, registration) for registration in plan.declined),
            *((CANCELLED, registration) for registration in plan.cancelled),
            *((LINK_REQUESTED, registration) for registration in wanted.values()),
        ]
        facts_known = [
            fact for key, registration in known if (fact := _known_fact(connection, key, registration)) is not None
        ]
        cancelled = {
            registration.id for registration in plan.cancelled
        }  # by this batch: that ends all links, and mails a new one
        left = [registration for registration in plan.links_renewed if registration.id not in cancelled]
        renewed = [_known_fact(connection, LINK_REQUESTED, registration) for registration in left]
        ending = [replace(fact, ends_links=True) for fact in renewed if fact is not None]
        merged = [_known_fact(connection, CANCELLED, merge.ended) for merge in plan.merged]
        unmailed = [replace(fact, mailed=False) for fact in merged if fact is not None]
        self.messages.add(connection, [*new, *facts_known, *ending, *unmailed], now)

    def _new_fact(self, facts: Facts, new: NewRegistration, place: int | None, now: datetime) -> Fact:
        content, form = new.content, facts.forms[new.form]
        registration = Registration(
            id=new.id,
            form=new.form,
            form_kind=form.opening.kind,
            event_id=form.event,
            status=new.status,
            position=place,
            revision=1,
            person_ref=new.address.ref.hex(),
            working_group=content.working_group,
            representative=content.representative,
            organisation_id=self.keys.references.organisation(content.organisation),
            country=content.country,
            language=content.language,
            partner=content.partner,
            accepted_at=now,
            verified=new.verified,
            attend=form.attend,
            lapses_at=new.lapses_at,
        )
        return Fact(
            NEW[new.status],
            registration,
            content.name,
            content.email,
            content.time_zone,
            content.cause if any(content.cause) else None,
            organisation=content.organisation,
            answers=content.answers,
            by_coordinator=new.act is not None,
            mailed=not new.spaced and (new.act is None or new.act.mailed),
            promotion_mode=form.seats.mode if new.status == "waitlisted" else None,
        )


def _acted(plan: BatchPlan) -> list[str]:
    """Return registrations of which the owner has used a link that was mailed to them.

    Who has only wished for new links gets them by mail, so the spacing goes on.
    """
    renewed = {registration.id for registration in plan.links_renewed}
    own: list[ChangedRegistration | LiveRegistration] = [
        *(registration for registration in plan.changed if registration.act is None),
        *plan.cancelled,
        *plan.accepted,
        *plan.declined,
    ]
    return [
        identity for identity in [*plan.owners, *(registration.id for registration in own)] if identity not in renewed
    ]


def _kept(plan: BatchPlan) -> list[str]:
    """Return registrations that do not lapse from now on: their owner or a coordinator has acted."""
    changed = [*(registration.id for registration in plan.changed), *(registration.id for registration in plan.moved)]
    return [*plan.owners, *plan.kept, *changed]


def _answered_rows(facts: Facts, plan: BatchPlan) -> list[dict[str, Any]]:
    """Rows for :func:`store_answers`."""
    reasons = ((plan.accepted, "the person accepted the offer"), (plan.declined, "the person declined the offer"))
    return [
        {
            "id": registration.id,
            "revision": registration.revision,
            "status": registration.status,
            "capacity": facts.forms[registration.form].seats.capacity if registration.status == "confirmed" else None,
            "reason": reason,
        }
        for answered, reason in reasons
        for registration in answered
    ]


def _left_message(key: bytes, before: Person, moved: MovedRegistration, token: str, now: datetime) -> Message:
    """Return the message to the former address. A person who never verified it cannot undo the change."""
    if moved.restored:
        return address_restored(key, before, moved.former, now)
    if moved.act is None:
        return address_changed(key, before, moved.former, token, now, now + UNDO_FOR)
    return address_corrected(key, before, moved.former, token, now, now + UNDO_FOR)


def _known_fact(
    connection: Connection, key: str, one: LiveRegistration | ChangedRegistration | MovedRegistration
) -> Fact | None:
    """A message about a registration that was there before, as it is now."""
    person = find_person(connection, one.id)
    if person is None:
        return None
    return fact_about(key, person, revision=one.revision, status=one.status)
