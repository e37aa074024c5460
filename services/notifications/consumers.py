"""Consumers: events, working groups, forms and resources become copies; all other messages cause mails.

Registrations and decisions on proposals cause mails until the person is erased, a confirmation link and a former
address once. Personal data arrives in the sealed part of a message.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from services.notifications.mails.kinds import (
    ADDRESS_CHANGED,
    ADDRESS_RESTORED,
    DECISION_KINDS,
    INVITATION,
    KIND_OF_MESSAGE,
    KINDS,
    LEFT,
    MAILED_ONCE,
    RECEIVED,
    REGISTRATIONS,
    SCHEDULED,
    WANTED,
)
from services.notifications.recipients.model import Recipient, reference_of_subject
from services.notifications.recipients.service import erase_subject
from services.notifications.recipients.store import RecipientTombstone, lock_states, upsert_tags
from services.notifications.rules.registrations import (
    DecisionCause,
    MailCause,
    NotificationsContext,
    handle_decision,
    handle_registrations,
    mail_once,
    queue_webhooks,
)
from services.notifications.rules.service import (
    handle_event,
    handle_resource,
    upsert_form,
    upsert_partner,
    upsert_working_group,
)
from shared.messaging.contracts.schemas import Message
from shared.messaging.inbox import BatchEffect, Effect
from shared.runtime.clock import rfc3339
from shared.runtime.errors import Poison
from shared.security.sealing import Unsealable, open_sealed
from shared.security.sessions import handle_sign_in_message
from shared.vocabulary.form_kinds import PROPOSAL


def read_personal(sealed: str, private_keys: list[bytes], names: tuple[str, ...], *, with_link: bool) -> dict[str, str]:
    """Return the texts ``names`` of a sealed part. It must contain an address and, ``with_link``, a link.

    Raises:
        Poison: it does not open, or something is missing.
    """
    content = open_part(sealed, private_keys)
    personal = {name: text_in(content, name) for name in names}
    links = [personal["token"], personal.get("view", "none")] if with_link else []
    if not personal["address"] or not all(links):
        raise Poison("sealed part has no address or no link")
    return personal


def open_part(sealed: str, private_keys: list[bytes]) -> Mapping[str, Any]:
    """Return the content of a sealed part.

    Raises:
        Poison: it does not open.
    """
    try:
        return open_sealed(private_keys, base64.b64decode(sealed, validate=True))
    except (Unsealable, binascii.Error):
        raise Poison("sealed part does not open") from None


def text_in(content: Mapping[str, Any], name: str) -> str:
    """Return a text of an opened part; empty if it is missing.

    Raises:
        Poison: it is no text.
    """
    value = content.get(name)
    if value is not None and not isinstance(value, str):
        raise Poison(f"sealed part: {name} is not text")
    return value or ""


COPIES = "notifications.copies"
MAIL = "notifications.mail"
EVENT_KEYS = ("event.published.v1", "event.changed.v1")
GROUP_KEY = "working-group.changed.v1"
RESOURCE_KEY = "resource.published.v1"
FORM_KEY, PARTNER_KEY = "form.changed.v1", "partner.changed.v1"
TAGGED = "registration.tagged.v1"
SHARED_LINKS = ("view", "join")
"""Tokens of a registration's read-only link and, if there is one, of its link to the meeting."""

PERSON_ERASED = "person.erased.v1"


def effects(context: NotificationsContext) -> Mapping[str, Effect]:
    """Return the effect of a message, by queue."""

    def keep(connection: Connection, message: Message) -> None:
        if message.routing_key in EVENT_KEYS:
            handle_event(connection, context.clock, message.data, message.correlation_id)
        elif message.routing_key == GROUP_KEY:
            upsert_working_group(connection, context.clock, message.data)
        elif message.routing_key == FORM_KEY:
            upsert_form(connection, context.clock, message.data)
        elif message.routing_key == PARTNER_KEY:
            upsert_partner(connection, context.clock, message.data)
        elif message.routing_key == RESOURCE_KEY:
            handle_resource(connection, context.clock, message.data, message.correlation_id)
        elif message.routing_key == TAGGED:
            data = message.data
            upsert_tags(connection, data["registration_id"], data["tags"], data["revision"])
        elif not handle_sign_in_message(connection, message):
            raise Poison("a type this queue does not expect")

    def mail(connection: Connection, message: Message) -> None:
        if message.routing_key == PERSON_ERASED:
            for tombstone in read_tombstones(message):
                erase_subject(connection, context.clock, tombstone)
        else:
            _handle(connection, context, [message])

    def mails(connection: Connection, messages: Sequence[Message]) -> None:
        if any(message.routing_key == PERSON_ERASED for message in messages):
            for message in messages:
                mail(connection, message)
        else:
            _handle(connection, context, messages)

    return {COPIES: keep, MAIL: BatchEffect(mail, mails)}


def _handle(connection: Connection, context: NotificationsContext, messages: Sequence[Message]) -> None:
    keys = list(context.private_keys)
    decisions = [read_decision(message, keys) for message in messages if _is_decision(message)]
    causes = [read_cause(message, keys) for message in messages if not _is_decision(message)]
    if decisions:  # one order for all locks: no deadlock
        subjects = [*(decision.proposal for decision in decisions), *(cause.recipient.subject for cause in causes)]
        lock_states(connection, subjects)
    once = [cause for cause in causes if cause.recipient.about in MAILED_ONCE]
    others = [cause for cause in causes if cause.recipient.about not in MAILED_ONCE]
    if once:
        mail_once(connection, context, once)
    if others:
        handle_registrations(connection, context, others)
        queue_webhooks(connection, context.clock, others)
    for decision in decisions:
        handle_decision(connection, context, decision)


