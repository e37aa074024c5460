"""A7, A8, A10 and A11: each cause makes one mail, to the right people, with true content."""

from deploy.operations.audit.checks import Alone, Equation, Paired, Side
from deploy.operations.audit.seats import ATTENDING, COPIES

_NUMBERED = "('confirmation', 'proposal-received', 'waiting-list', 'promotion', 'seat-offered', \
'offer-ended', 'changed', 'cancelled-by-you')"
"""Kinds of mail that report one revision of a registration."""

_NEWS = "('event-rescheduled', 'event-postponed', 'event-cancelled', 'event-revived', 'event-confirmed', \
'event-changed', 'remote-possible')"

_WANTED = """
    SELECT registration_id || ' ' || change.revision || ' ' || kind, NULL,
        CASE WHEN r.erased_at IS NOT NULL OR changed_at < %(remembered_since)s
                OR starts_with(change.reason, 'restored: ') THEN false
            WHEN changed_at < %(late_before)s THEN true END
    FROM (
        SELECT registration_id, revision, changed_at, CASE
            WHEN status = lag(status) OVER steps THEN 'changed'
            WHEN status = 'offered' THEN 'seat-offered'
            WHEN lag(status) OVER steps = 'offered' AND status = 'waitlisted' THEN 'offer-ended'
            WHEN status = 'waitlisted' THEN 'waiting-list'
            WHEN status = 'cancelled' THEN 'cancelled-by-you'
            WHEN lag(status) OVER steps IN ('waitlisted', 'offered') THEN 'promotion'
            ELSE 'confirmation' END AS kind, status, reason
        FROM registration_change WINDOW steps AS (PARTITION BY registration_id ORDER BY revision)) AS change
        LEFT JOIN (SELECT id, revision, erased_at FROM registration) r ON r.id = change.registration_id
    WHERE r.erased_at IS NULL OR change.revision < r.revision
"""
"""No mail reports an erasure. Earlier changes that no mail had reported by then are no longer reported."""

_WRITTEN = f"""
    SELECT subject || ' ' || revision || ' ' || replace(kind, 'proposal-received', 'confirmation'), NULL, false
    FROM mail WHERE kind IN {_NUMBERED}
"""  # noqa: S608 - constants
_NEVER_PUBLISHED = f"""
    SELECT m.id::text, 'at most revision ' || r.revision, m.revision::text
    FROM mail m JOIN recipient r ON r.subject = m.subject
    WHERE m.kind IN {_NUMBERED} AND m.revision > r.revision
"""  # noqa: S608 - constants
_ANNOUNCED = f"""
    SELECT a.id::text, a.mails::text, count(m.*)::text FROM announcement a LEFT JOIN (
        SELECT CASE WHEN kind = 'bulletin' THEN kind WHEN kind = 'recording-available' THEN 'recording' ELSE 'news' END
            AS cause, event, revision FROM mail WHERE kind IN ('bulletin', 'recording-available') OR kind IN {_NEWS}) m
        ON m.cause = a.cause AND m.revision = a.number AND (a.cause = 'bulletin' OR m.event = a.event)
    WHERE a.created_at > %(remembered_since)s GROUP BY a.id, a.mails HAVING a.mails <> count(m.*)
"""  # noqa: S608 - constants
_TWO_BULLETINS = """
    SELECT string_agg(id::text, ' ' ORDER BY id), 'bulletin ' || revision || ' once', count(*)::text
    FROM mail WHERE kind = 'bulletin' AND recipient IS NOT NULL GROUP BY recipient, revision HAVING count(*) > 1
"""
_ENDED = """
    SELECT m.id::text, 'claims ' || m.fence || ', handed over ' || (m.state IN ('sent', 'bounced'))::integer
            || ', in hand ' || (m.state = 'claimed')::integer,
        'claims ' || coalesce(a.claims, 0) || ', handed over ' || coalesce(a.sent, 0)
            || ', in hand ' || coalesce(a.in_hand, 0)
    FROM mail m LEFT JOIN (
        SELECT mail_id, count(*) AS claims, count(*) FILTER (WHERE outcome = 'sent') AS sent,
            count(*) FILTER (WHERE outcome IS NULL) AS in_hand FROM mail_attempt GROUP BY mail_id) a ON a.mail_id = m.id
    WHERE (m.fence, (m.state IN ('sent', 'bounced'))::integer, (m.state = 'claimed')::integer)
        <> (coalesce(a.claims, 0), coalesce(a.sent, 0), coalesce(a.in_hand, 0))
"""

