"""Databases of many registrations, made by SQL: rows, and the read sides that messages would have made of them.

Attendance grows with the number of registrations. The delegation (300) and the members of working groups (2,000) do
not: they are the network's own people, however many come to its webinars. People register for a meeting within three
fiftieths of the time (of a million: 22 days), as for a weekly series.
"""

from datetime import UTC, datetime

from services.registration.people.counting import fold_counts
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from tests.support.clients import WEBINAR
from tests.support.installation import TestInstallation

MEETINGS = 50
TRAVELLERS, MEMBERS = 300, 2000
ORGANISATIONS = 20_000
YEAR_MS = 365 * 86_400_000
LEAST_A_YEAR = 1_000_000
"""Registrations come one every half a minute on either side: a million in a year, the few in four days."""

LARGEST = "meeting-8"
"""A form of 50,000 in 23 days, of a million; it has its share of a usual meeting besides."""
MEAL = """{"name": "meal", "kind": "one_of", "label": "Meal",
    "options": [{"value": "meat", "label": "Meat"}, {"value": "vegan", "label": "Vegan"}]}"""

_FORMS = f"""
    INSERT INTO form SELECT (jsonb_populate_record(one,
        jsonb_build_object('slug', 'meeting-' || n, 'event_id', 'meeting-' || n, 'definition',
            jsonb_set(definition, '{{fields}}', definition -> 'fields' || '{MEAL}')))).*
    FROM form AS one, generate_series(1, {MEETINGS}) AS n WHERE slug = '{WEBINAR}'
"""
_SEATS = "INSERT INTO seat (form, capacity) SELECT slug, NULL FROM form WHERE starts_with(slug, 'meeting-')"
_EVENTS = f"""
    INSERT INTO event SELECT (jsonb_populate_record(one, jsonb_build_object('id', 'meeting-' || n,
        'series_number', NULL, 'series', NULL, 'starts_at', one.starts_at + n * interval '1 hour',
        'ends_at', one.ends_at + n * interval '1 hour', 'form', 'meeting-' || n, 'asked_groups', ARRAY['*']))).*
    FROM event AS one, generate_series(1, {MEETINGS}) AS n WHERE id = '{WEBINAR}'
"""
_EACH = f"""
    SELECT n, h, h %% 50 = 0 AS representative,
        (lpad(to_hex((%(first_ms)s + n * %(spacing_ms)s::bigint)), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8'
            || substr(md5(n::text), 4, 15))::uuid AS id,
        to_timestamp((%(first_ms)s + n * %(spacing_ms)s::bigint) / 1000.0) AS at,
        sha256(n::text::bytea) AS person_ref,
        CASE WHEN n <= {TRAVELLERS} THEN 'delegation' WHEN n <= {TRAVELLERS + MEMBERS} THEN 'working_group'
            ELSE 'webinar' END AS form_kind,
        CASE WHEN n BETWEEN 0.3 * %(rows)s AND 0.3625 * %(rows)s AND h / 41 %% 5 > 0 THEN '{LARGEST}'
            ELSE 'meeting-' || ((n::bigint * {MEETINGS} / (%(rows)s + 1) + h / 43 %% 3) %% {MEETINGS} + 1)
            END AS meeting,
        CASE h / 7 %% 20 WHEN 0 THEN 'cancelled' WHEN 1 THEN 'waitlisted' ELSE 'confirmed' END AS status,
        CASE h / 7 %% 20 WHEN 1 THEN n END AS position,
        CASE WHEN h / 11 %% 10 = 0 OR n <= {TRAVELLERS + MEMBERS} THEN (%(groups)s::text[])[h / 13 %% %(count)s + 1]
            END AS working_group,
        (ARRAY['CH', 'US', 'KE', 'BR', 'PH', 'FJ'])[CASE h / 17 %% 1000 WHEN 0 THEN 6 ELSE h %% 5 + 1 END] AS country,
        CASE WHEN h / 19 %% 500 = 3 THEN 'partner-b' WHEN h / 19 %% 3 = 0 THEN 'partner-a' END AS partner
    FROM (SELECT n, abs(hashint4(n)::bigint) AS h FROM generate_series(1, %(rows)s) AS n) AS numbered
"""
"""Registration ``n`` is a function of ``n``, so that both services' tables agree about it."""

