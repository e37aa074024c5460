"""The write group's statements: each takes one JSON document and gives one back.

Their plans are kept, so each is written such that rows are found by an index and by no other way, one by one or by an
array of keys: a join that could go through a table would be planned so while it is small, and kept when it is not.
"""

from services.registration.store.forms import HELD
from services.registration.store.rows import REGISTRATION_COLUMNS_AS_JSON

LOCK_SEATS = """
    WITH seats AS MATERIALIZED (
        SELECT 1 FROM seat WHERE form = ANY(ARRAY(SELECT jsonb_array_elements_text($1::jsonb -> 'forms')))
        ORDER BY form FOR UPDATE
    )
    SELECT count(pg_advisory_xact_lock(person)) FROM (
        SELECT DISTINCT hashtextextended(wanted.person, 0) AS person
        FROM jsonb_to_recordset($1::jsonb -> 'people') AS wanted (person text) ORDER BY person
    ) AS people WHERE (SELECT count(*) FROM seats) >= 0
"""
"""Seats first, then people: of one address there is one registration at a time, also on several forms, so that what it
may have in a day is exact. Alone in its statement: one that waits for a lock sees all other tables as they were before
it waited."""

_NOW = "CAST($1::jsonb ->> 'now' AS timestamptz)"
_FORMS = f"""
    SELECT json_agg(json_build_array(s.form, s.capacity, s.confirmed, s.waiting, s.last_position, f.waiting_list,
        f.open, f.event_id IS NOT NULL, e.status, e.starts_at, e.ends_at, f.kind, f.closes_hours_before, f.opens_at,
        f.closes_at, f.verification, f.hold_minutes, {HELD.format(now=_NOW)}))
    FROM seat s JOIN form f ON f.slug = s.form LEFT JOIN event_copy e ON e.id = f.event_id
    WHERE s.form = ANY(ARRAY(SELECT jsonb_array_elements_text($1::jsonb -> 'forms')))
"""  # noqa: S608 - constants
_KEYS = """
    SELECT json_agg(json_build_array(encode(i.key_hash, 'hex'), encode(i.fingerprint, 'hex'), i.answer))
    FROM idempotency i
    WHERE i.key_hash = ANY(ARRAY(
        SELECT decode(wanted.key, 'hex') FROM jsonb_array_elements_text($1::jsonb -> 'keys') AS wanted (key)))
"""
_LIVE = f"""
    SELECT json_agg(live.facts) FROM jsonb_to_recordset($1::jsonb -> 'people') AS wanted (form text, person text),
        LATERAL (SELECT json_build_array({REGISTRATION_COLUMNS_AS_JSON}, r.attempts, r.attempted_at) AS facts
            FROM registration r JOIN form f ON f.slug = r.form
            WHERE r.person_ref = decode(wanted.person, 'hex') AND r.form || '' = wanted.form
                AND r.status NOT IN ('cancelled', 'expired')
            OFFSET 0) AS live
"""  # noqa: S608 - a constant list of columns
"""By person alone: an index on the form would look as good to a plan made while the table was empty, and be kept. So
would a join that goes through all registrations: ``OFFSET`` keeps each person's own lookup apart from the others'."""

USED = """
    SELECT json_agg(encode(u.id, 'hex')) FROM used_challenge u
    WHERE u.id = ANY(ARRAY(SELECT decode(wanted.id, 'hex') FROM jsonb_array_elements_text($1::jsonb) AS wanted (id)))
"""
"""Challenges are of one form, whose seats are locked: two that use the same one come here one after the other."""

_PEOPLE = """
    SELECT json_agg(json_build_array(wanted.person, known.recent, known.blocked))
    FROM (SELECT DISTINCT person FROM jsonb_to_recordset($1::jsonb -> 'people') AS each (person text)) AS wanted,
        LATERAL (SELECT
            (SELECT count(*) FROM registration r WHERE r.person_ref = decode(wanted.person, 'hex')
                AND r.status NOT IN ('cancelled', 'expired')
                AND r.accepted_at > CAST($1::jsonb ->> 'recent' AS timestamptz)) AS recent,
            EXISTS (SELECT FROM blocked_address b WHERE b.person_ref = decode(wanted.person, 'hex')) AS blocked
            OFFSET 0
        ) AS known
    WHERE known.recent > 0 OR known.blocked
"""
"""By index, and never more than there are forms: on each, somebody is registered once. ``OFFSET``: asked once each."""

