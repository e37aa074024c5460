"""Message types: one closed table of producers, consuming queues and clear fields; messages are validated against it.

Bindings, topic permissions, the broker's definitions and the AsyncAPI document are generated from this table; a type
without a consumer is not published, a queue without a type does not exist.
"""

from dataclasses import dataclass
from functools import cache

from marshmallow import Schema, ValidationError

from shared.messaging.contracts.payloads import (
    AccessData,
    AddressChangedData,
    ApprovalData,
    AuditEntryData,
    BouncedMailData,
    ConfirmationData,
    DecisionData,
    ErasedData,
    EventData,
    FormData,
    HotelData,
    InvitationData,
    MailData,
    OfferData,
    PartnerData,
    ProposalData,
    RegistrationData,
    ResourceData,
    SessionData,
    TagsData,
    WithdrawnProposalData,
    WorkingGroupData,
)
from shared.messaging.contracts.schemas import TYPE_PREFIX, Message
from shared.runtime.errors import Poison, Unauthentic


@dataclass(frozen=True, slots=True)
class MessageType:
    """One row of the table.

    Attributes:
        key: ``<noun>.<past-tense verb>.v<n>``; the routing key.
        producer: the only service that may publish it.
        consumers: names of the queues that get a copy.
        schema: what ``data`` must hold.
        sealed_to: fields that only one service can read, each with that service; all others travel in clear.
        meaning: one sentence for the generated documents.
    """

    key: str
    producer: str
    consumers: tuple[str, ...]
    schema: type[Schema]
    meaning: str
    sealed_to: tuple[tuple[str, str], ...] = ()

    @property
    def sealed(self) -> tuple[str, ...]:
        """Names of the fields that no one at the broker can read."""
        return tuple(name for name, _ in self.sealed_to)

    @property
    def type(self) -> str:
        """The CloudEvents type."""
        return TYPE_PREFIX + self.key

    @property
    def clear(self) -> tuple[str, ...]:
        """Names of the fields that anyone at the broker could read, sorted."""
        return tuple(sorted(set(self.schema().fields) - set(self.sealed)))


_COPIES = ("registration.copies", "notifications.copies")
_ROLLUP_AND_MAIL = ("events.rollup", "notifications.mail")
_SEALED = (("sealed", "notifications"),)

_DECISIONS = tuple(
    MessageType(
        f"proposal.{verb}.v1",
        "events",
        ("notifications.mail", "registration.proposals"),
        DecisionData,
        meaning,
        (("note", "registration"), ("sealed", "notifications")),
    )
    for verb, meaning in (
        ("accepted", "A proposal will be scheduled, or has lost its place in the timetable."),
        ("returned", "A proposal needs work before it can be accepted."),
        ("declined", "A proposal will not be scheduled."),
        ("scheduled", "A proposal has a place in the published timetable, or its place has changed."),
    )
)

