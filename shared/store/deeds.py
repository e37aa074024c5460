"""Who did what: deeds of people with a key, in the transaction of the deed itself, kept for three years.

Nobody changes one, and the database refuses to delete one that is younger than 1,000 days, so that whoever has got
hold of a process's login cannot remove what shows it.

What a service records elsewhere already (changes of registrations, of events, readings of sealed answers) is not
written twice: the view ``trail`` of its database shows both. Nothing here says who a participant is.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from shared.contracts.envelope import TYPE_PREFIX, Message
from shared.contracts.registry import source_of
from shared.core.clock import rfc3339
from shared.core.context import correlation_id, traceparent
from shared.core.ids import new_id
from shared.store import outbox
from shared.store.cleanup import HOURLY_S, Rule
from shared.store.unit_of_work import SERVICE

_NOTE = text("""
    INSERT INTO deed (done_at, done_by, deed, kind, subject, detail)
    VALUES (:now, :who, :deed, :kind, :subject, CAST(:detail AS jsonb))
""")
_READ = text("""
    SELECT at, who, deed, kind, subject, detail, key FROM trail
    WHERE (CAST(:at AS timestamptz) IS NULL OR (at, key) < (:at, :key))
        AND (CAST(:who AS text) = '' OR who = :who) AND (CAST(:deed AS text) = '' OR deed = :deed)
    ORDER BY at DESC, key DESC LIMIT :most
""")

UNION_KEPT_BY = "registration"
"""The service that keeps the audit log over all of them."""

AUDIT_LOG_KEPT = timedelta(days=3 * 365 + 1)
"""The database refuses to delete what is younger than 1,000 days: the difference is for clocks and leap years."""

AUDIT_LOG_RULE = Rule(
    "deed",
    "t.done_at < :before",
    AUDIT_LOG_KEPT,
    "an audit log is asked about years; what it says of people who work with the system ends as well",
    order="t.done_at",
    every_s=HOURLY_S,
)


@dataclass(frozen=True, slots=True)
class Deed:
    """Attributes:
    who: name of the key's holder.
    deed: in the past tense, ``bulletin-sent``.
    kind: of what it was done to (``bulletin``); empty for nothing.
    subject: its id or slug.
    detail: what else to know; never about a participant.
    """

    who: str
    deed: str
    kind: str = ""
    subject: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrailLine:
    """A deed as the trail shows it; ``key`` tells those of one moment apart."""

    at: datetime
    who: str
    deed: str
    kind: str
    subject: str
    detail: Mapping[str, Any]
    key: str


@dataclass(frozen=True, slots=True)
class TrailFilter:
    """Which lines: of whom, which deed (empty: any), older than ``before`` (moment and key), at most ``most``."""

    who: str = ""
    deed: str = ""
    before: tuple[datetime, str] | None = None
    most: int = 50


def note_deed(connection: Connection, deed: Deed, now: datetime) -> None:
    """Write a deed down, in the transaction that does it."""
    values = {"who": deed.who, "deed": deed.deed, "kind": deed.kind, "subject": deed.subject}
    connection.execute(_NOTE, {**values, "detail": json.dumps(dict(deed.detail)), "now": now})
    publish_entry(connection, deed, now)


def publish_entry(connection: Connection, deed: Deed, now: datetime) -> None:
    """Publish a deed to registration, which keeps the union of the audit logs; its own stand there already.

    For what a service records elsewhere than by ``note_deed``. In the transaction of the act, so that neither is
    without the other.

    Raises:
        KeyError: the connection is not of a unit of work, so nobody knows whose deed it is.
    """
    service = connection.get_execution_options()[SERVICE]
    if service != UNION_KEPT_BY:
        outbox.add(connection, [audit_message(service, deed, now)])


def audit_message(service: str, deed: Deed, now: datetime) -> Message:
    """A deed of ``service``, for the audit log over all services."""
    identity = new_id()
    return Message(
        id=identity,
        type=f"{TYPE_PREFIX}{service}-audit.recorded.v1",
        source=source_of(service),
        subject=identity,
        time=now,
        data={
            "entry_id": identity,
            "occurred_at": rfc3339(now),
            "who": deed.who,
            "act": deed.deed,
            "kind": deed.kind,
            "subject": deed.subject,
            "detail": dict(deed.detail),
        },
        correlation_id=correlation_id(),
        traceparent=traceparent(),
    )


def read_trail(connection: Connection, wanted: TrailFilter) -> Sequence[TrailLine]:
    """Lines of the service's trail, newest first."""
    at, key = wanted.before or (None, "")
    values = {"at": at, "key": key, "who": wanted.who, "deed": wanted.deed, "most": wanted.most}
    return [TrailLine(*row) for row in connection.execute(_READ, values)]
