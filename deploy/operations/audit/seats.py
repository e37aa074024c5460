"""A1 to A4: submissions, registrations, their seats, their places on waiting lists, and their owners."""

from deploy.operations.audit import proposals
from deploy.operations.audit.checks import Alone, Equation, Paired, Side

JOURNAL, COPIES, PARKED, UNEXPLAINED = "journal", "copies", "parked", "unexplained"
"""Data that the databases do not hold and a test or an operator may supply."""

ATTENDING = "('webinar', 'attendance', 'delegation')"
"""Kinds of form whose people take part in its event: the audit's own list, which a test compares with the services'."""

_ALL = """
    SELECT id::text, status, false FROM registration
    UNION ALL SELECT id::text, NULL, false FROM lost_registration
"""
"""Registrations that a restored database has lost are erased elsewhere: rosters and recipients have tombstones."""

_RECEIPTS = "SELECT encode(receipt_hash, 'hex'), state, false FROM submission"
_UNDECIDED = """
    SELECT id::text, 'decided', 'received at ' || received_at FROM submission
    WHERE state = 'received' AND received_at < least(%(late_before)s, %(now)s - interval '1 hour')
"""
_WITHOUT_OUTCOME = """
    SELECT id::text, 'an outcome', 'none' FROM submission WHERE state = 'decided' AND outcome IS NULL
"""
_CANDIDATE_OF_NOTHING = """
    SELECT c.id::text, 'a decided submission', s.state FROM candidate c JOIN submission s ON s.id = c.submission
    WHERE s.state <> 'decided'
"""
_BECAME = """
    SELECT s.id::text, 'what it became, ' || s.became, 'neither a candidate nor a registration' FROM submission s
    WHERE s.became IS NOT NULL AND s.received_at > %(now)s - interval '6 days' AND s.form <> ALL(%(forgetful)s::text[])
        AND NOT EXISTS (SELECT FROM candidate c WHERE c.id = s.became)
        AND NOT EXISTS (SELECT FROM registration r WHERE r.id = s.became)
        AND NOT EXISTS (SELECT FROM registration r WHERE r.submission = s.id)
        AND NOT EXISTS (SELECT FROM lost_registration l WHERE l.id = s.became)
"""
"""No candidate expires within six days."""
_BOTH = """
    SELECT c.id::text, 'a candidate or a registration', 'both' FROM candidate c
    JOIN registration r ON r.submission = c.submission
"""

A1 = Equation(
    "A1",
    "accepted submissions = undecided + parked + decided, each with one outcome",
    (
        Paired("each receipt that a client was given is stored", (Side(JOURNAL),), (Side("registration", _RECEIPTS),)),
        Alone("registration", "no submission stays undecided for long", _UNDECIDED),
        Alone("registration", "each decided submission has an outcome", _WITHOUT_OUTCOME),
        Alone("registration", "each candidate comes from a decided submission", _CANDIDATE_OF_NOTHING),
        Alone("registration", "what each submission became exists", _BECAME),
        Alone("registration", "no submission is a candidate and a registration", _BOTH),
    ),
)

