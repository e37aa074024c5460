"""Digests of contents, and the differences of kept counts: for the audit."""

from alembic import op

from shared.db.content_digests import (
    COUNT_COMMENT,
    DIFFERENCE_COMMENT,
    KEY_AND_FUNCTION,
    TAKE_BACK,
    DigestedTable,
    changed,
    view,
)

revision = "0003"
down_revision = "0002"

_TABLES = (
    DigestedTable(
        "event",
        "id",
        ("id", "revision", "kind", "title", "summary", "starts_at", "ends_at", "time_zone", "status", "mode", "city",
         "place", "join_url", "asked_groups"),
        written=f"{changed('revision')} OR OLD.status = 'draft'",
    ),
    DigestedTable(
        "roster",
        "registration_id",
        ("registration_id", "form", "form_kind", "event_id", "attend", "status", "revision", "person_ref",
         "working_group", "representative", "organisation_id", "country", "mode", "language", "partner", "position",
         "occurred_at", "erased_at"),
        frozenset({"person_ref"}),
        written=changed("revision", "erased_at"),
    ),
    DigestedTable(
        "proposal",
        "id",
        ("id", "title", "summary", "working_group", "organisation", "language", "attendance", "speakers",
         "named_speakers", "preferred_on", "unavailable_on", "status", "note", "event_id", "revision", "partner",
         "person_ref", "submitted_at", "answers", "answers_revision", "suggestion", "suggested_revision", "erased_at"),
        frozenset({"person_ref"}),
        written=changed("revision", "answers_revision", "suggested_revision", "erased_at"),
    ),
)  # fmt: skip

_COUNT_DIFFERENCE = """
CREATE VIEW count_difference AS
SELECT dimension AS counts, CASE WHEN internal THEN 'internal' ELSE '' END AS status, sum(kept)::bigint AS kept,
    sum(counted)::bigint AS counted
FROM (
    SELECT dimension, name, internal, registrations AS kept, 0 AS counted FROM tally
    UNION ALL
    SELECT v.dimension, v.name, coalesce(e.internal, false), 0, 1
    FROM roster r LEFT JOIN event e ON e.id = r.event_id,
        LATERAL (SELECT CASE WHEN substr(r.registration_id::text, 15, 1) = '7' THEN to_timestamp(('x' ||
            substr(r.registration_id::text, 1, 8) || substr(r.registration_id::text, 10, 4))::bit(48)::bigint / 1000.0)
            END AS made_at) AS id,
        LATERAL (VALUES ('form_kind', r.form_kind), ('partner', r.partner), ('country', r.country), ('day',
            (coalesce(id.made_at, r.occurred_at) AT TIME ZONE 'UTC')::date::text))
            AS v (dimension, name)
    WHERE r.status IN ('confirmed', 'waitlisted') AND v.name IS NOT NULL) AS each
GROUP BY dimension, name, internal HAVING sum(kept) <> sum(counted);
COMMENT ON VIEW count_difference IS
    'kept numbers, by kind of form, partner, country and day, that are not those of the roster; it names no value';
"""
"""The day is that of the identifier (UUID version 7), which ``uuid_extract_timestamp`` reads from PostgreSQL 18 on."""


def upgrade() -> None:
    """Add columns, triggers and views; nothing that exists changes."""
    op.execute(KEY_AND_FUNCTION)
    for table in _TABLES:
        op.execute(table.column() + table.triggers())
    op.execute(view("content_difference", [t.differing() for t in _TABLES], DIFFERENCE_COMMENT))
    op.execute(view("content_count", [t.counted() for t in _TABLES], COUNT_COMMENT))
    op.execute(_COUNT_DIFFERENCE)


def downgrade() -> None:
    """Take them back; digests are made again as rows change."""
    op.execute("DROP VIEW count_difference; DROP VIEW content_count; DROP VIEW content_difference;")
    for table in reversed(_TABLES):
        op.execute(table.take_back())
    op.execute(TAKE_BACK)
