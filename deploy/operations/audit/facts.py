"""A5 and A6: each change is published, once, and each consumer of the message has received it."""

from deploy.operations.audit import proposals
from deploy.operations.audit.checks import Alone, Equation, Paired, Side, any_values
from deploy.operations.audit.seats import PARKED

_DECISIONS = tuple(f"proposal.{verb}" for verb in ("accepted", "returned", "declined", "scheduled"))

VERBS = ("confirmed", "waitlisted", "promoted", "offered", "offer-ended", "cancelled", "changed")
_OF_A_CHANGE = ", ".join(f"'org.troika.registration.{verb}.v1'" for verb in VERBS)
"""Types of the messages that a change of a registration causes; others about registrations have causes of their own."""

CONSUMING_QUEUES: tuple[tuple[str, str], ...] = tuple(
    (f"org.troika.{key}.v1", queue)
    for queue, keys in {
        "registration.copies": (
            "event.published",
            "event.changed",
            "working-group.changed",
            "hotel.changed",
            "resource.published",
            "events-audit.recorded",
            "notifications-audit.recorded",
        ),
        "notifications.copies": (
            "event.published",
            "event.changed",
            "working-group.changed",
            "resource.published",
            "form.changed",
            "partner.changed",
            "registration.tagged",
            "access.changed",
            "session.begun",
            "session.ended",
        ),
        "notifications.mail": (
            *_DECISIONS,
            *(f"registration.{verb}" for verb in VERBS),
            "registration.link-requested",
            "registration.details-requested",
            "registration.address-changed",
            "confirmation.wanted",
            "invitation.created",
            "person.erased",
        ),
        "registration.proposals": _DECISIONS,
        "events.proposals": ("proposal.submitted", "proposal.changed", "proposal.withdrawn"),
        "events.rollup": (
            *(f"registration.{verb}" for verb in VERBS),
            "person.erased",
        ),
        "events.contact": ("mail.sent",),
        "registration.mail": ("mail.sent", "mail.bounced", "mail.suppressed"),
        "events.copies": (
            "form.changed",
            "partner.changed",
            "access.changed",
            "session.begun",
            "session.ended",
            "approval.changed",
        ),
    }.items()
    for key in keys
)
"""Message type and queue, repeated here, so that a mistake in the services' own table cannot hide."""

