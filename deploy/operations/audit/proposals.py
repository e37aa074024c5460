"""What A2, A5 and A6 ask of proposals of side events, which are registrations that another service reviews."""

from deploy.operations.audit.checks import Alone, Paired, Side

_DECISIONS = "('accepted', 'returned', 'declined', 'scheduled')"

_DECISION_ON_ERASED = """
    SELECT p.registration_id::text, 'nothing', p.status FROM proposal_state p
    JOIN (SELECT id, erased_at FROM registration) r ON r.id = p.registration_id WHERE r.erased_at IS NOT NULL
"""
_HISTORY = """
    SELECT p.id::text, 'revisions 1 to ' || p.revision || ', ' || p.status,
        coalesce(c.changes || ' up to ' || c.newest || ', ' || c.status, 'none')
    FROM proposal p LEFT JOIN (
        SELECT proposal_id, count(*) AS changes, max(revision) AS newest,
            (array_agg(status ORDER BY revision DESC))[1] AS status
        FROM proposal_change GROUP BY proposal_id) c ON c.proposal_id = p.id
    WHERE CASE WHEN p.erased_at IS NOT NULL THEN (c.newest, c.status) IS DISTINCT FROM (p.revision, p.status)
        ELSE p.answers_revision > 0
            AND (c.changes, c.newest, c.status) IS DISTINCT FROM (p.revision, p.revision, p.status) END
"""
"""A withdrawal or an erasure that arrived before the proposal has no history."""

_PUBLISHED = """
    WITH steps AS (
        SELECT c.registration_id, c.status, c.changed_at, r.erased_at IS NOT NULL AND c.revision = r.revision AS erased,
            lag(c.status) OVER (PARTITION BY c.registration_id ORDER BY c.revision) AS before, c.reason
        FROM registration_change c
        JOIN (SELECT id, form, revision, erased_at FROM registration) r ON r.id = c.registration_id
        JOIN (SELECT slug, kind FROM form) f ON f.slug = r.form AND f.kind = 'proposal'),
    due AS (
        SELECT registration_id::text AS subject, 'org.troika.proposal.' || CASE
                WHEN status = before THEN 'changed' WHEN status = 'cancelled' THEN 'withdrawn' ELSE 'submitted' END
                || '.v1' AS type, count(*) AS n,
            count(*) FILTER (WHERE changed_at > %(kept_since)s AND NOT starts_with(reason, 'restored: ')) AS kept
        FROM steps WHERE NOT erased GROUP BY 1, 2),
    published AS (
        SELECT subject, type, count(*) AS n FROM outbox WHERE starts_with(type, 'org.troika.proposal.') GROUP BY 1, 2)
    SELECT subject || ' ' || type, coalesce(d.n, 0)::text, coalesce(p.n, 0)::text
    FROM due d FULL JOIN published p USING (subject, type)
    WHERE p.n > d.n OR coalesce(p.n, 0) < d.kept
        OR (d.n IS NULL AND EXISTS (SELECT FROM registration r WHERE r.id::text = subject))
"""
_DECIDED = f"""
    WITH due AS (
        SELECT proposal_id::text AS subject, 'org.troika.proposal.' || action || '.v1' AS type,
            count(*) FILTER (WHERE changed_at > %(kept_since)s) AS kept, count(*) AS n
        FROM proposal_change WHERE action IN {_DECISIONS} GROUP BY 1, 2),
    published AS (
        SELECT subject, type, count(*) AS n FROM outbox WHERE starts_with(type, 'org.troika.proposal.') GROUP BY 1, 2)
    SELECT subject || ' ' || type, coalesce(d.n, 0)::text, coalesce(p.n, 0)::text
    FROM due d FULL JOIN published p USING (subject, type)
    WHERE p.n > coalesce(d.n, 0) OR coalesce(p.n, 0) < d.kept
"""  # noqa: S608 - constants

