"""Read sealed answers: the reading is logged and committed first, then they are opened.

Reading most sealed answers of a form, and destroying its key, require approval by a second person ("four eyes"): one
person asks with a reason, another one approves or declines within a day. The requester can withdraw and never approve;
the database refuses it too. A network with a single reader switches it off by a setting, and the log then records that
no one approved.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, text

from services.registration.sealing.encryption import open_answers
from services.registration.sealing.key_store import FormKeys, KeyGone
from services.registration.sealing.store import (
    Reading,
    ReadingFilter,
    SealedAnswers,
    count_read,
    find_sealed,
    list_readings,
    record_reading,
)
from services.registration.telemetry import SEALED_ANSWERS_READ
from shared.db.unit_of_work import UnitOfWork
from shared.public_forms.fields import Unclean, clean_line
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_id
from shared.runtime.logs import record_security_event
from shared.security.audit_log import AuditRecord, add_audit_record
from shared.security.sealing import Unsealable

log = logging.getLogger(__name__)

MAX_ONE_BY_ONE, ONE_BY_ONE = 30, timedelta(hours=24)
"""How many people of a form a person may read one by one within that time: more is a list, with its own rules."""

MIN_REASON = 10
MAX_REASON = 500
KEY_GONE = "the key of this form has been destroyed"


@dataclass(frozen=True, slots=True)
class ReadingRequest:
    """Who wants to read whose sealed answers, and why.

    Attributes:
        registration_id: the id of the registration, UUID text.
        reader: the name of the key's holder.
        reason: the reason as it was typed.
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
        record_reading(connection, request.registration_id, found.form, request.reader, reason, now)
        # counted after its own line: lines of the log wait for each other, so the limit is exact
        if count_read(connection, found.form, request.reader, now - ONE_BY_ONE) > MAX_ONE_BY_ONE:
            raise DomainError(
                "too-many-readings",
                "open a list: today you have already read the answers of many people of this form one by one",
            )
    record_security_event(
        SEALED_ANSWERS_READ, holder=request.reader, registration=request.registration_id, form=found.form
    )
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
        raise DomainError("reason-needed", f"give a reason of {MIN_REASON} to {MAX_REASON} characters on one line")
    return reason


READ_ALL, DESTROY_KEY = "read-all", "destroy-key"
APPROVED, DECLINED, WITHDRAWN = "approved", "declined", "withdrawn"
DECISIONS = (APPROVED, DECLINED, WITHDRAWN)
WAITING, EXPIRED = "waiting", "expired"
APPROVED_WITHIN = timedelta(hours=24)
MAX_WAITING = 20
"""Of one person: more would be a mistake of a program."""

_RECORDED_AS = {READ_ALL: "sealed-list", DESTROY_KEY: "form-key-destruction"}

_COLUMNS = """id::text, act, form, asked_by, reason, filters, people::text[], asked_at, expires_at, decision,
    decided_by, decided_at, purpose, fields"""
_ASK = text("""
    INSERT INTO sealed_approval (id, act, form, asked_by, reason, filters, people, asked_at, expires_at, purpose,
        fields)
    VALUES (CAST(:id AS uuid), :act, :form, :asked_by, :reason, CAST(:filters AS jsonb), CAST(:people AS uuid[]),
        :asked_at, :expires_at, :purpose, :fields)
""")
_FIND = text(f"SELECT {_COLUMNS} FROM sealed_approval WHERE id = CAST(:id AS uuid)")  # noqa: S608 - constants
_LOCK = text(f"SELECT {_COLUMNS} FROM sealed_approval WHERE id = CAST(:id AS uuid) FOR UPDATE")  # noqa: S608
_WAITING = text(f"""
    SELECT {_COLUMNS} FROM sealed_approval
    WHERE decision IS NULL AND expires_at > :now AND (CAST(:forms AS text[]) IS NULL OR form = ANY(:forms))
    ORDER BY asked_at DESC, id LIMIT 200
""")  # noqa: S608 - constants
_CONSENT = text(f"""
    SELECT {_COLUMNS} FROM sealed_approval
    WHERE act = 'destroy-key' AND form = :form AND decision = 'approved' AND expires_at > :now
    ORDER BY decided_at DESC LIMIT 1
""")  # noqa: S608 - constants
_DECIDE = text("""
    UPDATE sealed_approval SET decision = :decision, decided_by = :by, decided_at = :now WHERE id = CAST(:id AS uuid)
""")


