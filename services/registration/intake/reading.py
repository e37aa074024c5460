"""Opens what is stored and reads it as items; what cannot be opened or read is parked, and its neighbours go on."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from services.registration.intake import decider_store as store
from services.registration.intake import queue
from services.registration.intake.address_model import ChangeAddress, UndoAddress
from services.registration.intake.batches import Links, OpenedRow
from services.registration.intake.contents import Content, content_from_json
from services.registration.intake.desk_reading import DESK_KINDS, read_desk
from services.registration.intake.items import (
    AnswerOffer,
    Cancel,
    Change,
    Confirm,
    Item,
    Mute,
    RenewLinks,
    RequestList,
    SendLink,
    Submission,
    Verify,
)
from services.registration.intake.outcomes import Act, Choice
from services.registration.people.model import AddressRefs
from services.registration.people.references import References
from shared.core.links import CONFIRMATION, JOIN, OWN, VIEW
from shared.core.sealing import Unsealable, open_sealed

log = logging.getLogger(__name__)

BY_LINK: dict[str, tuple[str, ...]] = {
    "submission": (CONFIRMATION,),
    "confirm": (CONFIRMATION,),
    "mute": (CONFIRMATION,),
    "unmute": (CONFIRMATION, OWN),
    "send-link": (CONFIRMATION, VIEW),
    "verify": (OWN, JOIN),
}
"""Purposes of the links by which a command can be sent; every other command needs a managing link."""


@dataclass(frozen=True, slots=True)
class DeciderKeys:
    """Attributes:
    private: of the decider, newest first, 32 bytes each.
    references: what stands for addresses and people.
    """

    private: Sequence[bytes] = field(repr=False)
    references: References


def open_rows(connection: Connection, keys: DeciderKeys, rows: Sequence[queue.QueuedRow]) -> list[OpenedRow]:
    """The rows with their contents; what cannot be opened is parked, and its neighbours go on."""
    opened: list[OpenedRow] = []
    for row in rows:
        try:
            opened.append((row, open_sealed(list(keys.private), row.body)))
        except (Unsealable, ValueError) as error:
            _park(connection, row, error)
    return opened


def read_items(connection: Connection, keys: DeciderKeys, part: Sequence[OpenedRow], links: Links) -> list[Item]:
    """The contents as items; what cannot be read is parked."""
    items: list[Item] = []
    for row, content in part:
        try:
            items.append(_item(keys, row, content, links))
        except (ValueError, KeyError, TypeError) as error:
            _park(connection, row, error)
    return items


def _item(keys: DeciderKeys, row: queue.QueuedRow, content: Mapping[str, Any], links: Links) -> Item:
    if row.kind in DESK_KINDS:
        return read_desk(keys.references, row, content, links.named)
    if row.kind == "undo-address":
        return UndoAddress(row.number, links.former_at(row), row.form)
    owner = owner_of(row, links.owners)
    address = owner.address if owner is not None and owner.has_link_at(row.received_at) else None
    registration = owner.registration if owner is not None else None
    if row.kind == "submission":
        return _submission(keys, row, content_from_json(content), address)
    if row.kind == "confirm":
        return Confirm(row.number, address, [_choice(one) for one in content["choices"]])
    if row.kind == "change":
        return _change(keys, row, content, owner)
    if row.kind == "cancel":
        return Cancel(row.number, registration, content.get("revision"))
    if row.kind in ("accept-seat", "decline-seat"):
        return AnswerOffer(row.number, registration, row.kind == "accept-seat", row.received_at)
    if row.kind == "send-link":
        wanted = registration or str(content.get("registration", ""))  # "" by a read-only link that has ended
        return SendLink(row.number, address, wanted, spaced=registration is not None)
    if row.kind == "send-list":
        return _request_list(keys, row, str(content["email"]), str(content["language"]))
    if row.kind == "renew-links":
        return RenewLinks(row.number, registration)
    if row.kind == "verify":
        return Verify(row.number, registration)
    if row.kind == "change-address":
        return _address_change(keys, row, str(content["email"]), registration)
    return Mute(row.number, address, muted=row.kind == "mute")


def _change(
    keys: DeciderKeys, row: queue.QueuedRow, content: Mapping[str, Any], owner: store.LinkOwner | None
) -> Change:
    given = content_from_json(content["given"])
    return Change(
        number=row.number,
        received_at=row.received_at,
        registration=owner.registration if owner else None,
        revision=int(content["revision"]),
        given=given,
        fields=frozenset(map(str, content["fields"])),
        details=bool(content["details"]),
        person=keys.references.person(given.email, given.name, given.title),
    )


def _request_list(keys: DeciderKeys, row: queue.QueuedRow, email: str, language: str) -> RequestList:
    return RequestList(row.number, keys.references.address(email), email, language, row.network)


def _address_change(keys: DeciderKeys, row: queue.QueuedRow, email: str, registration: str | None) -> ChangeAddress:
    address = keys.references.address(email)
    return ChangeAddress(row.number, registration, email, address, row.code, row.received_at, row.network)


def _submission(keys: DeciderKeys, row: queue.QueuedRow, content: Content, owner: AddressRefs | None) -> Submission:
    address = keys.references.address(content.email)
    return Submission(
        number=row.number,
        form=row.form,
        revision=row.revision,
        received_at=row.received_at,
        code=row.code,
        fingerprint=row.fingerprint,
        network=row.network,
        challenge=row.challenge,
        content=content,
        address=address,
        person=keys.references.person(content.email, content.name, content.title),
        proven_by=row.token_hash if owner is not None and owner.ref == address.ref else None,
    )


def owner_of(row: queue.QueuedRow, links: Mapping[bytes, store.LinkOwner]) -> store.LinkOwner | None:
    """Return the owner of the link of a command; None if it has ended or its purpose does not permit the command."""
    owner = links.get(row.token_hash or b"")
    return owner if owner is not None and owner.purpose in BY_LINK.get(row.kind, (OWN,)) else None


def _park(connection: Connection, row: queue.QueuedRow, error: Exception) -> None:
    queue.park(connection, row.number, f"it cannot be read: {type(error).__name__}")
    log.error("a submission cannot be read and is parked", extra={"number": row.number})


def _choice(values: dict[str, Any]) -> Choice:
    registration = values.get("registration")
    replaced = None if registration is None else str(registration)
    return Choice(str(values["candidate"]), Act(values["act"]), replaced, str(values["form"]))