_PROPOSED = """
    SELECT r.id::text, CASE WHEN r.erased_at IS NOT NULL THEN NULL WHEN r.status = 'cancelled' THEN 'withdrawn'
            ELSE 'answers ' || r.revision END,
        CASE WHEN r.erased_at IS NOT NULL THEN false WHEN c.changed_at < %(late_before)s THEN true END
    FROM (SELECT id, form, status, revision, erased_at FROM registration) r
    JOIN (SELECT slug, kind FROM form) f ON f.slug = r.form AND f.kind = 'proposal'
    JOIN (SELECT registration_id, revision, changed_at FROM registration_change) c
        ON c.registration_id = r.id AND c.revision = r.revision
"""
_REVIEWED = """
    SELECT id::text, CASE WHEN status = 'withdrawn' THEN status
            ELSE CASE WHEN status = 'declined' THEN 'declined, ' ELSE '' END
                || 'answers ' || coalesce(suggested_revision, answers_revision) END, true
    FROM proposal WHERE erased_at IS NULL
"""
_ERASED = """
    SELECT r.id::text, NULL, CASE WHEN r.erased_at < %(late_before)s THEN true END
    FROM (SELECT id, form, erased_at FROM registration) r
    JOIN (SELECT slug, kind FROM form) f ON f.slug = r.form AND f.kind = 'proposal' WHERE r.erased_at IS NOT NULL
    UNION ALL SELECT id::text, NULL, false FROM lost_registration
"""
_TOMBSTONES = """
    SELECT p.id::text, NULL, coalesce(r.form <> ALL(%(forgetful)s::text[]), false)
    FROM proposal p LEFT JOIN roster r ON r.registration_id = p.id WHERE p.erased_at IS NOT NULL
"""
"""The tombstone on the roster, which names the form, is deleted after a year."""

_NEWEST_DECISION = f"""
    SELECT DISTINCT ON (c.proposal_id) c.proposal_id::text, {{value}},
        CASE WHEN c.changed_at < %(late_before)s THEN true END
    FROM proposal_change c JOIN (SELECT id, erased_at FROM proposal) p ON p.id = c.proposal_id AND p.erased_at IS NULL
    WHERE c.action IN {_DECISIONS} ORDER BY c.proposal_id, c.revision DESC
"""  # noqa: S608 - constants
_SHOWN = "SELECT registration_id::text, status || ', revision ' || revision, false FROM proposal_state"
_MAILED = """
    SELECT subject::text, 'revision ' || decision, false FROM recipient
    WHERE form_kind = 'proposal' AND decision > 0 AND erased_at IS NULL
"""
_ERASED_HERE = """
    SELECT id::text, NULL, false FROM registration WHERE erased_at IS NOT NULL
    UNION ALL SELECT id::text, NULL, false FROM lost_registration
"""
_ERASED_THERE = (
    "SELECT subject::text, NULL, false FROM recipient WHERE erased_at IS NOT NULL AND about = 'registration'"
)


def follows(proposed: str, reviewed: str) -> bool:
    """Whether events' copy of a proposal matches its registration; a declined proposal stays declined."""
    if proposed == "withdrawn":
        return reviewed == proposed or reviewed.startswith("declined")
    return reviewed.removeprefix("declined, ") == proposed


ERASURE = (Alone("registration", "no decision on a proposal is left of an erased person", _DECISION_ON_ERASED),)
HISTORY = (
    Alone("registration", "each change of a proposal is one message to events", _PUBLISHED),
    Alone("events", "a proposal's history has every revision and ends with its state", _HISTORY),
    Alone("events", "each decision on a proposal is one message", _DECIDED),
)
COPIES = (
    Paired(
        "coordinators see each proposal as its registration is",
        (Side("registration", _PROPOSED),),
        (Side("events", _REVIEWED),),
        follows,
    ),
    Paired(
        "an erased person is erased from the proposals",
        (Side("registration", _ERASED),),
        (Side("events", _TOMBSTONES),),
    ),
    Paired(
        "proposers see each decision",
        (Side("events", _NEWEST_DECISION.format(value="c.action || ', revision ' || c.revision")),),
        (Side("registration", _SHOWN), Side("registration", _ERASED_HERE)),
    ),
    Paired(
        "mails are written from each decision",
        (Side("events", _NEWEST_DECISION.format(value="'revision ' || c.revision")),),
        (Side("notifications", _MAILED), Side("notifications", _ERASED_THERE)),
    ),
)