A7 = Equation(
    "A7",
    "mails wanted = mails written, one for each registration, kind and revision; their states add up",
    (
        Paired("each change is one mail", (Side("registration", _WANTED),), (Side("notifications", _WRITTEN),)),
        Alone("notifications", "no mail is about a revision that was never published", _NEVER_PUBLISHED),
        Alone("notifications", "each announcement created as many mails as it records", _ANNOUNCED),
        Alone("notifications", "no person got a bulletin twice", _TWO_BULLETINS),
        Alone("notifications", "a mail's state matches the outcome of its claims", _ENDED),
    ),
)

_OTHER_ID = """
    SELECT m.id::text, m.message_id, a.message_id FROM mail_attempt a JOIN mail m ON m.id = a.mail_id
    WHERE a.message_id <> m.message_id
"""
_SHARED_ID = """
    SELECT string_agg(id::text, ' ' ORDER BY id), '1', count(*)::text FROM mail GROUP BY message_id HAVING count(*) > 1
"""
_HANDED_OVER_TWICE = """
    SELECT m.id::text, 'at most ' || 1 + m.unknowns, count(*)::text
    FROM mail m JOIN mail_attempt a ON a.mail_id = m.id AND a.outcome IN ('sent', 'unknown')
    GROUP BY m.id, m.unknowns
    HAVING count(*) > 1 + m.unknowns OR count(*) FILTER (WHERE a.outcome = 'unknown') > m.unknowns
"""
_MAY_HAVE_COPIES = """
    SELECT message_id, (state IN ('sent', 'bounced'))::integer || ' to '
        || unknowns + (state IN ('sent', 'bounced', 'claimed'))::integer, state IN ('sent', 'bounced') FROM mail
"""


def within(span: str, count: str) -> bool:
    """Whether ``count`` is in a range such as ``1 to 2``."""
    least, most = span.split(" to ")
    return int(least) <= int(count) <= int(most)


A8 = Equation(
    "A8",
    "one Message-ID for each mail; as many copies as handovers, one more only for each recorded as unknown",
    (
        Alone("notifications", "every attempt at a mail has its Message-ID", _OTHER_ID),
        Alone("notifications", "no two mails share a Message-ID", _SHARED_ID),
        Alone("notifications", "a mail is handed over once, and once more for each unknown", _HANDED_OVER_TWICE),
        Paired(
            "the copies that arrived are those that were handed over",
            (Side("notifications", _MAY_HAVE_COPIES),),
            (Side(COPIES),),
            within,
        ),
    ),
)

_COPY = """
    SELECT id, revision::text, CASE WHEN id <> ALL(%(moving)s::text[]) THEN true END FROM event_copy
"""
_OF_THE_FUTURE = """
    SELECT m.id::text, 'at most revision ' || e.revision, m.event_revision::text
    FROM mail m JOIN event_copy e ON e.id = m.event WHERE m.event_revision > e.revision
"""
_NOTIFIES = f"""
    m.event = n.event AND ((m.kind IN {_NEWS} AND m.revision = n.number)
        OR (m.kind IN ('confirmation', 'waiting-list', 'promotion', 'changed', 'proposal-scheduled')
                OR m.kind IN {_NEWS})
            AND (m.state IN ('queued', 'deferred', 'claimed') OR m.event_revision >= n.shown))
"""
_NOT_NOTIFIED = f"""
    WITH newest AS (
        SELECT DISTINCT ON (event) event, number, changed_at, coalesce((detail ->> 'shown')::integer, number) AS shown,
            ended_at
        FROM announcement WHERE cause = 'news' ORDER BY event, number DESC),
    not_notified AS (
        SELECT r.subject, n.*, dense_rank() OVER (PARTITION BY n.event ORDER BY r.person_ref) AS people
        FROM newest n JOIN recipient r ON r.event = n.event AND r.about = 'registration' AND r.heard_at <= n.changed_at
            AND r.erased_at IS NULL AND r.status IN ('confirmed', 'waitlisted')
            AND (r.form_kind IN {ATTENDING} OR EXISTS (SELECT FROM mail s
                WHERE s.subject = r.subject AND s.kind = 'proposal-scheduled' AND s.sent_at <= n.changed_at))
        WHERE n.ended_at IS NOT NULL AND n.changed_at > %(remembered_since)s
            AND NOT EXISTS (SELECT FROM mail m WHERE m.recipient = r.person_ref AND {_NOTIFIES})
            AND NOT EXISTS (SELECT FROM mail m WHERE m.subject = r.subject AND {_NOTIFIES}))
    SELECT n.subject::text, 'notified of revision ' || n.shown || ' of ' || n.event, 'not notified'
    FROM not_notified n WHERE n.people > (
        SELECT count(*) FROM mail m JOIN recipient e ON e.subject = m.subject AND e.erased_at >= n.changed_at
        WHERE m.recipient IS NULL AND m.state IN ('sent', 'bounced', 'unknown') AND {_NOTIFIES})
"""  # noqa: S608 - constants
"""A person may have been notified about another registration of theirs that was erased since: that mail no longer names
its recipient. Each such mail accounts for one person. The proposer of a side event has a place in it once notified."""

