"""Read sealed answers: the reading is logged and committed first, then they are opened."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from services.registration.sealing.encryption import open_answers
from services.registration.sealing.form_keys import FormKeys, KeyGone
from services.registration.sealing.store import (
    Reading,
    ReadingFilter,
    SealedAnswers,
    count_read,
    find_sealed,
    list_readings,
    note_reading,
)
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.sealing import Unsealable
from shared.core.security_events import SecurityEvent, note
from shared.public_forms.cleaning import Unclean, clean_line
from shared.store.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

MAX_ONE_BY_ONE, ONE_BY_ONE = 30, timedelta(hours=24)
"""People of a form whose answers somebody reads one by one within that time: more is a list, with its own rules."""

MIN_REASON = 10
MAX_REASON = 500
KEY_GONE = "the key of this form has been destroyed"


@dataclass(frozen=True, slots=True)
class ReadingRequest:
    """Who wants to read whose sealed answers, and why.

    Attributes:
        registration_id: UUID text.
        reader: name of the key's holder.
        reason: as it was typed.
        may_touch: whether the reader's key is good for a form.
    """

    registration_id: str
    reader: str
    reason: str
    may_touch: Callable[[str], bool]


def read_sealed(work: UnitOfWork, clock: Clock, keys: FormKeys, request: ReadingRequest) -> dict[str, Any]:
    """Return the sealed answers of a registration by field; empty, with nothing logged, if it has none.

    Raises:
        DomainError: ``reason-needed`` (fewer than 10 characters, or not plain text), ``not-found``,
            ``too-many-readings``, ``sealed-gone`` if the form's key has been destroyed, in the database or in the
            folder.
    """
    reason = checked_reason(request.reason)
    with work.transaction() as connection:
        found = find_sealed(connection, request.registration_id)
        if found is None or not request.may_touch(found.form):
            raise DomainError("not-found")
        if found.sealed is None:
            return {}
        now = clock()
        note_reading(connection, request.registration_id, found.form, request.reader, reason, now)
        # counted after its own line: lines of the log wait for each other, so the limit is exact
        if count_read(connection, found.form, request.reader, now - ONE_BY_ONE) > MAX_ONE_BY_ONE:
            raise DomainError(
                "too-many-readings", "open a list: you have read many people of this form one by one today"
            )
    note(SecurityEvent.SEALED_READ, holder=request.reader, registration=request.registration_id, form=found.form)
    if found.is_destroyed:
        raise DomainError("sealed-gone", KEY_GONE)
    return _open(keys, request.registration_id, found)


def sealed_readings(work: UnitOfWork, wanted: ReadingFilter) -> list[Reading]:
    """Return who has read what and why, newest first."""
    with work.transaction() as connection:
        return list_readings(connection, wanted)


def _open(keys: FormKeys, registration_id: str, found: SealedAnswers) -> dict[str, Any]:
    try:
        return open_answers(keys.private_keys(found.form), found.form, found.bound_to, found.sealed or b"[]")
    except KeyGone:
        raise DomainError("sealed-gone", KEY_GONE) from None
    except Unsealable:
        log.error("sealed answers do not open by the form's key", extra={"registration": registration_id})
        raise DomainError("sealed-gone", "these answers do not open by the form's key") from None


def checked_reason(text: str) -> str:
    """Return a reason as it is logged.

    Raises:
        DomainError: ``reason-needed``: fewer than 10 characters, or not plain text on one line.
    """
    try:
        reason = clean_line(text, MAX_REASON)
    except Unclean:
        reason = ""
    if len(reason) < MIN_REASON:
        raise DomainError("reason-needed", f"say why, in {MIN_REASON} to {MAX_REASON} characters on one line")
    return reason
