"""Prepares a batch for the decision: what its links give access to, its addresses, and its parts."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from services.registration.intake.address_model import ChangeAddress, UndoAddress
from services.registration.intake.address_store import UndoLink
from services.registration.intake.decider_store import LinkOwner
from services.registration.intake.desk_model import Correct, Enter, Merge
from services.registration.intake.desk_reading import DESK_KINDS
from services.registration.intake.items import AnswerOffer, Cancel, Change, Item, RenewLinks, Submission, Verify
from services.registration.intake.outcomes import Act
from services.registration.intake.queue import QueuedRow
from shared.core.context import caused_by
from shared.core.spans import DECIDE
from shared.core.tracing import span

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
    """Yield the batch in parts: a row that may change the address of a registration is a part of its own.

    Such a row ends links, and each part reads its links afresh. Nothing else in the part changes that registration.
    """
    for alone, some in groupby(batch, key=_may_move):
        part = list(some)
        yield from ([one] for one in part) if alone else (part,)


def _may_move(opened: OpenedRow) -> bool:
    row, content = opened
    if row.kind == "confirm":
        choices = content.get("choices")
        return isinstance(choices, list) and any(
            isinstance(choice, dict) and choice.get("act") == Act.USE_ADDRESS for choice in choices
        )
    return row.kind == "undo-address" or row.kind in DESK_KINDS


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
    said = {"messaging.batch.message_count": len(batch)}
    with caused_by(correlation, trace), span(DECIDE, "decide", said, [each[1] for each in causes], start_ns):
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
    if isinstance(item, Change | Cancel | AnswerOffer | RenewLinks | Verify | ChangeAddress):
        own = [owner.address.ref for owner in links.owners.values() if owner.registration == item.registration]
        return [*own, item.address.ref] if isinstance(item, ChangeAddress) else own
    return [] if item.address is None else [item.address.ref]