A10 = Equation(
    "A10",
    "every participant was notified of the newest state of their event",
    (
        Paired(
            "both copies of an event are of the same revision",
            (Side("notifications", _COPY),),
            (Side("registration", "SELECT id, revision::text, false FROM event_copy"),),
        ),
        Alone("notifications", "no mail was written from a state that was never published", _OF_THE_FUTURE),
        Alone(
            "notifications", "each person with a place has a mail of the last news, or one written since", _NOT_NOTIFIED
        ),
    ),
)

_MAILED_TWICE = """
    SELECT subject::text, '1', count(*)::text FROM mail
    WHERE kind IN ('verification', 'address-changed', 'address-restored')
    GROUP BY subject HAVING count(*) > 1
"""
_LINKS_KEPT = """
    SELECT r.subject::text, 'a mail that waits', coalesce(m.state, 'none') FROM recipient r
    LEFT JOIN mail m ON m.subject = r.subject
    WHERE r.about IN ('confirmation', 'former-address', 'invitation', 'bulletin-test') AND r.erased_at IS NULL
        AND (m.state IN ('queued', 'deferred', 'claimed')
        OR (m.state = 'unknown' AND m.due_at IS NOT NULL)) IS NOT TRUE
"""
_SUPPRESSED = """
    SELECT m.id::text, 'nothing after ' || s.since, 'handed over' FROM mail m
    JOIN suppression s ON s.person_ref = m.recipient JOIN mail_attempt a ON a.mail_id = m.id
    WHERE m.kind = 'bulletin' AND a.phase = 'data' AND a.started_at > s.since + (%(now)s - %(settled_before)s)
"""

_ERASED = """
    SELECT m.id::text, 'nothing after ' || r.erased_at,
        m.state || ', in hand since ' || coalesce(a.started_at::text, '-')
    FROM mail m JOIN recipient r ON r.subject = m.subject AND r.erased_at IS NOT NULL
        LEFT JOIN mail_attempt a ON a.mail_id = m.id AND a.started_at > r.erased_at
    WHERE m.recipient IS NOT NULL OR m.state IN ('queued', 'deferred') OR (m.state = 'claimed' AND m.phase = 'claimed')
        OR (m.state = 'unknown' AND m.due_at IS NOT NULL) OR a.mail_id IS NOT NULL
"""

_OTHER_PERSON = """
    SELECT m.id::text, 'the person of its subject', 'another' FROM mail m JOIN recipient r ON r.subject = m.subject
    WHERE m.state IN ('queued', 'deferred') AND m.recipient <> r.person_ref
"""

A11 = Equation(
    "A11",
    "one mail for each link or former address, and nothing kept of it; none to the erased, or against a suppression",
    (
        Alone("notifications", "a confirmation link or a former address is mailed once", _MAILED_TWICE),
        Alone(
            "notifications",
            "nothing is kept of a confirmation link or a former address whose mail has ended",
            _LINKS_KEPT,
        ),
        Alone("notifications", "a person who wants no bulletins gets none", _SUPPRESSED),
        Alone("notifications", "nothing goes to an erased person, and no mail names them", _ERASED),
        Alone("notifications", "a mail that waits goes to the person it is about", _OTHER_PERSON),
    ),
)
