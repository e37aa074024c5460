"""What coordinators have decided about a proposal, as events publishes it, for the own page of its person."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from shared.contracts.envelope import Message
from shared.core.errors import Poison
from shared.core.sealing import Unsealable, open_sealed

SUBMITTED, RETURNED = "submitted", "returned"

_LOCK = text("""
    SELECT erased_at IS NOT NULL FROM registration WHERE id = CAST(:proposal_id AS uuid) FOR NO KEY UPDATE
""")
_UPSERT = text("""
    INSERT INTO proposal_state (registration_id, revision, answers_revision, status, note, event_id, decided_at)
    VALUES (CAST(:proposal_id AS uuid), :revision, :answers_revision, :status, :note, :event, :occurred_at)
    ON CONFLICT (registration_id) DO UPDATE SET revision = excluded.revision,
        answers_revision = excluded.answers_revision, status = excluded.status, note = excluded.note,
        event_id = excluded.event_id, decided_at = excluded.decided_at
    WHERE proposal_state.revision < excluded.revision
""")


@dataclass(frozen=True, slots=True)
class ProposalState:
    """Attributes:
    status: ``submitted``, ``accepted``, ``scheduled``, ``returned`` or ``declined``.
    note: of the coordinators; may be empty.
    event_id: slug of the side event that it became; None before.
    """

    status: str = SUBMITTED
    note: str = ""
    event_id: str | None = None


def state_at(found: Mapping[str, Any] | None, revision: int) -> ProposalState:
    """Return the state of a proposal whose registration has ``revision``.

    Args:
        found: the newest decision, a row of ``proposal_state``; None before the first. One that returned an earlier
            text is over: its person has changed the proposal, so it is submitted again.
    """
    if found is None:
        return ProposalState()
    again = found["status"] == RETURNED and found["answers_revision"] < revision
    return ProposalState(SUBMITTED if again else found["status"], found["note"], found["event_id"])


def handle_decision(connection: Connection, message: Message, private_keys: Sequence[bytes]) -> None:
    """Store a decision of coordinators, unless a newer one is known or the person was erased.

    Raises:
        Poison: the note does not open, or there is no such registration.
    """
    data = message.data
    erased = connection.execute(_LOCK, data).scalar()
    if erased is None:
        raise Poison("a decision about a proposal that nobody has submitted")
    if not erased:
        connection.execute(_UPSERT, {**data, "note": _note(data["note"], private_keys)})


def _note(sealed: str, private_keys: Sequence[bytes]) -> str:
    try:
        note = open_sealed(list(private_keys), base64.b64decode(sealed, validate=True)).get("note")
    except (Unsealable, binascii.Error):
        raise Poison("the note does not open") from None
    if not isinstance(note, str):
        raise Poison("the note is not text")
    return note