_HISTORY = """
    SELECT r.id::text, 'revisions 1 to ' || r.revision || ', ' || r.status,
        coalesce(c.changes || ' up to ' || c.newest || ', ' || c.status, 'none')
    FROM registration r LEFT JOIN (
        SELECT registration_id, count(*) AS changes, max(revision) AS newest,
            (array_agg(replace(status, 'offered', 'waitlisted') ORDER BY revision DESC))[1] AS status
        FROM registration_change GROUP BY registration_id) c ON c.registration_id = r.id
    WHERE (c.changes, c.newest, c.status) IS DISTINCT FROM (r.revision, r.revision, r.status)
        AND coalesce(r.erased_at > %(history_since)s, true)
"""
_PUBLISHED = f"""
    WITH steps AS (
        SELECT c.registration_id, c.status, c.changed_at, r.erased_at IS NOT NULL AND c.revision = r.revision AS erased,
            lag(c.status) OVER (PARTITION BY c.registration_id ORDER BY c.revision) AS before, c.reason
        FROM registration_change c LEFT JOIN (SELECT id, revision, erased_at FROM registration) r
            ON r.id = c.registration_id),
    due AS (
        SELECT registration_id::text AS subject, 'org.troika.' || CASE
                WHEN erased THEN 'person.erased'
                WHEN status = before THEN 'registration.changed'
                WHEN status = 'confirmed' AND before IN ('waitlisted', 'offered') THEN 'registration.promoted'
                WHEN status = 'waitlisted' AND before = 'offered' THEN 'registration.offer-ended'
                ELSE 'registration.' || status END || '.v1' AS type,
            count(*) FILTER (WHERE changed_at > %(kept_since)s AND NOT starts_with(reason, 'restored: ')) AS kept,
            count(*) AS n
        FROM steps GROUP BY 1, 2),
    published AS (
        SELECT subject, type, count(*) AS n FROM outbox
        WHERE type IN ({_OF_A_CHANGE}, 'org.troika.person.erased.v1') GROUP BY subject, type)
    SELECT subject || ' ' || type, coalesce(d.n, 0)::text, coalesce(t.n, 0)::text
    FROM due d FULL JOIN published t USING (subject, type)
    WHERE t.n > d.n OR coalesce(t.n, 0) < d.kept
        OR (d.n IS NULL AND EXISTS (SELECT FROM registration r WHERE r.id::text = subject))
"""  # noqa: S608 - constants
_OUTCOMES_PUBLISHED = """
    WITH ended AS (
        SELECT id::text AS subject, m.at, 'org.troika.mail.' || CASE state WHEN 'failed' THEN 'bounced'
            WHEN 'suppressed' THEN 'suppressed' ELSE 'sent' END || '.v1' AS type
        FROM mail, LATERAL (SELECT coalesce(sent_at, ended_at, created_at) AS at) m
        WHERE state IN ('sent', 'bounced', 'failed', 'suppressed')),
    published AS (
        SELECT subject, type, count(*) AS n FROM outbox WHERE starts_with(type, 'org.troika.mail.') GROUP BY 1, 2)
    SELECT subject || ' ' || type, '1', coalesce(t.n, 0)::text FROM ended e FULL JOIN published t USING (subject, type)
    WHERE (t.n > 1 AND type <> 'org.troika.mail.bounced.v1') OR (e.at > %(kept_since)s AND t.n IS NULL)
"""
"""A mail that bounced may have been sent again by a person, and bounce again."""

A5 = Equation(
    "A5",
    "changes of state = messages, one for each revision",
    (
        Alone("registration", "a registration's history has every revision and ends with its state", _HISTORY),
        Alone("registration", "each change of a registration is one message", _PUBLISHED),
        Alone("notifications", "each mail that was sent, bounced or suppressed is one message", _OUTCOMES_PUBLISHED),
        *proposals.HISTORY,
    ),
)

_STORED = """
    SELECT o.message_id || ' ' || h.queue,
        CASE WHEN o.published_at IS NOT NULL AND o.blanked_at IS NULL THEN 'published' END,
        CASE WHEN o.blanked_at IS NOT NULL THEN false WHEN o.published_at < %(arrived_before)s THEN true END
    FROM outbox o JOIN unnest(%(types)s::text[], %(queues)s::text[]) AS h (type, queue) ON h.type = o.type
"""
"""A message whose content was erased may have been consumed before; no consumer needs it any longer."""

