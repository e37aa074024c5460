"""SQL for tracking: mails and their attempts by filter, counts by state, undelivered mails."""

# ruff: noqa: S608 - our constants, all values are parameters

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.notifications.mails.kinds import REPLACEABLE_NEWS, SubjectState
from services.notifications.recipients.audience import KNOWS_CHANGE
from services.notifications.rules.model import UndeliveredMail
from services.notifications.rules.store import english_title
from shared.calendar.event_news import NEWS_KINDS

_MAILS = """
    SELECT m.id::text, m.kind, m.subject::text, m.revision, m.recipient, m.event, m.lane, m.state, m.attempts,
        m.due_at, m.cause_at, m.created_at, m.sent_at, m.reason
    FROM mail m LEFT JOIN recipient r ON r.subject = m.subject
"""
_CONDITIONS = {
    "kind": "m.kind = :kind",
    "state": "m.state = :state",
    "event": "m.event = :event",
    "forms": "r.form = ANY(:forms)",
    "id": "m.id = CAST(:id AS uuid)",
    "before": "m.number < (SELECT number FROM mail WHERE id = CAST(:before AS uuid))",
}
_ATTEMPTS = text("""
    SELECT number, phase, started_at, ended_at, outcome FROM mail_attempt WHERE mail_id = CAST(:id AS uuid)
    ORDER BY number
""")


@dataclass(frozen=True, slots=True)
class MailRow:
    """A mail as coordinators and operators see it, with the person's reference only, None after an erasure."""

    id: str
    kind: str
    subject: str
    revision: int
    person_ref: str | None
    event: str | None
    lane: str
    state: str
    attempts: int
    due_at: datetime | None
    cause_at: datetime
    created_at: datetime
    sent_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """An attempt of a sender; ``outcome`` is None until it ends."""

    number: int
    phase: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None


def list_mails(connection: Connection, wanted: Mapping[str, Any], limit: int) -> list[MailRow]:
    """Return mails, newest first.

    Args:
        wanted: ``kind``, ``state``, ``event``, ``forms`` (a list), ``id``, ``before`` (an id; only older ones); all
            that are given must fit.
        limit: rows.
    """
    conditions = " AND ".join(_CONDITIONS[name] for name in wanted) or "true"
    query = text(f"{_MAILS} WHERE {conditions} ORDER BY m.number DESC LIMIT :most")
    return [MailRow(*row) for row in connection.execute(query, {**wanted, "most": limit})]


def list_attempts(connection: Connection, mail_id: str) -> list[AttemptRow]:
    """Return the attempts of one mail, first to last."""
    return [AttemptRow(*row) for row in connection.execute(_ATTEMPTS, {"id": mail_id})]


_COUNTS = text("SELECT kind, state, count(*) FROM mail GROUP BY kind, state ORDER BY kind")


def count_mails(connection: Connection) -> list[tuple[str, str, int]]:
    """Return kind, state and number of mails."""
    return [(row[0], row[1], row[2]) for row in connection.execute(_COUNTS)]


_UNDELIVERED = """
    m.recipient IS NOT NULL AND (m.state IN ('failed', 'missed') OR (m.state = 'unknown' AND m.due_at IS NULL))
"""
_ENDED = "coalesce(m.ended_at, m.created_at)"
_KNOWS_NEWS = KNOWS_CHANGE.format(person="m.recipient", event="m.event", shown="CAST(m.detail ->> 'shown' AS integer)")
_NEWER = f"""CASE
    WHEN m.kind = ANY(ARRAY{list(NEWS_KINDS)}) THEN EXISTS (
        SELECT FROM mail o WHERE o.recipient = m.recipient AND o.event = m.event AND o.revision > m.revision
            AND o.kind = ANY(ARRAY{list(NEWS_KINDS)}) AND o.state NOT IN ('cancelled', 'suppressed'))
        OR (m.kind = ANY(ARRAY{list(REPLACEABLE_NEWS)})
            AND {_KNOWS_NEWS})
    WHEN m.lane = 'reminder' THEN EXISTS (
        SELECT FROM mail o WHERE o.recipient = m.recipient AND o.event = m.event AND o.revision = m.revision
            AND o.lane = 'reminder' AND o.cause_at > m.cause_at AND o.state NOT IN ('cancelled', 'suppressed'))
    ELSE false END"""
"""News are composed from the newest state, so older and newer ones are the same; so are reminders of one date."""

