"""Opens a batch and reads it as items; what cannot be opened or read is parked.

Then prepares the decision: what the links of a batch give access to, its addresses, and its parts.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, text

from services.registration.intake import queue
from services.registration.intake.facts_store import LinkOwner, UndoLink
from services.registration.intake.items import (
    CORRECT,
    ENTER,
    MERGE,
    AnswerOffer,
    Cancel,
    ChangeAddress,
    ChangeAnswers,
    Confirm,
    Correct,
    DeskAct,
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
        if row.kind in COMMANDS and COMMANDS[row.kind].by_desk
        for name in ("target", "kept", "other")
        if name in content
    ]
    if not ids:
        return {}
    return {row[0]: bytes(row[1]) for row in connection.execute(_ADDRESSES, {"ids": ids})}


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


@dataclass(frozen=True, slots=True)
class Received:
    """A stored command, opened, with what its link opens.

    Attributes:
        content: the opened content.
        references: the maker of the keyed hashes of addresses and people.
        links: the links of its part of the batch.
        address: the address to which its link was mailed; None without a link, or if the link opened nothing when the
            command was received.
        registration: the id of its link's registration; None for a confirmation link, or if the link opens nothing.
    """

    row: QueuedRow
    content: Mapping[str, Any]
    references: References
    links: Links
    address: AddressRefs | None
    registration: str | None

    def given(self) -> FormContent:
        """The answers in it."""
        return content_from_json(self.content["given"])


@dataclass(frozen=True, slots=True)
class Command:
    """A kind of command: all that depends on its name.

    Attributes:
        name: the name in the column ``submission.kind``.
        links: the purposes of the links by which it can be sent; empty if no link is needed.
        by_desk: whether a coordinator sends it.
        ends_links: whether it may end links, or change the address of a registration, so that it is a part of its own.
        read: a function that makes the item; raises ValueError, KeyError or TypeError if the content cannot be read.
    """

    name: str
    links: tuple[str, ...]
    by_desk: bool
    ends_links: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Received], Item]


def _submission(one: Received) -> Submission:
    row, content = one.row, content_from_json(one.content)
    address = one.references.address(content.email)
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
        person=one.references.person(content.email, content.name, content.title),
        proven_by=row.token_hash if one.address is not None and one.address.ref == address.ref else None,
    )


def _confirm(one: Received) -> Confirm:
    return Confirm(one.row.number, one.address, [_choice(choice) for choice in one.content["choices"]])


def _choice(values: Mapping[str, Any]) -> Choice:
    registration = values.get("registration")
    replaced = None if registration is None else str(registration)
    return Choice(str(values["candidate"]), Act(values["act"]), replaced, str(values["form"]))


def _uses_address(content: Mapping[str, Any]) -> bool:
    choices = content.get("choices")
    return isinstance(choices, list) and any(
        isinstance(choice, dict) and choice.get("act") == Act.USE_ADDRESS for choice in choices
    )


def _change(one: Received) -> ChangeAnswers:
    given = one.given()
    return ChangeAnswers(
        number=one.row.number,
        received_at=one.row.received_at,
        registration=one.registration,
        revision=int(one.content["revision"]),
        given=given,
        fields=frozenset(map(str, one.content["fields"])),
        details=bool(one.content["details"]),
        person=one.references.person(given.email, given.name, given.title),
    )


def _cancel(one: Received) -> Cancel:
    return Cancel(one.row.number, one.registration, one.content.get("revision"))


def _answer_offer(one: Received, *, accepted: bool) -> AnswerOffer:
    return AnswerOffer(one.row.number, one.registration, accepted, one.row.received_at)


def _send_link(one: Received) -> SendLink:
    wanted = one.registration or str(one.content.get("registration", ""))  # "" by a read-only link that has ended
    return SendLink(one.row.number, one.address, wanted, spaced=one.registration is not None)


def _request_list(one: Received) -> RequestList:
    email, language = str(one.content["email"]), str(one.content["language"])
    return RequestList(one.row.number, one.references.address(email), email, language, one.row.network)


def _renew_links(one: Received) -> RenewLinks:
    return RenewLinks(one.row.number, one.registration)


def _verify(one: Received) -> Verify:
    return Verify(one.row.number, one.registration)


def _change_address(one: Received) -> ChangeAddress:
    row, email = one.row, str(one.content["email"])
    address = one.references.address(email)
    return ChangeAddress(row.number, one.registration, email, address, row.code, row.received_at, row.network)


def _undo_address(one: Received) -> UndoAddress:
    return UndoAddress(one.row.number, one.links.former_at(one.row), one.row.form)


def _mute(one: Received, *, muted: bool) -> Mute:
    return Mute(one.row.number, one.address, muted, one.registration)


def _enter(one: Received) -> Enter:
    row, given = one.row, one.given()
    address = one.references.address(given.email)
    person = one.references.person(given.email, given.name, given.title)
    return Enter(row.number, row.form, row.received_at, given, address, person, _act(one))


def _correct(one: Received) -> Correct:
    row, given = one.row, one.given()
    target, fields = _named(one, "target"), frozenset(map(str, one.content["fields"]))
    address = one.references.address(given.email)
    return Correct(row.number, row.received_at, target, given, fields, address, _act(one))


def _merge(one: Received) -> Merge:
    row, given = one.row, one.given()
    kept, other, fields = _named(one, "kept"), _named(one, "other"), frozenset(map(str, one.content["fields"]))
    address, sealed_of_other = one.references.address(given.email), bool(one.content.get("sealed_of_other"))
    return Merge(row.number, row.received_at, kept, other, given, fields, address, sealed_of_other, _act(one))


def _act(one: Received) -> DeskAct:
    if one.row.entered_by is None:
        raise ValueError("a command of the desk without its coordinator")
    return DeskAct(one.row.entered_by, str(one.content["reason"]))


def _named(one: Received, name: str) -> NamedRegistration:
    values = one.content[name]
    identity = str(values["id"])
    return NamedRegistration(identity, int(values["revision"]), one.links.named.get(identity))


def _erase(one: Received) -> Item:
    raise ValueError(f"an erasure is no part of a batch: {one.row.number}")


def _never(_content: Mapping[str, Any]) -> bool:
    return False


def _always(_content: Mapping[str, Any]) -> bool:
    return True


COMMANDS = {
    command.name: command
    for command in (
        Command("submission", (CONFIRMATION,), False, _never, _submission),
        Command("confirm", (CONFIRMATION,), False, _uses_address, _confirm),
        Command("mute", (CONFIRMATION,), False, _never, partial(_mute, muted=True)),
        Command("unmute", (CONFIRMATION, OWN), False, _never, partial(_mute, muted=False)),
        Command("send-link", (CONFIRMATION, VIEW), False, _never, _send_link),
        Command("send-list", (), False, _never, _request_list),
        Command("verify", (OWN, JOIN), False, _never, _verify),
        Command("change", (OWN,), False, _never, _change),
        Command("cancel", (OWN,), False, _never, _cancel),
        Command("accept-seat", (OWN,), False, _never, partial(_answer_offer, accepted=True)),
        Command("decline-seat", (OWN,), False, _never, partial(_answer_offer, accepted=False)),
        Command("renew-links", (OWN,), False, _always, _renew_links),
        Command("change-address", (OWN,), False, _never, _change_address),
        Command("undo-address", (), False, _always, _undo_address),
        Command("erase", (OWN,), False, _never, _erase),
        Command(ENTER, (), True, _always, _enter),
        Command(CORRECT, (), True, _always, _correct),
        Command(MERGE, (), True, _always, _merge),
    )
}
"""By name; any other name is of no command, and its row is parked."""


def parts_of(batch: Sequence[OpenedRow]) -> Iterator[list[OpenedRow]]:
    """Yield the batch in parts: a row that renews links, or may change a registration's address, is a separate part.

    Such a row ends links, and each part reads its links afresh. Nothing else in the part changes that registration.
    """
    for alone, rows in groupby(batch, key=_ends_links):
        part = list(rows)
        yield from ([row] for row in part) if alone else (part,)


def _ends_links(opened: OpenedRow) -> bool:
    row, content = opened
    return row.kind in COMMANDS and COMMANDS[row.kind].ends_links(content)


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
    """Bind what is decided inside of it to the span of the batch, and to the request if there was only one.

    Args:
        batch: the opened batch.
        start_ns: the start of the batch, nanoseconds since 1970.
    """
    causes = causes_of(batch)
    correlation, trace = causes[0] if len(causes) == 1 else ("", "")
    attributes = {"messaging.batch.message_count": len(batch)}
    with caused_by(correlation, trace), span(DECIDE, "decide", attributes, [row_id[1] for row_id in causes], start_ns):
        yield


def refs_of(item: Item, links: Links) -> list[bytes]:
    """Addresses that have to be read for an item."""
    if isinstance(item, Submission | Enter):
        return [item.address.ref]
    if isinstance(item, Correct | Merge):
        named = (item.target,) if isinstance(item, Correct) else (item.kept, item.other)
        return [item.address.ref, *(registration.address for registration in named if registration.address is not None)]
    if isinstance(item, UndoAddress):
        link = links.undone_by(item)
        return [] if link is None else list(link.refs)
    if isinstance(item, ChangeAnswers | Cancel | AnswerOffer | RenewLinks | Verify | ChangeAddress):
        own = [owner.address.ref for owner in links.owners.values() if owner.registration == item.registration]
        return [*own, item.address.ref] if isinstance(item, ChangeAddress) else own
    return [] if item.address is None else [item.address.ref]


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeciderKeys:
    """The keys that the decider needs.

    Attributes:
        private: the private keys of the decider, newest first, 32 bytes each.
        references: the maker of the keyed hashes of addresses and people.
    """

    private: Sequence[bytes] = field(repr=False)
    references: References


def open_rows(connection: Connection, keys: DeciderKeys, rows: Sequence[QueuedRow]) -> list[OpenedRow]:
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


def _item(keys: DeciderKeys, row: QueuedRow, content: Mapping[str, Any], links: Links) -> Item:
    owner = owner_of(row, links.owners)
    address = owner.address if owner is not None and owner.has_link_at(row.received_at) else None
    registration = owner.registration if owner is not None else None
    return COMMANDS[row.kind].read(Received(row, content, keys.references, links, address, registration))


def owner_of(row: QueuedRow, links: Mapping[bytes, LinkOwner]) -> LinkOwner | None:
    """Return the owner of the link of a command; None if it has ended or its purpose does not permit the command.

    Raises:
        KeyError: there is no such kind of command.
    """
    owner = links.get(row.token_hash or b"")
    return owner if owner is not None and owner.purpose in COMMANDS[row.kind].links else None


def _park(connection: Connection, row: QueuedRow, error: Exception) -> None:
    queue.park(connection, row.number, f"it cannot be read: {type(error).__name__}")
    log.error("a submission cannot be read and is parked", extra={"number": row.number})
