"""Opens a batch and reads it as items; what cannot be opened or read is parked.

Then prepares the decision: what the links of a batch give access to, its addresses, and its parts.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, text

from services.registration.intake import facts_store, queue
from services.registration.intake.facts_store import LinkOwner, UndoLink
from services.registration.intake.items import (
    CORRECT,
    DESK_KINDS,
    ENTER,
    MERGE,
    AnswerOffer,
    Cancel,
    ChangeAddress,
    ChangeAnswers,
    Confirm,
    Correct,
    DeskAct,
    DeskItem,
    Enter,
    Item,
    Merge,
    Mute,
    NamedRegistration,
    RenewLinks,
    RequestList,
    SendLink,
    Submission,
    UndoAddress,
    Verify,
)
from services.registration.intake.model import Act, Choice, FormContent, content_from_json
from services.registration.intake.queue import QueuedRow
from services.registration.people.model import AddressRefs
from services.registration.people.references import References
from services.registration.telemetry import DECIDE
from shared.runtime.ids import CONFIRMATION, JOIN, OWN, VIEW
from shared.runtime.logs import caused_by
from shared.runtime.tracing import span
from shared.security.sealing import Unsealable, open_sealed

_ADDRESSES = text("""
    SELECT id::text, person_ref FROM registration WHERE id = ANY(CAST(:ids AS uuid[])) AND erased_at IS NULL
