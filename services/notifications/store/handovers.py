"""Mails in a sender's hands: claimed under a lease, handed over under a fence, settled once.

The fence rises with each claim. Whoever settles names the fence of their own claim, so a sender that comes back after
somebody else has claimed its mail changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.notifications.domain.kinds import ALWAYS_TOLD, ATTENDING, NEWS_KINDS, SEATED
from services.notifications.domain.mail import ERASED, OUTCOME_STATES, WITHOUT_CONTENT, ClaimedMail, Verdict
from services.notifications.domain.states import sources_of
from services.notifications.store.knowing import KNOWS
from services.notifications.store.recipients import BEST_FIRST, ENTRY_COLUMNS, ENTRY_WIDTH, BookEntry, entry_of

_MAIL_END = 14
_BOOK_END = _MAIL_END + ENTRY_WIDTH
_SEATED = f"ORDER BY {BEST_FIRST.format('o')}) FILTER (WHERE o.status = '{SEATED}'))[1]"
_HELD = f"""
    SELECT CAST(sum(o.revision + o.carried) AS integer) AS changes,
        (array_agg(CAST(o.subject AS text) {_SEATED} AS seat,
        (array_agg(o.closed {_SEATED} AS closed,
        (array_agg(o.form {_SEATED} AS form
    FROM recipient o WHERE o.person_ref = c.recipient AND o.event = c.event AND o.about = 'registration'
        AND o.form_kind = ANY(ARRAY{list(ATTENDING)})"""  # noqa: S608 - names of our own columns
"""All registrations by which a mail's recipient takes part in its event."""

_LANES_DUE = text("""
    SELECT l.lane FROM unnest(CAST(:lanes AS text[])) AS l(lane) WHERE EXISTS (
        SELECT FROM mail m WHERE m.lane = l.lane AND m.state IN ('queued', 'deferred') AND m.due_at <= :now
            AND (m.expires_at IS NULL OR m.expires_at > :now))
""")
_CLAIM = text(f"""
    WITH due AS (
        SELECT id FROM mail WHERE lane = :lane AND state IN ('queued', 'deferred') AND due_at <= :now
            AND (expires_at IS NULL OR expires_at > :now)
        ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED),
    claimed AS (
        UPDATE mail m SET state = 'claimed', phase = 'claimed', fence = fence + 1, lease_until = :lease_until,
            reason = NULL, event_revision = (SELECT e.revision FROM event_copy e WHERE e.id = m.event)
        FROM due WHERE m.id = due.id RETURNING m.*),
    opened AS (
        INSERT INTO mail_attempt (mail_id, number, message_id, phase, started_at)
        SELECT id, fence, message_id, 'claimed', :now FROM claimed)
    SELECT c.id::text, c.kind, c.subject::text, c.revision, c.event, c.message_id, c.fence, c.attempts, c.unknowns,
        c.lease_until, c.cause_at, coalesce(c.requeued_at, c.created_at), c.correlation_id,
        c.traceparent,
        {ENTRY_COLUMNS}, h.changes, h.seat, h.closed, CAST(f.content ->> 'alarm_minutes' AS integer),
        e.content, a.content, g.content -> 'title', c.detail, b.texts, s.person_ref IS NOT NULL,
        c.kind IN ({", ".join(f"'{kind}'" for kind in NEWS_KINDS if kind not in ALWAYS_TOLD)})
            AND {KNOWS.format(person="c.recipient", event="c.event", shown="CAST(c.detail ->> 'shown' AS integer)")},
        c.requeued_at IS NOT NULL, c.closed, b.stopped_at IS NOT NULL
    FROM claimed c JOIN recipient r ON r.subject = c.subject LEFT JOIN event_copy e ON e.id = c.event
        LEFT JOIN event_copy a ON a.id = r.attend LEFT JOIN working_group_copy g ON g.id = r.working_group
        LEFT JOIN bulletin b ON c.kind IN ('bulletin', 'bulletin-test') AND b.number = c.revision
        LEFT JOIN suppression s ON c.kind = 'bulletin' AND s.person_ref = c.recipient
        LEFT JOIN LATERAL ({_HELD}) h ON h.changes IS NOT NULL LEFT JOIN form_copy f ON f.id = h.form
    ORDER BY c.due_at, c.number
""")  # noqa: S608 - names of our own columns
_BEGIN = text("""
    WITH mine AS (
        SELECT id, fence FROM mail WHERE id = CAST(:id AS uuid) AND state = 'claimed' AND phase = 'claimed'
            AND fence = :fence AND lease_until > :now AND (expires_at IS NULL OR expires_at > :now)
        FOR UPDATE),
    begun AS (UPDATE mail m SET phase = 'data', lease_until = :lease_until FROM mine WHERE m.id = mine.id)
    UPDATE mail_attempt a SET phase = 'data' FROM mine WHERE a.mail_id = mine.id AND a.number = mine.fence
""")
_SETTLE = text("""
    WITH mine AS (
        SELECT id, fence, state, recipient IS NULL AS erased FROM mail
        WHERE id = CAST(:id AS uuid) AND fence = :fence AND state = ANY(:sources) FOR UPDATE),
    settled AS (
        UPDATE mail m SET
            state = CASE WHEN NOT mine.erased OR :state NOT IN ('queued', 'deferred') THEN :state
                WHEN mine.state = 'unknown' THEN 'unknown' ELSE 'called_off' END,
            reason = CASE WHEN mine.erased AND :state <> 'sent' THEN :erased ELSE :reason END,
            sent_at = :sent_at, phase = NULL, lease_until = NULL,
            closed = CASE WHEN NOT (:ends_content OR mine.erased) THEN m.closed END,
            ended_at = CASE WHEN :state = 'failed' THEN CAST(:at AS timestamptz) END,
            due_at = CASE WHEN NOT mine.erased
                THEN coalesce(:due_at, CASE WHEN :state = 'queued' THEN m.due_at END) END,
            attempts = attempts + CASE mine.state WHEN 'claimed' THEN :tried ELSE 0 END,
            unknowns = unknowns + :unknown
        FROM mine WHERE m.id = mine.id),
    closed AS (
        UPDATE mail_attempt a SET ended_at = :at, outcome = :outcome FROM mine
        WHERE a.mail_id = mine.id AND a.number = mine.fence)
    SELECT state FROM mine
""")


@dataclass(frozen=True, slots=True)
class Seat:
    """The registration by which a person has a seat, if several the best; ``closed`` is bound to ``subject``."""

    subject: str
    closed: bytes


@dataclass(frozen=True, slots=True)
class Held:
    """What a person's registrations for an event come to: the sum of their revisions, and the seat, if any.

    ``alarm_minutes`` is what the seat's form says, None if it says nothing.
    """

    changes: int
    seat: Seat | None
    alarm_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed mail with what it is written from.

    Attributes:
        held: by all registrations with which the person takes part in the event; None if there is none.
        event: what is known of the mail's event; None as long as its message is not here.
        attend: the same of the event that the form asks people to attend as well.
        group: title of the subject's working group, by language.
        detail: what the mail says beyond that.
        texts: of the bulletin, by language.
        suppressed: whether it is a bulletin and the person wants none.
        known: whether it is news and the person's own confirmation tells them.
        sent_again: whether somebody had it sent again after it had ended.
        closed: what is personal and stands in this mail alone, encrypted; None if it has no such content.
        stopped: whether it is of a bulletin that somebody has stopped.
    """

    mail: ClaimedMail
    recipient: BookEntry
    held: Held | None
    event: Mapping[str, Any] | None
    attend: Mapping[str, Any] | None = None
    group: Mapping[str, str] | None = None
    detail: Mapping[str, Any] | None = None
    texts: Mapping[str, Mapping[str, str]] | None = None
    suppressed: bool = False
    known: bool = False
    sent_again: bool = False
    closed: bytes | None = None
    stopped: bool = False


def lanes_due(connection: Connection, lanes: Sequence[str], now: datetime) -> set[str]:
    """Those of ``lanes`` in which a mail is due: a question that costs far less than to claim and to find nothing."""
    return set(connection.execute(_LANES_DUE, {"lanes": list(lanes), "now": now}).scalars())


def claim(connection: Connection, lane: str, most: int, now: datetime, lease_until: datetime) -> list[Claim]:
    """Take up to ``most`` due mails of a lane, longest due first, skipping those in other hands."""
    rows = connection.execute(_CLAIM, {"lane": lane, "most": most, "now": now, "lease_until": lease_until})
    return [_claim(tuple(row)) for row in rows]


def _claim(row: tuple[Any, ...]) -> Claim:
    changes, seat, closed, alarm_minutes, *rest = row[_BOOK_END:]
    held = None if changes is None else Held(changes, None if seat is None else Seat(seat, closed), alarm_minutes)
    return Claim(ClaimedMail(*row[:_MAIL_END]), entry_of(row[_MAIL_END:_BOOK_END]), held, *rest)


def begin(connection: Connection, mail: ClaimedMail, now: datetime, lease_until: datetime) -> bool:
    """Note that ``mail`` is being handed over, and lengthen its lease; False if it must not be.

    It must not if its lease ran out, its own time has passed, it was called off or somebody else has it. Comes first in
    its transaction, so that it waits for others without holding anything they might wait for.
    """
    parameters = {"id": mail.id, "fence": mail.fence, "now": now, "lease_until": lease_until}
    return connection.execute(_BEGIN, parameters).rowcount == 1


def settle(connection: Connection, verdict: Verdict) -> str | None:
    """Store what became of a mail; returns the state it was in, or None if it was not this claim's any more.

    Of one whose recipient was erased meanwhile it is stored that it went. Whatever else is said of it, it goes no more.
    """
    state = OUTCOME_STATES[verdict.outcome]
    sources = [source for source in sources_of(state) if source in ("claimed", "unknown")]
    before: str | None = connection.execute(
        _SETTLE,
        {
            "id": verdict.mail.id,
            "fence": verdict.mail.fence,
            "sources": sources,
            "state": state,
            "reason": verdict.reason,
            "sent_at": verdict.at if state == "sent" else None,
            "due_at": verdict.due_at,
            "tried": int(verdict.tried),
            "unknown": int(state == "unknown"),
            "outcome": verdict.outcome,
            "erased": ERASED,
            "ends_content": state in WITHOUT_CONTENT,
            "at": verdict.at,
        },
    ).scalar()
    return before