_ORGANISATIONS = f"""
    INSERT INTO organisation (id, name) SELECT md5('organisation' || k)::uuid, 'Organisation Haus' || k
    FROM generate_series(1, {ORGANISATIONS}) AS k
"""
_REGISTRATIONS = f"""
    INSERT INTO registration (id, form, event_id, status, position, revision, received_at, person_ref, mailbox_ref,
        domain_ref, person_key, name, email, organisation_id, working_group, representative, country, time_zone,
        language, partner, answers, sealed, accepted_at, confirmed_at, cancelled_at)
    SELECT id, meeting, meeting, status, position, 1, at, person_ref, person_ref, '', person_ref,
        'Participant ' || CASE h / 23 %% 1000 WHEN 0 THEN 'Rare' ELSE 'Usual' END || ' Nümber' || n,
        'participant-' || n || '@example.org',
        md5('organisation' || (h / 29 %% {ORGANISATIONS} + 1))::uuid, working_group, representative, country,
        'Africa/Nairobi', 'en', partner,
        jsonb_build_object('meal', CASE h / 31 %% 3 WHEN 0 THEN 'vegan' ELSE 'meat' END)
            || CASE h / 37 %% 400 WHEN 0 THEN '{{"questions": "Is there sign language?"}}' ELSE '{{}}'::jsonb END,
        decode(repeat('ab', 250), 'hex'), at,
        CASE status WHEN 'confirmed' THEN at END, CASE status WHEN 'cancelled' THEN at END
    FROM ({_EACH}) AS each
"""
_COUNT_SEATS = """
    UPDATE seat SET confirmed = found.confirmed, waiting = found.waiting, last_position = found.last
    FROM (SELECT form, count(*) FILTER (WHERE status = 'confirmed') AS confirmed,
            count(*) FILTER (WHERE status = 'waitlisted') AS waiting, coalesce(max(position), 0) AS last
        FROM registration GROUP BY form) AS found WHERE found.form = seat.form
"""
_ROSTER = f"""
    INSERT INTO roster (registration_id, form, form_kind, event_id, status, revision, person_ref, working_group,
        representative, country, language, partner, position, occurred_at, attend)
    SELECT id, meeting, form_kind, meeting, status, 1, person_ref, working_group,
        representative, country, 'en', partner, position, at,
        CASE WHEN form_kind = 'delegation' THEN 'meeting-1' END
    FROM ({_EACH}) AS each
"""
_COUNTS = """
    INSERT INTO event_count (event_id, status, registrations) SELECT event_id, status, count(*) FROM roster
    WHERE form_kind NOT IN ('interest', 'working_group', 'proposal') GROUP BY event_id, status
"""
_TALLIES = """
    INSERT INTO tally (internal, dimension, name, registrations)
    SELECT false, dimension, name, count(*) FROM roster, LATERAL (VALUES
        ('form_kind', form_kind), ('partner', partner), ('country', country),
        ('day', to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'))) AS each (dimension, name)
    WHERE status IN ('confirmed', 'waitlisted') AND name IS NOT NULL GROUP BY dimension, name
"""


def fill(installation: TestInstallation, number: int, groups: list[str]) -> None:
    """Make ``number`` registrations and their read sides; forms and events of the sample are loaded already.

    Args:
        installation: whose databases.
        number: registrations.
        groups: ids of the working groups that people belong to.
    """
    first_ms = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
    spacing_ms = YEAR_MS // max(number, LEAST_A_YEAR)
    values = {"rows": number, "first_ms": first_ms, "spacing_ms": spacing_ms, "groups": groups, "count": len(groups)}
    _run(
        installation.urls["registration"], (_FORMS, _SEATS, _ORGANISATIONS), (_REGISTRATIONS,), (_COUNT_SEATS,), values
    )
    engine = open_engine(installation.urls["registration"], statement_timeout_ms=0)
    while fold_counts(UnitOfWork(engine, "registration")):
        pass
    engine.dispose()
    _vacuum(installation.urls["registration"])
    _run(installation.urls["events"], (_EVENTS,), (_ROSTER,), (_COUNTS, _TALLIES), values)


def _run(
    url: str, before: tuple[str, ...], many: tuple[str, ...], after: tuple[str, ...], values: dict[str, object]
) -> None:
    engine = open_engine(url, statement_timeout_ms=0)
    with engine.begin() as connection:
        for statement in before:
            connection.exec_driver_sql(statement)
        for statement in many:
            connection.exec_driver_sql(statement, values)
        for statement in after:
            connection.exec_driver_sql(statement)
    engine.dispose()
    _vacuum(url)


def _vacuum(url: str) -> None:
    """As autovacuum would after so many rows."""
    engine = open_engine(url, statement_timeout_ms=0)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()