_UNDELIVERED_CONDITIONS = {
    "ids": "m.id = ANY(CAST(:ids AS uuid[]))",
    "since": f"{_ENDED} >= :since",
    "until": f"{_ENDED} < :until",
    "reason": "m.reason = :reason",
    "kind": "m.kind = :kind",
}
_FIND = """
    SELECT m.id::text, m.kind, m.subject::text, m.revision, m.recipient, m.event, m.state, m.reason, {ended}, m.fence,
        r.language, r.form, r.form_kind, r.revision, r.status, r.decision,
        CASE WHEN e.id IS NOT NULL THEN jsonb_build_object('status', e.content -> 'status',
            'starts_at', e.content -> 'starts_at', 'ends_at', e.content -> 'ends_at', 'mode', e.content -> 'mode') END,
        {title}, s.person_ref IS NOT NULL, {newer}
    FROM mail m JOIN recipient r ON r.subject = m.subject AND r.erased_at IS NULL
        LEFT JOIN event_copy e ON e.id = m.event
        LEFT JOIN suppression s ON m.kind = 'bulletin' AND s.person_ref = m.recipient
    WHERE {conditions}
    ORDER BY {ended} DESC, m.number DESC
"""
_REASONS = text(f"""
    SELECT m.state, m.reason, count(DISTINCT m.recipient)::int FROM mail m WHERE {_UNDELIVERED}
    GROUP BY m.state, m.reason ORDER BY 3 DESC, 1, 2
""")
_REQUEUE = text("""
    UPDATE mail m SET state = 'queued', reason = NULL, due_at = :now, ended_at = NULL, requeued_at = :now, attempts = 0,
        expires_at = chosen.expires_at
    FROM unnest(CAST(:ids AS uuid[]), CAST(:fences AS integer[]), CAST(:expiries AS timestamptz[]))
        AS chosen (id, fence, expires_at)
    WHERE m.id = chosen.id AND m.fence = chosen.fence AND m.recipient IS NOT NULL
        AND (m.state IN ('failed', 'missed') OR (m.state = 'unknown' AND m.due_at IS NULL))
    RETURNING m.id::text
""")


@dataclass(frozen=True, slots=True)
class MailSelection:
    """A selection of undelivered mails, which must fit all fields.

    Attributes:
        ids: the ids of mails; None for any.
        since: the earliest time at which they were given up, aware; None for no bound.
        until: the time before which they were given up, aware; None for no bound.
        reason: why; empty for any.
        kind: the kind of mail; empty for any.
    """

    ids: Sequence[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    reason: str = ""
    kind: str = ""

    @property
    def conditions(self) -> dict[str, Any]:
        """The given fields, by keys of ``_UNDELIVERED_CONDITIONS``."""
        given = {"ids": self.ids, "since": self.since, "until": self.until}
        texts = {"reason": self.reason, "kind": self.kind}
        return {name: value for name, value in given.items() if value is not None} | {
            name: value for name, value in texts.items() if value
        }


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """Number of people who were not notified, by state of their mails and reason."""

    state: str
    reason: str
    people: int


@dataclass(frozen=True, slots=True)
class RequeuedMail:
    """A mail to requeue, under the fence of its check; ``expires_at``: None for never."""

    id: str
    fence: int
    expires_at: datetime | None


def find_undelivered(connection: Connection, selection: MailSelection) -> list[UndeliveredMail]:
    """Return undelivered mails, newest first."""
    given = selection.conditions
    conditions = " AND ".join([_UNDELIVERED, *(_UNDELIVERED_CONDITIONS[name] for name in given)])
    query = text(_FIND.format(ended=_ENDED, newer=_NEWER, title=english_title("e.content"), conditions=conditions))
    return [_undelivered(tuple(row)) for row in connection.execute(query, given)]


def count_reasons(connection: Connection) -> list[ReasonCount]:
    """Return why people were not notified, most people first."""
    return [ReasonCount(*row) for row in connection.execute(_REASONS)]


def requeue_mails(connection: Connection, mails: Sequence[RequeuedMail], now: datetime) -> set[str]:
    """Requeue mails; returns the ids of those that are still undelivered and were not tried since their check."""
    columns = {"ids": [mail.id for mail in mails], "fences": [mail.fence for mail in mails]}
    row = {**columns, "expiries": [mail.expires_at for mail in mails], "now": now}
    return set(connection.execute(_REQUEUE, row).scalars())


def _undelivered(row: tuple[Any, ...]) -> UndeliveredMail:
    values: list[Any] = [*row[:13], SubjectState(row[13], row[14], decision=row[15]), *row[16:]]
    return UndeliveredMail(*values)