def _is_decision(message: Message) -> bool:
    return KIND_OF_MESSAGE.get(message.routing_key) in DECISION_KINDS


def read_tombstones(message: Message) -> list[RecipientTombstone]:
    """Return what remains of an erased registration, from a validated message.

    Of its former addresses only ids remain.
    """
    data = message.data
    kind, event, status, revision = data["form_kind"], data["event"], data["status"], data["revision"]
    return [
        RecipientTombstone(data["registration_id"], "registration", data["form"], kind, event, status, revision),
        *(
            RecipientTombstone(former, "former-address", None, kind, None, LEFT, 1)
            for former in data["former_addresses"]
        ),
    ]


def read_decision(message: Message, private_keys: list[bytes]) -> DecisionCause:
    """Return the decision on a proposal from a validated message, with its sealed part opened.

    Raises:
        Poison: its sealed part does not open, or a side event that is scheduled is not named.
    """
    data, kind = message.data, KIND_OF_MESSAGE[message.routing_key]
    if kind == SCHEDULED and data["event"] is None:
        raise Poison("a scheduled proposal without its side event")
    note = text_in(open_part(data["sealed"], private_keys), "note")
    return DecisionCause(
        kind,
        data["proposal_id"],
        data["revision"],
        data["event"],
        note,
        data["occurred_at"],
        message.correlation_id,
        message.traceparent,
    )


def read_cause(message: Message, private_keys: list[bytes]) -> MailCause:
    """Return the cause of a mail from a validated message, with its sealed part opened.

    Raises:
        Poison: of another type, or its sealed part does not open or lacks something.
    """
    if message.routing_key not in KIND_OF_MESSAGE:
        raise Poison("a type this queue does not expect")
    data, kind = message.data, KIND_OF_MESSAGE[message.routing_key]
    if kind == "confirmation" and data["form_kind"] == PROPOSAL:
        kind = RECEIVED
    if kind == ADDRESS_CHANGED and data["undo_until"] is None:
        kind = ADDRESS_RESTORED
    recipient, sealed_names = _read_recipient(KINDS[kind].about, message)
    personal = read_personal(data["sealed"], private_keys, sealed_names, with_link=kind != ADDRESS_RESTORED)
    return MailCause(
        kind=kind,
        number=_number_of(personal["token"]) if KINDS[kind].numbered == "request" else recipient.revision,
        recipient=recipient,
        personal=personal,
        detail=_detail(kind, data),
        mailed=data.get("mailed", True),
        correlation_id=message.correlation_id,
        traceparent=message.traceparent,
        token=personal.pop("token") if recipient.about == "registration" else "",
    )


def _detail(kind: str, data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Until when the offer of the mail is valid or its recipient has to use a link, whether a coordinator registered
    them, how seats are given to those who wait, if that is known, and whether their registration has lapsed.
    """
    found = {name: data[name] for name in ("by_coordinator", "promotion_mode", "lapsed") if data.get(name)}
    until = data.get(KINDS[kind].until_field)
    return found | ({"until": rfc3339(until)} if until else {}) or None


def _number_of(token: str) -> int:
    """Return the number of a requested mail, from its link: each has another link."""
    return int.from_bytes(hashlib.sha256(token.encode()).digest()[:4]) >> 1


def _read_recipient(about: str, message: Message) -> tuple[Recipient, tuple[str, ...]]:
    """Return the state of the subject, and the names of the sealed texts."""
    match about:
        case "confirmation":
            return _confirmation(message.data), ("address", "token")
        case "invitation":
            return _invitation(message.data), ("address", "token", "title")
        case "former-address":
            return _former_address(message.data), ("name", "address", "token", "time_zone")
        case "registration":
            return _registration(message.data), ("name", "address", "token", "time_zone", "title", *SHARED_LINKS)
        case _:
            raise ValueError(f"no message is about {about}")


def _confirmation(data: Mapping[str, Any]) -> Recipient:
    return Recipient(
        data["link_id"],
        "confirmation",
        person_ref=reference_of_subject("confirmation", data["link_id"]),
        language=data["language"],
        status=WANTED,
        revision=1,
        occurred_at=data["occurred_at"],
        form=None,
        form_kind="confirmation" if data["pending"] else REGISTRATIONS,
        event=None,
    )


def _invitation(data: Mapping[str, Any]) -> Recipient:
    return Recipient(
        data["invitation_id"],
        INVITATION,
        person_ref=reference_of_subject(INVITATION, data["invitation_id"]),
        language=data["language"],
        status=WANTED,
        revision=1,
        occurred_at=data["occurred_at"],
        form=None,
        form_kind=data["purpose"],
        event=None,
    )


def _former_address(data: Mapping[str, Any]) -> Recipient:
    return Recipient(
        data["former_address_id"],
        "former-address",
        person_ref=reference_of_subject("former-address", data["former_address_id"]),
        language=data["language"],
        status=LEFT,
        revision=1,
        occurred_at=data["occurred_at"],
        form=None,
        form_kind=data["form_kind"],
        event=data["event"],
        working_group=data["working_group"],
        verified=data["verified"],
    )


def _registration(data: Mapping[str, Any]) -> Recipient:
    names = ("person_ref", "language", "status", "revision", "occurred_at", "form", "form_kind", "event", "position")
    more = ("working_group", "partner", "country", "verified", "attend", "representative")
    return Recipient(data["registration_id"], "registration", **{name: data[name] for name in (*names, *more)})