MESSAGE_TYPES: tuple[MessageType, ...] = (
    MessageType("event.published.v1", "events", _COPIES, EventData, "An event became visible."),
    MessageType("event.changed.v1", "events", _COPIES, EventData, "Details that participants see have changed."),
    MessageType(
        "working-group.changed.v1",
        "events",
        _COPIES,
        WorkingGroupData,
        "A working group is new, was renamed, closed or opened again.",
    ),
    MessageType(
        "hotel.changed.v1",
        "events",
        ("registration.copies",),
        HotelData,
        "The rooms that a hotel reserves for the delegation have changed, or were withdrawn.",
    ),
    MessageType(
        "resource.published.v1",
        "events",
        _COPIES,
        ResourceData,
        "A recording, slides or a brief was published, has changed since, or was hidden.",
    ),
    *_DECISIONS,
    MessageType(
        "confirmation.wanted.v1",
        "registration",
        ("notifications.mail",),
        ConfirmationData,
        "The owner of an address should get a link to what is waiting for them, or to their registrations.",
        _SEALED,
    ),
    MessageType(
        "registration.confirmed.v1",
        "registration",
        _ROLLUP_AND_MAIL,
        RegistrationData,
        "A person has a seat.",
        _SEALED,
    ),
    MessageType(
        "registration.waitlisted.v1",
        "registration",
        _ROLLUP_AND_MAIL,
        RegistrationData,
        "A person is on the waiting list.",
        _SEALED,
    ),
    MessageType(
        "registration.promoted.v1",
        "registration",
        _ROLLUP_AND_MAIL,
        RegistrationData,
        "A person on the waiting list got a seat.",
        _SEALED,
    ),
    MessageType(
        "registration.offered.v1",
        "registration",
        _ROLLUP_AND_MAIL,
        OfferData,
        "A seat is held for a waiting person until they accept or the offer expires.",
        _SEALED,
    ),
    MessageType(
        "registration.offer-ended.v1",
        "registration",
        _ROLLUP_AND_MAIL,
        RegistrationData,
        "An offer was declined, has expired or was withdrawn; the person stays on the waiting list.",
        _SEALED,
    ),
    MessageType(
        "registration.cancelled.v1",
        "registration",
        _ROLLUP_AND_MAIL,
        RegistrationData,
        "A registration was cancelled.",
        _SEALED,
    ),
    MessageType(
        "registration.changed.v1",
        "registration",
        _ROLLUP_AND_MAIL,
        RegistrationData,
        "Answers, name or address of a registration have changed; its status has not.",
        _SEALED,
    ),
    MessageType(
        "registration.tagged.v1",
        "registration",
        ("notifications.copies",),
        TagsData,
        "Coordinators have added tags to a registration, or removed some.",
    ),
    MessageType(
        "proposal.submitted.v1",
        "registration",
        ("events.proposals",),
        ProposalData,
        "A group proposes a side event; the owner of the address has confirmed it.",
        (("sealed", "events"),),
    ),
    MessageType(
        "proposal.changed.v1",
        "registration",
        ("events.proposals",),
        ProposalData,
        "The proposer of a side event has changed the proposal.",
        (("sealed", "events"),),
    ),
    MessageType(
        "proposal.withdrawn.v1",
        "registration",
        ("events.proposals",),
        WithdrawnProposalData,
        "A proposal was withdrawn.",
    ),
    MessageType(
        "registration.link-requested.v1",
        "registration",
        ("notifications.mail",),
        RegistrationData,
        "A person has requested their personal link again.",
        _SEALED,
    ),
    MessageType(
        "registration.details-requested.v1",
        "registration",
        ("notifications.mail",),
        RegistrationData,
        "The questions after the confirmation have not been answered yet.",
        _SEALED,
    ),
    MessageType(
        "registration.address-changed.v1",
        "registration",
        ("notifications.mail",),
        AddressChangedData,
        "The address of a registration has changed. The former address is notified and can undo it for seven days.",
        _SEALED,
    ),
    MessageType(
        "person.erased.v1",
        "registration",
        _ROLLUP_AND_MAIL,
        ErasedData,
        "The person of a registration was erased. Consumers erase what they store about them.",
    ),
    MessageType(
        "form.changed.v1",
        "registration",
        ("events.copies", "notifications.copies"),
        FormData,
        "A form was published, or its public data have changed.",
    ),
    MessageType(
        "partner.changed.v1",
        "registration",
        ("events.copies", "notifications.copies"),
        PartnerData,
        "A partner was added or renamed, or the number of its addresses that wait for a decision has changed.",
    ),
    MessageType(
        "access.changed.v1",
        "registration",
        ("events.copies", "notifications.copies"),
        AccessData,
        "Access of a colleague or a program was granted, changed or revoked.",
    ),
    MessageType(
        "session.begun.v1",
        "registration",
        ("events.copies", "notifications.copies"),
        SessionData,
        "A console session has begun: without this message, the other services refuse it.",
    ),
    MessageType(
        "session.ended.v1",
        "registration",
        ("events.copies", "notifications.copies"),
        SessionData,
        "A console session was ended early.",
    ),
    MessageType(
        "approval.changed.v1",
        "registration",
        ("events.copies",),
        ApprovalData,
        "A request about sealed answers waits for a second person's approval, or no longer waits.",
    ),
    MessageType(
        "invitation.created.v1",
        "registration",
        ("notifications.mail",),
        InvitationData,
        "A colleague should get a link to choose how to sign in.",
        _SEALED,
    ),
    *(
        MessageType(
            f"{service}-audit.recorded.v1",
            service,
            ("registration.copies",),
            AuditEntryData,
            f"A key holder did something in the service {service}.",
        )
        for service in ("events", "notifications")
    ),
    MessageType(
        "mail.sent.v1",
        "notifications",
        ("events.contact", "registration.mail"),
        MailData,
        "The mail relay accepted a mail.",
    ),
    MessageType(
        "mail.bounced.v1",
        "notifications",
        ("registration.mail",),
        BouncedMailData,
        "A mail was permanently refused, or given up.",
    ),
    MessageType(
        "mail.suppressed.v1",
        "notifications",
        ("registration.mail",),
        MailData,
        "A mail was not sent because its recipient has unsubscribed from its kind.",
    ),
)

SERVICES: tuple[str, ...] = ("registration", "events", "notifications")
QUEUES: tuple[str, ...] = tuple(sorted({queue for entry in MESSAGE_TYPES for queue in entry.consumers}))
BY_TYPE: dict[str, MessageType] = {entry.type: entry for entry in MESSAGE_TYPES}
BY_KEY: dict[str, MessageType] = {entry.key: entry for entry in MESSAGE_TYPES}


def source_of(service: str) -> str:
    """The CloudEvents source of a service."""
    return f"/troika/{service}"


def service_of(queue: str) -> str:
    """The service that owns a queue: the part of its name before the first dot."""
    return queue.partition(".")[0]


@cache
def producers(queue: str) -> frozenset[str]:
    """Services that publish a type which ``queue`` gets."""
    return frozenset(entry.producer for entry in MESSAGE_TYPES if queue in entry.consumers)


@cache
def _schema(entry: MessageType) -> Schema:
    return entry.schema()


def read(message: Message) -> dict[str, object]:
    """The checked content of a message, with instants as aware datetimes.

    Raises:
        Poison: unknown type, wrong producer, or content that breaks the schema (fields are named, not values).
    """
    entry = BY_TYPE.get(message.type)
    if entry is None:
        raise Poison("unknown message type")
    if message.source != source_of(entry.producer):
        raise Unauthentic("wrong producer for this message type")
    try:
        content: dict[str, object] = _schema(entry).load(dict(message.data))
    except ValidationError as error:
        raise Poison(f"content breaks the schema: {', '.join(sorted(map(str, error.messages_dict)))}") from None
    return content
