"""Notices of what retention will take: nothing goes that was not announced a day earlier, or confirmed by an operator.

A machine whose time jumps makes a year of records due at once, by its own clock and by the database's. What falls due
without a notice therefore waits. A notice names one record and one step (``sealed``, ``people``, ``answers-14``), and
ends when its record is not due in the coming days any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, TextClause, text

from shared.store.deeds import Deed, note_deed

ANNOUNCED_AHEAD = timedelta(hours=72)
"""How long before it goes something is announced. So much of it may go early when time jumps; and so long, less
``NOTICE``, may a relay be away without anything falling due unannounced."""

NOTICE = timedelta(hours=24)
"""How long at least lies between a notice and what it announces."""

RETENTION = "retention"
"""Who stands in the audit log, where nobody confirmed anything."""

MAY_GO = """EXISTS (SELECT 1 FROM retention_notice n WHERE n.step = :step AND n.subject = {id}
    AND (n.announced_at <= :announced_before OR n.confirmed_at IS NOT NULL))"""
"""Condition: a record was announced long enough ago, or an operator has confirmed that it goes."""

_ANNOUNCE = """
    INSERT INTO retention_notice (step, subject, form, announced_at)
    SELECT :step, coming.id, :form, :now FROM ({soon} EXCEPT {due}) coming
    ON CONFLICT (step, subject) DO UPDATE SET announced_at = excluded.announced_at
        WHERE retention_notice.announced_at > excluded.announced_at
"""
"""A notice from the future, of a time that was set back, begins anew."""

_RETRACT = """
    DELETE FROM retention_notice WHERE form = :form AND step = :step AND subject NOT IN ({soon})
"""
_RETRACT_OTHERS = text("""
    DELETE FROM retention_notice n WHERE NOT EXISTS (
        SELECT FROM unnest(CAST(:forms AS text[]), CAST(:steps AS text[])) AS kept (form, step)
        WHERE kept.form = n.form AND kept.step = n.step)
""")
_WAITING = "{due} EXCEPT SELECT subject FROM retention_notice WHERE step = :step"
_CONFIRM = f"""
    INSERT INTO retention_notice (step, subject, form, announced_at, confirmed_at)
    SELECT :step, waiting.id, :form, :now, :now FROM ({_WAITING}) waiting ON CONFLICT (step, subject) DO NOTHING
"""  # noqa: S608 - constants
_COUNT = f"SELECT count(*) FROM ({_WAITING}) waiting"  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class NoticeStatements:
    """Of one kind of step; :func:`notice_statements` makes them."""

    announce: TextClause
    retract: TextClause
    confirm: TextClause
    count: TextClause


@dataclass(frozen=True, slots=True)
class Noticed:
    """What a step is about, for notices.

    Attributes:
        step: its name, of which there is one a form.
        form: slug.
        statements: of its kind.
        values: of the statements' own parameters; ``before`` is one of them.
    """

    step: str
    form: str
    statements: NoticeStatements
    values: Mapping[str, Any]


def notice_statements(due: str) -> NoticeStatements:
    """Statements from the text of a query.

    Args:
        due: gives the ``id`` (uuid) of each record whose time was over ``:before``.
    """
    soon = due.replace(":before", ":soon")
    texts = (_ANNOUNCE, _RETRACT, _CONFIRM, _COUNT)
    return NoticeStatements(*(text(one.format(due=due, soon=soon)) for one in texts))


def announce(connection: Connection, noticed: Noticed, now: datetime) -> int:
    """Announce what will be due in the coming days, take back what will not; returns how many are new.

    Args:
        connection: of the caller's transaction.
        noticed: a step.
        now: compared with the database's clock, by which notices are measured.
    """
    values = _values(noticed) | {"soon": noticed.values["before"] + ANNOUNCED_AHEAD}
    connection.execute(noticed.statements.retract, values)
    new = connection.execute(noticed.statements.announce, values | {"now": now}).rowcount
    if new:
        _note(connection, "retention-announced", noticed, new, now)
    return new


def retract_others(connection: Connection, kept: Sequence[Noticed]) -> None:
    """Delete the notices of steps that are not in ``kept``: a step that a form gets back is announced anew."""
    values = {"forms": [one.form for one in kept], "steps": [one.step for one in kept]}
    connection.execute(_RETRACT_OTHERS, values)


def count_waiting(connection: Connection, noticed: Noticed) -> int:
    """How many records are due that nobody has announced."""
    found: int = connection.execute(noticed.statements.count, _values(noticed)).scalar_one()
    return found


def confirm(connection: Connection, noticed: Noticed, now: datetime, who: str) -> int:
    """Let go what is due and was not announced, because the operator ``who`` says so; returns how many."""
    confirmed = connection.execute(noticed.statements.confirm, _values(noticed) | {"now": now}).rowcount
    if confirmed:
        _note(connection, "retention-confirmed", noticed, confirmed, now, who)
    return confirmed


def note_taken(connection: Connection, noticed: Noticed, count: int, now: datetime) -> None:
    """Write into the audit log of how many records retention has taken something."""
    if count:
        _note(connection, "retention-done", noticed, count, now)


def _note(connection: Connection, deed: str, noticed: Noticed, count: int, now: datetime, who: str = RETENTION) -> None:
    detail = {"step": noticed.step, "count": count}
    note_deed(connection, Deed(who, deed, "form", noticed.form, detail), now)


def _values(noticed: Noticed) -> dict[str, Any]:
    return {**noticed.values, "step": noticed.step, "form": noticed.form}