""")


def find_named(connection: Connection, part: Sequence[tuple[QueuedRow, Mapping[str, Any]]]) -> dict[str, bytes]:
    """Return the hashes of the addresses of the registrations that commands of the desk name, by id."""
    ids = [
        str(content[name]["id"])
        for row, content in part
        if row.kind in DESK_KINDS
        for name in ("target", "kept", "other")
        if name in content
    ]
    if not ids:
        return {}
    return {row[0]: bytes(row[1]) for row in connection.execute(_ADDRESSES, {"ids": ids})}


def read_desk(
    references: References, row: QueuedRow, content: Mapping[str, Any], named: Mapping[str, bytes]
) -> DeskItem:
    """Return a command of the desk.

    Args:
        references: makes the keyed hashes of addresses and people.
        row: of the command.
        content: opened.
        named: as :func:`find_named` returned it.

    Raises:
        ValueError, KeyError, TypeError: it cannot be read.
    """
    if row.entered_by is None:
        raise ValueError("a command of the desk without its coordinator")
    act, given = DeskAct(row.entered_by, str(content["reason"])), content_from_json(content["given"])
    address = references.address(given.email)
    if row.kind == ENTER:
        person = references.person(given.email, given.name, given.title)
        return Enter(row.number, row.form, row.received_at, given, address, person, act)
    fields = frozenset(map(str, content["fields"]))
    if row.kind == CORRECT:
        target = _named(content["target"], named)
        return Correct(row.number, row.received_at, target, given, fields, address, act)
    if row.kind != MERGE:
        raise ValueError("an unknown kind of command")
    kept, other = _named(content["kept"], named), _named(content["other"], named)
    return _merge(row, (kept, other), given, fields, bool(content.get("sealed_of_other")), references, act)


def _merge(
    row: QueuedRow,
    both: tuple[NamedRegistration, NamedRegistration],
    given: FormContent,
    fields: frozenset[str],
    sealed_of_other: bool,
    references: References,
    act: DeskAct,
) -> Merge:
    address = references.address(given.email)
    return Merge(row.number, row.received_at, *both, given, fields, address, sealed_of_other, act)


def _named(values: Mapping[str, Any], named: Mapping[str, bytes]) -> NamedRegistration:
    identity = str(values["id"])
    return NamedRegistration(identity, int(values["revision"]), named.get(identity))


OpenedRow = tuple[QueuedRow, Mapping[str, Any]]
"""A row with its content."""


@dataclass(frozen=True, slots=True)
class Links:
    """What the links of a part of a batch open, by the hash of their tokens.

    ``named`` are the addresses, by hash, of the registrations that commands of the desk name by id.
    """

    owners: Mapping[bytes, LinkOwner]
    undo: Mapping[bytes, UndoLink]
    named: Mapping[str, bytes] = field(default_factory=dict)

    def former_at(self, row: QueuedRow) -> str | None:
        """The former address that the undo link of ``row`` opened when it was received; None if it opened none."""
        link = self.undo.get(row.token_hash or b"")
        return link.former if link is not None and link.expires_at > row.received_at else None

    def undone_by(self, item: Item) -> UndoLink | None:
        """The link by which ``item`` takes a change of address back; None if it does not."""
        if not isinstance(item, UndoAddress):
            return None
        return next((link for link in self.undo.values() if link.former == item.former), None)


def parts_of(batch: Sequence[OpenedRow]) -> Iterator[list[OpenedRow]]:
    """Yield the batch in parts: a row that renews links, or may change a registration's address, is a separate part.

    Such a row ends links, and each part reads its links afresh. Nothing else in the part changes that registration.
    """
    for alone, some in groupby(batch, key=_ends_links):
        part = list(some)
        yield from ([one] for one in part) if alone else (part,)


def _ends_links(opened: OpenedRow) -> bool:
    row, content = opened
    if row.kind == "confirm":
        choices = content.get("choices")
        return isinstance(choices, list) and any(
            isinstance(choice, dict) and choice.get("act") == Act.USE_ADDRESS for choice in choices
        )
    return row.kind in ("undo-address", "renew-links") or row.kind in DESK_KINDS


def causes_of(batch: Sequence[OpenedRow]) -> list[tuple[str, str]]:
    """Correlation id and trace context of the request behind each row that names them, in order."""
    found = []
    for _, content in batch:
        given = content.get("given")
        cause = content.get("cause") or (given.get("cause") if isinstance(given, dict) else None)
        if isinstance(cause, list) and len(cause) == 2:
            found.append((str(cause[0]), str(cause[1])))
    return found


@contextmanager
def decided_for(batch: Sequence[OpenedRow], start_ns: int) -> Iterator[None]:
    """Decide inside of it: what a batch causes belongs to its span, and to the request if there was only one.

    Args:
        batch: that was opened.
        start_ns: when the batch began, nanoseconds since 1970.
    """
    causes = causes_of(batch)
    correlation, trace = causes[0] if len(causes) == 1 else ("", "")
    attributes = {"messaging.batch.message_count": len(batch)}
    with caused_by(correlation, trace), span(DECIDE, "decide", attributes, [each[1] for each in causes], start_ns):
        yield


def refs_of(item: Item, links: Links) -> list[bytes]:
    """Addresses that have to be read for an item."""
    if isinstance(item, Submission | Enter):
        return [item.address.ref]
    if isinstance(item, Correct | Merge):
        named = (item.target,) if isinstance(item, Correct) else (item.kept, item.other)
        return [item.address.ref, *(one.address for one in named if one.address is not None)]
    if isinstance(item, UndoAddress):
        link = links.undone_by(item)
        return [] if link is None else list(link.refs)
    if isinstance(item, ChangeAnswers | Cancel | AnswerOffer | RenewLinks | Verify | ChangeAddress):
        own = [owner.address.ref for owner in links.owners.values() if owner.registration == item.registration]
        return [*own, item.address.ref] if isinstance(item, ChangeAddress) else own
    return [] if item.address is None else [item.address.ref]


log = logging.getLogger(__name__)

BY_LINK: dict[str, tuple[str, ...]] = {
    "submission": (CONFIRMATION,),
    "confirm": (CONFIRMATION,),
    "mute": (CONFIRMATION,),
    "unmute": (CONFIRMATION, OWN),
    "send-link": (CONFIRMATION, VIEW),
    "verify": (OWN, JOIN),
    "change": (OWN,),
    "cancel": (OWN,),
    "erase": (OWN,),
    "accept-seat": (OWN,),
    "decline-seat": (OWN,),
    "renew-links": (OWN,),
    "change-address": (OWN,),
    "send-list": (),
}
"""Purposes of the links by which a command can be sent, for every kind that :func:`owner_of` is asked about."""


@dataclass(frozen=True, slots=True)
class DeciderKeys:
    """Attributes:
    private: of the decider, newest first, 32 bytes each.
    references: makes the keyed hashes of addresses and people.
    """

    private: Sequence[bytes] = field(repr=False)
    references: References


def open_rows(connection: Connection, keys: DeciderKeys, rows: Sequence[queue.QueuedRow]) -> list[OpenedRow]:
    """Return the rows with their contents; a row that cannot be opened is parked, and the others are processed."""
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
    if row.kind in ("mute", "unmute"):
        return Mute(row.number, address, muted=row.kind == "mute", registration=registration)
    raise ValueError("an unknown kind of command")


def _change(
    keys: DeciderKeys, row: queue.QueuedRow, content: Mapping[str, Any], owner: facts_store.LinkOwner | None
) -> ChangeAnswers:
    given = content_from_json(content["given"])
    return ChangeAnswers(
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


def _submission(keys: DeciderKeys, row: queue.QueuedRow, content: FormContent, owner: AddressRefs | None) -> Submission:
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


def owner_of(row: queue.QueuedRow, links: Mapping[bytes, facts_store.LinkOwner]) -> facts_store.LinkOwner | None:
    """Return the owner of the link of a command; None if it has ended or its purpose does not permit the command.

    Raises:
        KeyError: there is no such kind of command.
    """
    owner = links.get(row.token_hash or b"")
    return owner if owner is not None and owner.purpose in BY_LINK[row.kind] else None


def _park(connection: Connection, row: queue.QueuedRow, error: Exception) -> None:
    queue.park(connection, row.number, f"it cannot be read: {type(error).__name__}")
    log.error("a submission cannot be read and is parked", extra={"number": row.number})


def _choice(values: dict[str, Any]) -> Choice:
    registration = values.get("registration")
    replaced = None if registration is None else str(registration)
    return Choice(str(values["candidate"]), Act(values["act"]), replaced, str(values["form"]))
