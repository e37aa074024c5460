"""Make, change and withdraw one thing of a kind; each step can be tried first. What was done is in the audit log."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import Connection, text

from services.events.event.service import EventsContext
from services.events.rules import enforce, slug_rule
from services.events.setup.kinds import SetupKind, Values
from shared.messaging import outbox
from shared.runtime.errors import DomainError
from shared.security.audit_log import AuditRecord, add_audit_record

T = TypeVar("T")
ANY = "*"
"""Value for the revision that was seen; it matches any current revision."""

MADE, CHANGED, WITHDRAWN = "made", "changed", "withdrawn"
_HISTORY = text("""
    SELECT at, who, action, detail FROM own_audit_log WHERE kind = :kind AND subject = :subject
    ORDER BY at DESC, key DESC LIMIT 50
""")


@dataclass(frozen=True, slots=True)
class Creation(Generic[T]):
    """Make ``values``, all of them or none."""

    values: Sequence[T]


@dataclass(frozen=True, slots=True)
class Alteration:
    """Give the value ``id`` other fields; ``seen`` are the revisions that the caller may have seen, or ``ANY``."""

    id: str
    changes: Values
    seen: Collection[str]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Delete the value ``id``; ``seen`` as for a change."""

    id: str
    seen: Collection[str]


SetupStep = Creation[T] | Alteration | Withdrawal


@dataclass(frozen=True, slots=True)
class StepOutcome(Generic[T]):
    """What a step did or would do.

    Attributes:
        old: what it was; None if it is made.
        new: what it is then; empty if it is withdrawn.
        differs: names of the fields that change.
        effects: sentences on what that means, and for whom.
    """

    old: T | None
    new: tuple[T, ...]
    differs: tuple[str, ...]
    effects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """Who did what, when; names of fields, no values."""

    at: datetime
    who: str
    action: str
    fields: tuple[str, ...]


def list_all(context: EventsContext, kind: SetupKind[T]) -> list[T]:
    """Every value of the kind.

    Raises:
        Unavailable: the database is down.
    """
    with context.work.transaction() as connection:
        return kind.stored.all(connection)


def find_one(context: EventsContext, kind: SetupKind[T], value_id: str) -> T:
    """One value.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is down.
    """
    with context.work.transaction() as connection:
        return _found(connection, kind, value_id)


def history_of(context: EventsContext, kind: SetupKind[T], value_id: str) -> list[HistoryLine]:
    """The last changes of one value, the newest first."""
    with context.work.transaction() as connection:
        rows = connection.execute(_HISTORY, {"kind": kind.name, "subject": value_id})
        prefix = f"{kind.name}-"
        return [
            HistoryLine(row.at, row.who, row.action.removeprefix(prefix), tuple(row.detail.get("fields", ())))
            for row in rows
        ]


def preview_step(context: EventsContext, kind: SetupKind[T], step: SetupStep[T]) -> StepOutcome[T]:
    """What ``take_step`` would do now. Changes nothing; raises what it would raise."""
    with context.work.transaction() as connection:
        return _plan(connection, kind, step, context.clock())


def take_step(context: EventsContext, kind: SetupKind[T], step: SetupStep[T], by: str) -> StepOutcome[T]:
    """Take the step, publish it, and record in the audit log that ``by`` (the name of a key) did it.

    Raises:
        RulesBroken: a value breaks a rule, or names what does not exist.
        DomainError: ``not-found``; ``already-exists``; ``edit-conflict``, it has changed since; ``in-use``, it
            cannot be withdrawn.
        Unavailable: the database is down.
    """
    with context.work.transaction() as connection:
        now = context.clock()
        outcome = _plan(connection, kind, step, now)
        if outcome.old is None or outcome.old not in outcome.new:
            _store(connection, kind, outcome, now, by)
    return outcome


def _plan(connection: Connection, kind: SetupKind[T], step: SetupStep[T], now: datetime) -> StepOutcome[T]:
    kind.lock(connection)
    if isinstance(step, Creation):
        return _creation(connection, kind, step, now)
    old = _found(connection, kind, step.id)
    if not {ANY, str(_revision(old))} & {tag.partition("-")[0] for tag in step.seen}:
        raise DomainError("edit-conflict", f"the {kind.words.noun} was changed; read it again")
    if isinstance(step, Alteration):
        return _alteration(connection, kind, old, step.changes, now)
    if kept := tuple(kind.blockers(connection, old, now)):
        raise DomainError("in-use", " ".join(kept))
    return StepOutcome(old, (), (), tuple(kind.effects(connection, old, (), now)))


def _creation(connection: Connection, kind: SetupKind[T], step: Creation[T], now: datetime) -> StepOutcome[T]:
    for value in step.values:
        if kind.stored.find_for_change(connection, id_of(value)) is not None:
            raise DomainError("already-exists", f"there is a {kind.words.noun} {id_of(value)} already")
        enforce(kind.check(connection, value))
    return StepOutcome(None, tuple(step.values), (), tuple(kind.effects(connection, None, step.values, now)))


def _alteration(connection: Connection, kind: SetupKind[T], old: T, changes: Values, now: datetime) -> StepOutcome[T]:
    new = kind.complete(old, cast(T, replace(cast(Any, old), **kind.typed(dict(changes)))))
    differs = tuple(
        field.name for field in fields(cast(Any, old)) if getattr(old, field.name) != getattr(new, field.name)
    )
    if not differs:
        return StepOutcome(old, (old,), (), ())
    new = cast(T, replace(cast(Any, new), revision=_revision(old) + 1))
    enforce(kind.check(connection, new))
    return StepOutcome(old, (new,), differs, tuple(kind.effects(connection, old, (new,), now)))


def _store(connection: Connection, kind: SetupKind[T], outcome: StepOutcome[T], now: datetime, by: str) -> None:
    old = outcome.old
    if old is not None and not outcome.new:
        kind.stored.remove(connection, id_of(old))
        add_audit_record(connection, AuditRecord(by, f"{kind.name}-{WITHDRAWN}", kind.name, id_of(old)), now)
        outbox.add(connection, list(kind.withdrawal_messages(old, now)))
    for value in outcome.new:
        if old is not None:
            kind.stored.save(connection, value)
        elif not kind.stored.add(connection, value):
            raise DomainError("already-exists", f"there is a {kind.words.noun} {id_of(value)} already")
        action = f"{kind.name}-{MADE if old is None else CHANGED}"
        add_audit_record(
            connection, AuditRecord(by, action, kind.name, id_of(value), {"fields": list(outcome.differs)}), now
        )
        kind.record_history(connection, by, old, value, now)
        outbox.add(connection, list(kind.messages(old, value, now)))
    kind.after(connection)


def _found(connection: Connection, kind: SetupKind[T], value_id: str) -> T:
    found = None if slug_rule("id", value_id) else kind.stored.find_for_change(connection, value_id)
    if found is None:
        raise DomainError("not-found", f"there is no such {kind.words.noun}")
    return found


def id_of(value: Any) -> str:
    """The id of any value that is set up."""
    return str(value.id)


def _revision(value: Any) -> int:
    return int(getattr(value, "revision", 1))
