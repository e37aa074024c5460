"""Messages about changes of registrations; the only module that decides which data leaves the service.

In clear: data for counts. Sealed to notifications: name, address, time zone, and fresh tokens of the registration's
links, which are stored nowhere else. The content of a proposal is sealed to events, without its person.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.registration.forms.messages import make_message
from services.registration.people.model import Registration
from services.registration.people.store import LinkTokens, Person, end_links, new_tokens, store_links
from shared.messaging import outbox
from shared.messaging.contracts.schemas import Message
from shared.runtime.clock import rfc3339
from shared.runtime.logs import correlation_id, traceparent
from shared.security.sealing import seal_to
from shared.vocabulary.form_kinds import PROPOSAL

CONFIRMED = "registration.confirmed.v1"
WAITLISTED = "registration.waitlisted.v1"
PROMOTED = "registration.promoted.v1"
CANCELLED = "registration.cancelled.v1"
OFFERED = "registration.offered.v1"
OFFER_ENDED = "registration.offer-ended.v1"
CHANGED = "registration.changed.v1"
LINK_REQUESTED = "registration.link-requested.v1"
DETAILS_REQUESTED = "registration.details-requested.v1"
CONFIRMATION_WANTED = "confirmation.wanted.v1"
ADDRESS_CHANGED = "registration.address-changed.v1"
ERASED = "person.erased.v1"
TAGGED = "registration.tagged.v1"

PROPOSAL_MESSAGES = {
    CONFIRMED: "proposal.submitted.v1",
    CHANGED: "proposal.changed.v1",
    CANCELLED: "proposal.withdrawn.v1",
}
"""What is published to events about a proposal, by the message about its registration."""

NEW = {"confirmed": CONFIRMED, "waitlisted": WAITLISTED}
"""The message about a new registration, by its status."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A change of a registration, with the data that only notifications may read.

    Attributes:
        key: the type of the message without its prefix.
        registration: the registration after the change.
        cause: the correlation id and trace context of the request; None for those of the current request.
        ends_links: all links that the registration had before end with it; those that the message carries are new.
        organisation: the name of the organisation, if any.
        answers: the clear answers that have no separate field.
        by_coordinator: a coordinator has registered the person; the mail states it.
        mailed: whether the person gets a mail about it.
        promotion_mode: the promotion mode of the form, for the mail to a person new on the waiting list; else None.
        lapsed: whether it was cancelled because its owner has used no link.
    """

    key: str
    registration: Registration
    name: str | None
    email: str
    time_zone: str | None
    cause: tuple[str, str] | None = None
    ends_links: bool = False
    organisation: str | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    by_coordinator: bool = False
    mailed: bool = True
    promotion_mode: str | None = None
    lapsed: bool = False

    @property
    def title(self) -> str:
        """The title of a proposal; empty for every other registration."""
        return str(self.answers.get("title", "")) if self.registration.form_kind == PROPOSAL else ""


@dataclass(frozen=True, slots=True)
class RegistrationMessages:
    """Adds messages to the outbox.

    Attributes:
        notifications_key: the public key of the notifications service, 32 bytes.
        events_key: the public key of the events service, 32 bytes.
    """

    notifications_key: bytes
    events_key: bytes

    def add(self, connection: Connection, facts: Iterable[Fact], at: datetime) -> None:
        """Add a message for each of ``facts``, in order, each with new links. A cancellation, or ``ends_links``,
        ends all earlier ones.

        Args:
            connection: the connection of the transaction that makes the facts true.
            facts: what happened.
            at: when they became true.
        """
        minted = [(fact, new_tokens(fact.registration.status, asked=fact.key == LINK_REQUESTED)) for fact in facts]
        live: list[tuple[str, LinkTokens]] = []
        ended: list[str] = []
        for fact, tokens in minted:
            identity = fact.registration.id
            if fact.ends_links or fact.key == CANCELLED:
                ended.append(identity)
                live = [link for link in live if link[0] != identity]
            live.append((identity, tokens))
        end_links(connection, ended)
        store_links(connection, live, at)
        outbox.add(connection, [_message(fact, tokens, self.notifications_key, at) for fact, tokens in minted])
        outbox.add(
            connection, [_proposal_message(fact, self.events_key, at) for fact, _ in minted if _is_proposal(fact)]
        )


def fact_about(key: str, person: Person, **changes: Any) -> Fact:
    """Return the fact that ``person``'s registration has ``changes``."""
    registration = replace(person.registration, **changes)
    return Fact(
        key,
        registration,
        person.name,
        person.email,
        person.time_zone,
        organisation=person.organisation,
        answers=person.answers,
    )


def confirmation_wanted(
    notifications_key: bytes, link_id: str, token: str, email: str, language: str, at: datetime, *, pending: bool
) -> Message:
    """Return the message that the owner of ``email`` should get a confirmation link.

    ``pending`` is true if something waits for their confirmation; otherwise the link leads only to their registrations.
    """
    sealed = seal_to(notifications_key, {"address": email, "token": token})
    data = {
        "link_id": link_id,
        "language": language,
        "pending": pending,
        "occurred_at": rfc3339(at),
        "sealed": base64.b64encode(sealed).decode(),
    }
    return make_message(CONFIRMATION_WANTED, link_id, at, data, ("", ""))


