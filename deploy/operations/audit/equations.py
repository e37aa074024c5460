"""The closed list of what must add up. A separate test breaks each on purpose.

A9 covers only what it checks, which is less than its name suggests: no record names the owner of a parked message.
"""

from deploy.operations.audit.checks import Alone, Equation, Paired, Side
from deploy.operations.audit.contents import A14
from deploy.operations.audit.facts import A5, A6
from deploy.operations.audit.form_keys import A13
from deploy.operations.audit.mails import A7, A8, A10, A11
from deploy.operations.audit.readings import CHAIN, NOTED
from deploy.operations.audit.seats import A1, A2, A3, A4, UNEXPLAINED

_PARKED = """
    SELECT coalesce(properties ->> 'message_id', 'row ' || id), 'a reason, decided within 72 hours',
        coalesce(headers ->> 'x-troika-reason', 'no reason') || ', since ' || stored_at
    FROM bus_message WHERE right(queue, 7) = '.parked' AND (coalesce(headers ->> 'x-troika-reason', '') = ''
        OR stored_at < %(now)s - interval '72 hours')
"""

A9 = Equation(
    "A9",
    "each parked message has a reason, and on the embedded bus is decided on within 72 hours",
    (
        Alone("bus", "each has a reason, and none is old", _PARKED),
        Paired("each that was found at the broker has a reason", (Side(UNEXPLAINED),), ()),
    ),
)

_READING_WITHOUT_REGISTRATION = """
    SELECT s.id::text, 'a registration on ' || s.form, coalesce('one on ' || r.form, 'none')
    FROM sealed_reading s CROSS JOIN LATERAL unnest(coalesce(s.people, ARRAY[s.registration_id])) AS read (id)
    LEFT JOIN (SELECT id, form FROM registration) r ON r.id = read.id
    WHERE r.form IS DISTINCT FROM s.form AND s.form <> ALL(%(forgetful)s::text[])
"""
_GUARDS = """
    SELECT wanted.name, 'in force', coalesce(found.state, 'missing')
    FROM unnest(ARRAY['sealed_reading_stays', 'sealed_reading_kept', 'sealed_reading_chained', 'form_change_stays',
        'sealed_reading_reason_check', 'sealed_reading_reader_check']) AS wanted (name)
    LEFT JOIN (
        SELECT tgname::text AS name, CASE WHEN tgenabled = 'O' THEN 'in force' ELSE 'switched off' END AS state
        FROM pg_trigger WHERE tgrelid IN ('sealed_reading'::regclass, 'form_change'::regclass)
        UNION ALL
        SELECT conname::text, CASE WHEN convalidated THEN 'in force' ELSE 'never checked' END
        FROM pg_constraint WHERE conrelid = 'sealed_reading'::regclass) AS found USING (name)
    WHERE found.state IS DISTINCT FROM 'in force'
"""

A12 = Equation(
    "A12",
    "every reading of sealed answers is logged with reader, reason and registration, and the log is complete",
    (
        Alone("registration", "each reading is of a registration on its form", _READING_WITHOUT_REGISTRATION),
        Alone("registration", "the log accepts no reading without reader and reason, and no change", _GUARDS),
        Alone("registration", "each reading is chained to those before it", CHAIN),
        Alone("registration", "the log still has the entries noted earlier", NOTED),
    ),
)

EQUATIONS: tuple[Equation, ...] = (A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13, A14)