@dataclass(frozen=True, slots=True)
class Approval:
    """A request of one person that a second person decides.

    Attributes:
        id: the UUID text; a list that is approved has the same.
        act: one of ``ACTS``.
        form: the slug of the form.
        filters: the filters by which people were chosen; never an answer or a searched word.
        people: the ids of the registrations on the list; none for a key.
        expires_at: the time until which it can be decided.
        decision: one of ``DECISIONS``; None while it waits.
        purpose: the purpose of the list; None for a key.
        fields: the names of the questions that the list opens; None for a key.
    """

    id: str
    act: str
    form: str
    asked_by: str
    reason: str
    filters: Mapping[str, Any]
    people: Sequence[str]
    asked_at: datetime
    expires_at: datetime
    decision: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    purpose: str | None = None
    fields: Sequence[str] | None = None

    def state(self, now: datetime) -> str:
        """Return the decision; ``waiting`` or ``expired`` without one."""
        return self.decision or (WAITING if now < self.expires_at else EXPIRED)


def ask(connection: Connection, wanted: Approval) -> None:
    """Store a request for a second person's approval, and log it.

    Raises:
        DomainError: ``too-many-waiting``: as many of this person wait already.
    """
    waiting = [
        approval for approval in waiting_approvals(connection, wanted.asked_at) if approval.asked_by == wanted.asked_by
    ]
    if len(waiting) >= MAX_WAITING:
        raise DomainError("too-many-waiting", "withdraw some of your requests first")
    names = ("id", "act", "form", "asked_by", "reason", "asked_at", "purpose", "fields")
    row = {name: getattr(wanted, name) for name in names}
    filters = orjson.dumps(dict(wanted.filters)).decode()
    connection.execute(
        _ASK, {**row, "filters": filters, "people": list(wanted.people), "expires_at": wanted.expires_at}
    )
    _log(connection, wanted, "requested", wanted.asked_by, wanted.asked_at)


def new_approval(act: str, form: str, asked_by: str, reason: str, now: datetime) -> Approval:
    """Return a request that waits for a day, about no one yet."""
    return Approval(new_id(), act, form, asked_by, reason, {}, (), now, now + APPROVED_WITHIN)


def find_approval(connection: Connection, approval_id: str) -> Approval | None:
    """Return a request; None if there is none."""
    row = connection.execute(_FIND, {"id": approval_id}).fetchone()
    return None if row is None else Approval(*row)


def waiting_approvals(connection: Connection, now: datetime, forms: frozenset[str] | None = None) -> Sequence[Approval]:
    """Return what waits for a decision, newest first; only of ``forms``, unless that is None."""
    values = {"now": now, "forms": None if forms is None else sorted(forms)}
    return [Approval(*row) for row in connection.execute(_WAITING, values)]


def consent_to_destroy(connection: Connection, form: str, now: datetime) -> Mapping[str, str]:
    """Return who asked for and who approved the destruction of a form's key, for the audit log; empty if no one did."""
    row = connection.execute(_CONSENT, {"form": form, "now": now}).fetchone()
    if row is None:
        return {}
    found = Approval(*row)
    return {"asked_by": found.asked_by, "approved_by": str(found.decided_by), "approval": found.id}


def decide_approval(connection: Connection, approval_id: str, decision: str, by: str, now: datetime) -> Approval:
    """Decide a request, in the same transaction as its consequences.

    Args:
        connection: the connection of the caller's transaction; the request stays locked until it ends.
        approval_id: the id of the request, UUID text.
        decision: one of ``DECISIONS``.
        by: the name of the person who decides.
        now: the time.

    Raises:
        DomainError: ``not-found``; ``already-decided``; ``request-expired``; ``second-person-needed``: the requester
            cannot approve or decline; ``not-allowed``: no one else can withdraw.
    """
    row = connection.execute(_LOCK, {"id": approval_id}).fetchone()
    if row is None:
        raise DomainError("not-found")
    found = Approval(*row)
    _require_decidable(found, decision, by, now)
    connection.execute(_DECIDE, {"id": approval_id, "decision": decision, "by": by, "now": now})
    _log(connection, found, decision, by, now)
    return replace(found, decision=decision, decided_by=by, decided_at=now)


def _require_decidable(found: Approval, decision: str, by: str, now: datetime) -> None:
    if found.decision is not None:
        raise DomainError("already-decided", f"{found.decided_by} has already {found.decision} it")
    if found.state(now) == EXPIRED:
        raise DomainError("request-expired", "it was not decided within a day: request it again")
    if decision == WITHDRAWN and by != found.asked_by:
        raise DomainError("not-allowed", "only the person who requested it can withdraw it")
    if decision != WITHDRAWN and by == found.asked_by:
        raise DomainError("second-person-needed", "another person must decide about your request")


def _log(connection: Connection, about: Approval, what: str, who: str, now: datetime) -> None:
    detail = {"form": about.form, "asked_by": about.asked_by, "people": len(about.people)}
    add_audit_record(
        connection, AuditRecord(who, f"{_RECORDED_AS[about.act]}-{what}", "sealed-approval", about.id, detail), now
    )