_COUNTED = """
    SELECT form, stored, counted FROM (
        SELECT s.form, concat_ws(', ', 'confirmed ' || s.confirmed, 'waiting ' || s.waiting, 'offered ' || s.offered,
                'past an offer ' || s.passed) AS stored,
            concat_ws(', ', 'confirmed ' || count(r.*) FILTER (WHERE r.status = 'confirmed'),
                'waiting ' || count(r.*) FILTER (WHERE r.status = 'waitlisted'),
                'offered ' || count(r.*) FILTER (WHERE r.offer_expires_at IS NOT NULL),
                'past an offer ' || count(r.*) FILTER (WHERE r.offer_passed)) AS counted
        FROM seat s LEFT JOIN (SELECT form, status, offer_expires_at, offer_passed FROM registration) r
            ON r.form = s.form
        GROUP BY s.form, s.confirmed, s.waiting, s.offered, s.passed) AS seats
    WHERE stored <> counted
"""
_KEPT_COUNTS = "SELECT concat_ws(' ', counts, nullif(status, '')), counted::text, kept::text FROM count_difference"
"""A view compares every column that counts are kept by; it names none."""
_MADE = """
    SELECT s.form, s.made::text, count(r.form)::text FROM seat s LEFT JOIN (SELECT form FROM registration) r
        ON r.form = s.form
    GROUP BY s.form, s.made HAVING s.made <> count(r.form)
"""
_HISTORY_WITHOUT_PERSON = """
    SELECT DISTINCT c.registration_id::text, 'a registration', 'its history alone' FROM registration_change c
    WHERE NOT EXISTS (SELECT FROM registration r WHERE r.id = c.registration_id)
"""
_OVERDUE = """
    SELECT id::text, 'deleted', 'received at ' || received_at FROM candidate
    WHERE mailed_at < least(%(late_before)s, %(now)s - interval '1 day') - interval '7 days'
        OR received_at < least(%(late_before)s, %(now)s - interval '1 day') - interval '14 days'
"""
_ADDRESSES_OVERDUE = """
    SELECT id::text, 'deleted', 'asked for at ' || received_at FROM address_change
    WHERE mailed_at < least(%(late_before)s, %(now)s - interval '1 day') - interval '7 days'
        OR received_at < least(%(late_before)s, %(now)s - interval '1 day') - interval '14 days'
    UNION ALL SELECT id::text, 'deleted', 'could be restored until ' || expires_at FROM former_address
    WHERE expires_at < least(%(late_before)s, %(now)s - interval '1 day')
"""
_ADDRESSES_OF_ERASED = """
    SELECT a.id::text, 'nothing', 'an address' FROM (
        SELECT id, registration_id FROM address_change UNION ALL SELECT id, registration_id FROM former_address) a
    JOIN (SELECT id, erased_at FROM registration) r ON r.id = a.registration_id WHERE r.erased_at IS NOT NULL
"""
_ON_ROSTER = """
    SELECT registration_id::text, NULL, form <> ALL(%(forgetful)s::text[]) FROM roster
"""
_RECIPIENTS = """
    SELECT subject::text, NULL, form <> ALL(%(forgetful)s::text[]) FROM recipient WHERE about = 'registration'
"""
_NUMBERS = f"""
    SELECT event_id || ' ' || status, registrations_roster::text, registrations_count::text FROM (
        SELECT event_id, status, coalesce(r.n, 0) AS registrations_roster, coalesce(c.registrations, 0)
            AS registrations_count
        FROM (SELECT event_id, status, count(*) AS n FROM roster
            WHERE event_id IS NOT NULL AND form_kind IN {ATTENDING}
            GROUP BY event_id, status) r
        FULL JOIN (SELECT event_id, status, registrations FROM event_count) c USING (event_id, status)) AS both_sides
    WHERE registrations_roster > registrations_count
        OR registrations_roster < registrations_count AND status <> 'cancelled'
"""  # noqa: S608 - a constant
"""Of people who cancelled and were erased a year ago, only the number is left."""
_LEFT_OF_ERASED = """
    SELECT id::text, 'nobody', 'somebody' FROM registration WHERE erased_at IS NOT NULL
        AND (person_ref IS NOT NULL OR status = 'waitlisted')
"""
_ERASED_ON_ROSTER = """
    SELECT registration_id::text, 'nobody', 'somebody' FROM roster
    WHERE erased_at IS NOT NULL AND person_ref IS NOT NULL
"""

A2 = Equation(
    "A2",
    "registrations = confirmed + waitlisted + cancelled; erased ones identify no one",
    (
        Alone("registration", "the seats count the registrations that have one or wait for one", _COUNTED),
        Alone("registration", "the counts over all forms are those of the registrations", _KEPT_COUNTS),
        Alone("registration", "each form has as many registrations as it made and has not forgotten", _MADE),
        Alone("registration", "each history is of a person who is stored", _HISTORY_WITHOUT_PERSON),
        Alone("registration", "no candidate is kept long after its expiry", _OVERDUE),
        Alone("registration", "no address before or after a change is kept long after its time", _ADDRESSES_OVERDUE),
        Alone("registration", "no address before or after a change is left of an erased person", _ADDRESSES_OF_ERASED),
        Paired(
            "everyone whom coordinators see is registered", (Side("registration", _ALL),), (Side("events", _ON_ROSTER),)
        ),
        Paired(
            "every recipient of mails is registered",
            (Side("registration", _ALL),),
            (Side("notifications", _RECIPIENTS),),
        ),
        Alone("registration", "nothing but counts is left of an erased person", _LEFT_OF_ERASED),
        Alone("events", "nothing but counts is left of an erased person on a roster", _ERASED_ON_ROSTER),
        *proposals.ERASURE,
        Alone("events", "the numbers of each event are those of its people", _NUMBERS),
        Alone("events", "the kept numbers are those of the live registrations", _KEPT_COUNTS),
    ),
)

_TOO_MANY_NOW = """
    SELECT form, 'at most ' || max(capacity_then), count(*)::text FROM registration WHERE status = 'confirmed'
    GROUP BY form HAVING bool_and(capacity_then IS NOT NULL) AND count(*) > max(capacity_then)
"""
"""Wrong in any order: each of them got a seat when the form had fewer seats than are taken now."""

