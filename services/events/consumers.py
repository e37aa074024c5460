"""Consumers: registrations become the roster, proposals are received; forms, partners and accounts become copies.

The sealed part of a proposal is opened and checked here. Of mails only those about a registration are stored.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import marshmallow as ma
from sqlalchemy import Connection

from services.events.attendance.numbers import MailContact
from services.events.attendance.service import (
    COUNTED_BY,
    NO_PERSON,
    erase_registration,
    handle_contact,
    handle_registration,
    handle_registrations,
)
from services.events.attendance.store import Registered
from services.events.event.records import count_sent, upsert_approval, upsert_form, upsert_partner
from services.events.rules import RulesBroken
from services.events.side_events.model import PROPOSAL, ReceivedText, without_impossible_days
from services.events.side_events.reading import ProposalKeys
from services.events.side_events.service import ReceivedProposal, erase_proposal, receive_proposal, withdraw_proposal
from shared.calendar.event_news import NEWS_KINDS
from shared.messaging.contracts.schemas import Message
from shared.messaging.inbox import BatchEffect, Effect
from shared.runtime.errors import Poison
from shared.security.sealing import Unsealable
from shared.security.sessions import handle_sign_in_message

_SAME_NAME = (
    "registration_id",
    "form",
    "form_kind",
    "status",
    "revision",
    "person_ref",
    "working_group",
    "representative",
    "organisation_id",
    "country",
    "mode",
    "language",
    "partner",
    "position",
    "occurred_at",
    "attend",
)

_OF_THE_ERASED = ("registration_id", "form", "form_kind", "status", "revision", "occurred_at")
ERASED = "person.erased.v1"
WITHDRAWN = "proposal.withdrawn.v1"
APPROVAL_CHANGED, PARTNER_CHANGED = "approval.changed.v1", "partner.changed.v1"


class ProposalTextSchema(ma.Schema):
    """What the sealed part of a proposal holds; the producer's own limits are narrower."""

    class Meta:
        unknown = ma.EXCLUDE

    title = ma.fields.String(required=True)
    summary = ma.fields.String(load_default="", allow_none=True)
    organisation = ma.fields.String(load_default=None, allow_none=True, validate=ma.validate.Length(max=1000))
    speakers = ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(max=1000)),
        load_default=list,
        allow_none=True,
        validate=ma.validate.Length(max=200),
    )
    named_speakers = ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(max=1000)),
        load_default=list,
        allow_none=True,
        validate=ma.validate.Length(max=200),
    )
    attendance = ma.fields.Integer(required=True, strict=True, validate=ma.validate.Range(min=1, max=1_000_000))
    preferred_days = ma.fields.List(ma.fields.Date(), load_default=list, allow_none=True)
    unavailable_days = ma.fields.List(ma.fields.Date(), load_default=list, allow_none=True)


_TEXT = ProposalTextSchema()


def effects(keys: ProposalKeys) -> Mapping[str, Effect]:
    """The effect of a message from each queue, which runs in the transaction of the inbox."""
    return {
        "events.proposals": partial(on_proposal, keys=keys),
        "events.rollup": BatchEffect(on_registration, on_registrations),
        "events.contact": on_mail,
        "events.copies": on_copy,
    }


def on_registration(connection: Connection, message: Message) -> None:
    """Store a registration unless a newer revision is known; or erase it."""
    if message.routing_key == ERASED:
        erase_registration(connection, _tombstone_of(message))
        if message.data["form_kind"] == PROPOSAL:
            erase_proposal(connection, message.data["registration_id"], message.data["occurred_at"])
        return
    handle_registration(connection, _registered(message))


def on_registrations(connection: Connection, messages: Sequence[Message]) -> None:
    """Store registrations unless newer revisions are known."""
    if any(message.routing_key == ERASED for message in messages):
        for message in messages:
            on_registration(connection, message)
        return
    handle_registrations(connection, [_registered(message) for message in messages])


def _registered(message: Message) -> Registered:
    content = message.data
    known: dict[str, Any] = {name: content.get(name) for name in _SAME_NAME}
    return Registered(event_id=content.get("event"), **known)


def _tombstone_of(message: Message) -> Registered:
    """The tombstone of an erased registration, as its message describes it."""
    content = message.data
    data: dict[str, Any] = {name: content[name] for name in _OF_THE_ERASED}
    return Registered(event_id=content["event"], **data, **NO_PERSON, **COUNTED_BY)


def on_proposal(connection: Connection, message: Message, *, keys: ProposalKeys) -> None:
    """Store a proposal unless a newer revision is known; or withdraw it.

    Raises:
        Poison: the sealed part does not open, or is no proposal.
    """
    if message.routing_key == WITHDRAWN:
        withdraw_proposal(connection, message.data["proposal_id"], message.data["occurred_at"])
        return
    try:
        receive_proposal(connection, _received(keys, message))
    except RulesBroken as error:
        raise Poison(f"no proposal: {', '.join(sorted({rule.field for rule in error.broken}))}") from None


def _received(keys: ProposalKeys, message: Message) -> ReceivedProposal:
    data = message.data
    try:
        text = _TEXT.load(keys.opened(data["sealed"]))
    except Unsealable:
        raise Poison("sealed part does not open") from None
    except ma.ValidationError as error:
        raise Poison(f"sealed part breaks the schema: {', '.join(sorted(map(str, error.messages_dict)))}") from None
    speakers: dict[str, str] = {}
    for name in map(_words, text["speakers"] or ()):
        if name:
            speakers.setdefault(keys.speaker_ref(name), name)
    named = {keys.speaker_ref(name) for name in map(_words, text["named_speakers"] or ()) if name}
    found = without_impossible_days(
        {
            "title": text["title"].strip(),
            "summary": (text["summary"] or "").strip(),
            "working_group": data["working_group"],
            "organisation": (text["organisation"] or "").strip() or None,
            "language": data["language"],
            "attendance": text["attendance"],
            "speakers": sorted(speakers),
            "named_speakers": sorted(named & set(speakers)),
            "preferred_on": _days(text["preferred_days"]),
            "unavailable_on": _days(text["unavailable_days"]),
        }
    )
    names = keys.encrypted_names(speakers, data["proposal_id"])
    content = ReceivedText(data["revision"], found, names)
    return ReceivedProposal(data["proposal_id"], content, data["person_ref"], data["partner"], data["occurred_at"])


def _words(text: str) -> str:
    return " ".join(text.split())


def _days(found: Sequence[Any] | None) -> list[str]:
    return sorted({day.isoformat() for day in found or ()})


def on_copy(connection: Connection, message: Message) -> None:
    """Store a copy of a form, a partner, an account or a request for approval unless a newer one is known; or end a
    session.
    """
    if handle_sign_in_message(connection, message):
        return
    if message.routing_key == APPROVAL_CHANGED:
        upsert_approval(connection, message.data)
    elif message.routing_key == PARTNER_CHANGED:
        upsert_partner(connection, message.data)
    else:
        upsert_form(connection, message.data)


def on_mail(connection: Connection, message: Message) -> None:
    """Store a sent mail; only those about a registration are contact with a person on a roster."""
    content = message.data
    if content["about"] != "registration":
        return
    contact = MailContact(content["mail_id"], content["subject"], content["kind"], content["occurred_at"])
    if handle_contact(connection, contact) and contact.kind in NEWS_KINDS:
        count_sent(connection, content["event"], content["revision"])