def address_changed(
    notifications_key: bytes, before: Person, former: str, token: str, at: datetime, undo_until: datetime | None
) -> Message:
    """Return the message to the former address of a registration; it contains only that address.

    Args:
        notifications_key: the public key of the notifications service, 32 bytes.
        before: the registration as it was.
        former: the id of the former address.
        token: the token of the undo link; empty for none.
        at: when the address changed.
        undo_until: when the undo link ends; None for none.
    """
    registration = before.registration
    personal = {"name": before.name, "address": before.email, "time_zone": before.time_zone, "token": token}
    data = {
        "former_address_id": former,
        "form_kind": registration.form_kind,
        "event": registration.event_id,
        "working_group": registration.working_group,
        "language": registration.language,
        "verified": registration.verified,
        "undo_until": None if undo_until is None else rfc3339(undo_until),
        "occurred_at": rfc3339(at),
        "sealed": base64.b64encode(seal_to(notifications_key, personal)).decode(),
    }
    return make_message(ADDRESS_CHANGED, former, at, data, (correlation_id(), traceparent()))


def address_corrected(
    notifications_key: bytes, before: Person, former: str, token: str, at: datetime, undo_until: datetime
) -> Message:
    """Return the message to an address that a coordinator has taken from a registration; see :func:`address_changed`.

    Only the owner of a verified address can undo the change: an unverified address may never have been theirs.
    """
    known = before.registration.verified
    until, link = (undo_until, token) if known else (None, "")
    return address_changed(notifications_key, before, former, link, at, until)


def address_restored(notifications_key: bytes, before: Person, former: str, at: datetime) -> Message:
    """Return the message to the address that an undo has taken from a registration; see :func:`address_changed`."""
    return address_changed(notifications_key, before, former, "", at, None)


def erased_message(registration: Registration, at: datetime, former: Sequence[str] = ()) -> Message:
    """Return that the person on ``registration`` was erased, as it counts from now on; it names no one.

    ``former`` are ids of former addresses that are erased with it.
    """
    names = ("revision", "form", "form_kind", "status")
    data = {
        "registration_id": registration.id,
        "event": registration.event_id,
        "occurred_at": rfc3339(at),
        "former_addresses": list(former),
        **{name: getattr(registration, name) for name in names},
    }
    return make_message(ERASED, registration.id, at, data, (correlation_id(), traceparent()))


def tagged_message(registration_id: str, tags: Sequence[str], revision: int, at: datetime) -> Message:
    """Return that a registration has these tags since ``at``; ``revision`` counts only changes of tags."""
    data = {"registration_id": registration_id, "revision": revision, "tags": list(tags), "occurred_at": rfc3339(at)}
    return make_message(TAGGED, registration_id, at, data, (correlation_id(), traceparent()))


def _message(fact: Fact, tokens: LinkTokens, notifications_key: bytes, at: datetime) -> Message:
    links = {"token": tokens.own, "view": tokens.view, "join": tokens.join}
    personal = {"name": fact.name, "address": fact.email, "time_zone": fact.time_zone, "title": fact.title, **links}
    box = seal_to(notifications_key, personal)
    cause = fact.cause or (correlation_id(), traceparent())
    more = {name: getattr(fact, name) for name in ("by_coordinator", "mailed", "promotion_mode", "lapsed")}
    data = _data(fact.registration, box, at) | more
    if fact.key == OFFERED and fact.registration.offer_expires_at is not None:
        data["offer_expires_at"] = rfc3339(fact.registration.offer_expires_at)
    return make_message(fact.key, fact.registration.id, at, data, cause)


def _is_proposal(fact: Fact) -> bool:
    return fact.registration.form_kind == PROPOSAL and fact.key in PROPOSAL_MESSAGES


def _proposal_message(fact: Fact, events_key: bytes, at: datetime) -> Message:
    """Return the message to events with the content of a proposal, or its withdrawal; it never names the person."""
    registration, cause = fact.registration, fact.cause or (correlation_id(), traceparent())
    data: dict[str, Any] = {
        "proposal_id": registration.id,
        "revision": registration.revision,
        "occurred_at": rfc3339(at),
    }
    if fact.key != CANCELLED:
        data |= {name: getattr(registration, name) for name in ("working_group", "language", "partner", "person_ref")}
        data["sealed"] = base64.b64encode(seal_to(events_key, _proposal(fact))).decode()
    return make_message(PROPOSAL_MESSAGES[fact.key], registration.id, at, data, cause)


def _proposal(fact: Fact) -> dict[str, Any]:
    answers = fact.answers
    return {
        "title": fact.title,
        "summary": answers.get("summary", ""),
        "organisation": fact.organisation,
        "speakers": _lines(answers.get("speakers")),
        "named_speakers": _lines(answers.get("named_speakers")),
        "attendance": answers.get("attendance"),
        "preferred_days": answers.get("preferred_days", []),
        "unavailable_days": answers.get("unavailable_days", []),
    }


def _lines(answer: Any) -> list[str]:
    """The names in an answer that has one on each line."""
    return [name for line in str(answer or "").splitlines() if (name := " ".join(line.split()))]


def _data(registration: Registration, box: bytes, at: datetime) -> dict[str, Any]:
    return {
        "registration_id": registration.id,
        "revision": registration.revision,
        "form": registration.form,
        "form_kind": registration.form_kind,
        "event": registration.event_id,
        "status": registration.status,
        "position": registration.position if registration.status == "waitlisted" else None,
        "working_group": registration.working_group,
        "representative": registration.representative,
        "organisation_id": registration.organisation_id,
        "country": registration.country,
        "mode": None,
        "language": registration.language,
        "partner": registration.partner,
        "person_ref": registration.person_ref,
        "occurred_at": rfc3339(at),
        "verified": registration.verified,
        "attend": registration.attend,
        "lapses_at": None if registration.lapses_at is None else rfc3339(registration.lapses_at),
        "sealed": base64.b64encode(box).decode(),
    }