FACTS = f"SELECT json_build_array(({_FORMS}), ({_KEYS}), ({_LIVE}), ({_PEOPLE}))"


def _arrivals(part: str, registration: str, change: str, outbox: str, messages: str) -> str:
    """What an arrival writes: the genuine ones and the shadows cost the same because they are the same."""
    return f"""
    {part} AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset($1::jsonb -> '{part}') AS new (id uuid, form text, event_id text, status text,
            position int, person text, name text, email text, organisation_id uuid, working_group text,
            representative boolean, country text, time_zone text, language text, partner text, answers jsonb,
            sealed text, box text, own text, verify text, capacity int, hold_until timestamptz, expires_at timestamptz)
    ), {registration}s AS (
        INSERT INTO {registration} (id, form, event_id, status, position, revision, person_ref, name, email,
            organisation_id, working_group, representative, country, time_zone, language, partner, answers, sealed,
            box, token_hash, verify_hash, consent_at, accepted_at, confirmed_at, capacity_then, hold_until, expires_at)
        SELECT id, form, event_id, status, position, 1, decode(person, 'hex'), name, email, organisation_id,
            working_group, representative, country, time_zone, language, partner, answers, decode(sealed, 'hex'),
            decode(box, 'hex'), decode(own, 'hex'), decode(verify, 'hex'), {_NOW}, {_NOW},
            CASE WHEN status = 'confirmed' THEN {_NOW} END, capacity, hold_until, expires_at
        FROM {part}
    ), {change}s AS (
        INSERT INTO {change} (registration_id, revision, status, changed_at, capacity_then, reason)
        SELECT id, 1, status, {_NOW}, capacity, 'registered' FROM {part}
    ), {messages} AS (
        INSERT INTO {outbox} (message_id, type, subject, body, stored_at)
        SELECT id, type, subject, convert_to(body, 'UTF8'), {_NOW}
        FROM jsonb_to_recordset($1::jsonb -> '{messages}') AS new (id uuid, type text, subject text, body text)
    )"""  # noqa: S608 - constants


NOTE_ATTEMPTS = f"""
    UPDATE registration SET attempts = attempts + 1, attempted_at = {_NOW}
    WHERE id = ANY(ARRAY(
        SELECT wanted.id::uuid FROM jsonb_array_elements_text($1::jsonb -> 'attempts') AS wanted (id)))
"""  # noqa: S608 - a constant
"""An array and no join: a join was planned to go through all registrations for each batch, and that plan is kept."""

WRITE = f"""
    WITH {_arrivals("new", "registration", "registration_change", "outbox", "messages")},
    {_arrivals("shadows", "shadow_registration", "shadow_change", "shadow_outbox", "shadow_messages")},
    organisations AS (
        INSERT INTO organisation (id, name)
        SELECT * FROM jsonb_to_recordset($1::jsonb -> 'organisations') AS new (id uuid, name text)
        ON CONFLICT DO NOTHING
    ), seats AS (
        UPDATE seat SET confirmed = new.confirmed, waiting = new.waiting, last_position = new.last_position
        FROM jsonb_to_recordset($1::jsonb -> 'seats') AS new (form text, confirmed int, waiting int, last_position int)
        WHERE seat.form = new.form
    ), attempts AS (
        {NOTE_ATTEMPTS}
    )
    INSERT INTO idempotency (key_hash, fingerprint, answer, stored_at)
    SELECT decode(key, 'hex'), decode(fingerprint, 'hex'), answer, {_NOW}
    FROM jsonb_to_recordset($1::jsonb -> 'keys') AS new (key text, fingerprint text, answer text)
    ON CONFLICT (key_hash) DO NOTHING
"""  # noqa: S608 - constants
USE = f"""
    INSERT INTO used_challenge (id, form, used_at) SELECT decode(id, 'hex'), form, {_NOW}
    FROM jsonb_to_recordset($1::jsonb -> 'challenges') AS new (id text, form text)
"""  # noqa: S608 - constants