_CONSUMED = """
    SELECT message_id || ' ' || consumer, 'consumed', message_id > %(ids_since)s::uuid
        AND received_at < %(settled_before)s FROM inbox
"""
_ON_THE_BUS = """
    SELECT properties ->> 'message_id' || ' '
        || CASE right(queue, 7) WHEN '.parked' THEN left(queue, -7) ELSE queue END,
        CASE right(queue, 7) WHEN '.parked' THEN 'parked' ELSE 'waits' END, false
    FROM bus_message WHERE properties ->> 'message_id' IS NOT NULL
"""
_OPEN = """
    SELECT message_id::text, 'published',
        'waits since ' || coalesce(again_at, stored_at) || coalesce(': ' || refused_reason, '')
    FROM outbox WHERE published_at IS NULL AND coalesce(again_at, stored_at) < %(late_before)s
"""
_WAITS = """
    SELECT coalesce(properties ->> 'message_id', 'row ' || id), 'consumed',
        'waits in ' || queue || ' since ' || stored_at
    FROM bus_message WHERE right(queue, 7) <> '.parked' AND greatest(stored_at, visible_at) < %(late_before)s
"""
_STATE_PUBLISHED = """
    SELECT r.id::text, r.status || ', revision ' || r.revision,
        CASE WHEN r.erased_at < %(remembered_since)s THEN false WHEN c.changed_at < %(late_before)s THEN true END
    FROM registration r JOIN registration_change c ON c.registration_id = r.id AND c.revision = r.revision
"""
_STATE_ON_ROSTER = "SELECT registration_id::text, status || ', revision ' || revision, false FROM roster"
_STATE_OF_RECIPIENT = """
    SELECT subject::text, status || ', revision ' || revision, false FROM recipient WHERE about = 'registration'
"""
_ERASED = """
    SELECT id::text, NULL, CASE WHEN erased_at < %(remembered_since)s THEN false
        WHEN erased_at < %(late_before)s THEN true END
    FROM registration WHERE erased_at IS NOT NULL
    UNION ALL SELECT id::text, NULL, false FROM lost_registration
"""
_ERASED_ON_ROSTER = """
    SELECT registration_id::text, NULL, form <> ALL(%(forgetful)s::text[]) FROM roster WHERE erased_at IS NOT NULL
"""
_ERASED_RECIPIENTS = """
    SELECT subject::text, NULL, form <> ALL(%(forgetful)s::text[]) FROM recipient
    WHERE erased_at IS NOT NULL AND about = 'registration'
"""
NOT_ABOUT_REGISTRATIONS = ("verification", "address-changed", "address-restored", "invitation", "bulletin-test")
"""Kinds of mails that events does not store. The audit imports no service: a test compares them with the registry."""

_SENT = f"""
    SELECT id::text, NULL, CASE WHEN sent_at < %(remembered_since)s THEN false
        WHEN sent_at < %(late_before)s THEN true END FROM mail
    WHERE state IN ('sent', 'bounced') AND kind NOT IN {NOT_ABOUT_REGISTRATIONS}
"""  # noqa: S608 - constants
_CONTACTS = "SELECT mail_id::text, NULL, false FROM mail_contact"


def arrival_of(queue: str) -> str:
    """What a message waits for that ``queue`` has not been rid of."""
    return f"messages for {queue} to be consumed"


def _decision_or_arrival(key: str, value: str | None) -> str:
    queue = key.partition(" ")[2]
    return f"messages parked for {queue} to be decided on" if value == "parked" else arrival_of(queue)


DATABASES = ("registration", "events", "notifications")

ARRIVALS = Paired(
    "each published message was consumed by each of its consumers, waits or is parked; no other was consumed",
    tuple(Side(database, _STORED) for database in DATABASES),
    (
        *(Side(database, _CONSUMED) for database in DATABASES),
        Side("bus", _ON_THE_BUS, optional=True),
        Side(PARKED, optional=True),
    ),
    any_values,
    frozenset({"waits", "parked"}),
    _decision_or_arrival,
)

A6 = Equation(
    "A6",
    "published messages = messages consumed, by each consumer; none open for long",
    (
        ARRIVALS,
        *(Alone(database, "no message waits for long to be published", _OPEN) for database in DATABASES),
        Alone("bus", "no message waits for long to be consumed", _WAITS),
        Paired(
            "coordinators see the current state of each registration",
            (Side("registration", _STATE_PUBLISHED),),
            (Side("events", _STATE_ON_ROSTER),),
        ),
        Paired(
            "mails are written from the current state of each registration",
            (Side("registration", _STATE_PUBLISHED),),
            (Side("notifications", _STATE_OF_RECIPIENT),),
        ),
        Paired(
            "an erased person is erased from the rosters",
            (Side("registration", _ERASED),),
            (Side("events", _ERASED_ON_ROSTER),),
        ),
        Paired(
            "an erased person is erased from the recipients",
            (Side("registration", _ERASED),),
            (Side("notifications", _ERASED_RECIPIENTS),),
        ),
        *proposals.COPIES,
        Paired(
            "coordinators see each sent mail about a registration",
            (Side("notifications", _SENT),),
            (Side("events", _CONTACTS),),
        ),
    ),
)