_TOO_MANY_THEN = """
    WITH steps AS (
        SELECT c.registration_id, c.revision, c.changed_at, c.capacity_then, c.status,
            lag(c.status) OVER (PARTITION BY c.registration_id ORDER BY c.revision) AS before, r.form
        FROM registration_change c JOIN registration r ON r.id = c.registration_id),
    moves AS (
        SELECT form, registration_id, changed_at AS at, 1 AS move, capacity_then FROM steps
        WHERE status IN ('confirmed', 'offered') AND (before IS NULL OR before NOT IN ('confirmed', 'offered'))
        UNION ALL
        SELECT form, registration_id, changed_at - interval '10 seconds', -1, NULL FROM steps
        WHERE status NOT IN ('confirmed', 'offered') AND before IN ('confirmed', 'offered')),
    taken AS (
        SELECT *, sum(move) OVER (PARTITION BY form ORDER BY at, move ROWS UNBOUNDED PRECEDING) AS seats FROM moves)
    SELECT registration_id::text, 'at most ' || capacity_then || ' on ' || form, seats::text FROM taken
    WHERE move = 1 AND seats > capacity_then
"""
"""A seat counts as given back 10 s before it was: some decisions are dated before they got the lock on the seats."""

_OFFERS_OVERDUE = """
    SELECT r.id::text, 'ended', 'expired at ' || r.offer_expires_at FROM registration r
    WHERE r.offer_expires_at < least(%(late_before)s, %(now)s - interval '1 hour')
        AND (r.offer_expires_at < %(now)s - interval '25 hours' OR NOT EXISTS (
            SELECT FROM submission s WHERE s.form = r.form AND s.kind IN ('accept-seat', 'decline-seat')
                AND s.state <> 'decided' AND s.received_at < r.offer_expires_at))
"""
"""An offer waits up to a day for an answer that is not decided; whose answer it is cannot be read here."""
_CAPACITY = """
    SELECT s.form, c.capacity, coalesce(s.capacity::text, 'no limit') FROM seat s JOIN (
        SELECT DISTINCT ON (form) form, coalesce(after ->> 'capacity', 'no limit') AS capacity FROM form_change
        WHERE after ? 'capacity' ORDER BY form, revision DESC) c ON c.form = s.form
    WHERE coalesce(s.capacity::text, 'no limit') <> c.capacity
"""
_TWICE_IN_LINE = """
    SELECT string_agg(id::text, ' ' ORDER BY id), 'number ' || position || ' on ' || form || ' once', count(*)::text
    FROM registration WHERE position IS NOT NULL GROUP BY form, position HAVING count(*) > 1
"""
_GAPS_IN_LINE = """
    SELECT s.form, 'numbers 1 to ' || s.last_position,
        count(DISTINCT r.position) || ' numbers up to ' || coalesce(max(r.position), 0)
    FROM seat s LEFT JOIN (SELECT form, position FROM registration WHERE position IS NOT NULL) r ON r.form = s.form
    GROUP BY s.form, s.last_position
    HAVING coalesce(max(r.position), 0) > s.last_position
        OR (count(DISTINCT r.position) < s.last_position AND s.form <> ALL(%(forgetful)s::text[]))
"""

A3 = Equation(
    "A3",
    "no seat beyond the capacity then in force; no number in line twice",
    (
        Alone("registration", "as many seats are taken as there were when they were given", _TOO_MANY_NOW),
        Alone("registration", "each confirmation and each offer fits the capacity then in force", _TOO_MANY_THEN),
        Alone("registration", "each form has the capacity of its newest change", _CAPACITY),
        Alone("registration", "no offer stays open long after it has expired", _OFFERS_OVERDUE),
        Alone("registration", "no two people share a number in line", _TWICE_IN_LINE),
        Alone("registration", "every number in line was given", _GAPS_IN_LINE),
    ),
)

_TWO_AT_ONCE = """
    SELECT string_agg(id::text, ' ' ORDER BY id), 'one live registration on ' || form, count(*)::text
    FROM registration WHERE status <> 'cancelled' AND erased_at IS NULL
    GROUP BY form, person_key HAVING count(*) > 1
"""
_DECIDED_TWICE = """
    SELECT string_agg(id::text, ' ' ORDER BY id), 'one registration of submission ' || submission, count(*)::text
    FROM registration WHERE submission IS NOT NULL GROUP BY submission HAVING count(*) > 1
"""

A4 = Equation(
    "A4",
    "one live registration for each form and person; one registration for each submission",
    (
        Alone("registration", "no person is registered twice on a form", _TWO_AT_ONCE),
        Alone("registration", "each submission makes one registration at most", _DECIDED_TWICE),
    ),
)
