"""How those who wait get free seats, for public pages: they promise no order where coordinators decide."""

from alembic import op

revision = "0012"
down_revision = "0011"

COLUMNS = """
    SELECT f.slug, f.kind, f.event_id, f.definition, f.verification, f.waiting_list, f.partners,
        f.promotion_notice_minutes, f.open, f.revision, e.title AS event_title, e.time_zone, e.starts_at,
        e.status AS event_status, e.ends_at, f.closes_hours_before, f.attend, f.opens_at, f.closes_at, f.person_days,
        e.city, f.people_per_address, f.controller, f.contact, f.changes_until, f.alarm_minutes, f.join_minutes_before,
        s.word AS seat_word,
        ARRAY(SELECT key FROM jsonb_each(s.options) WHERE (value->>'taken')::int >= (value->>'limit')::int)
            AS full_options,
        f.open_until, e.mode
"""
TABLES = "FROM form f JOIN seat s ON s.form = f.slug LEFT JOIN event_copy e ON e.id = f.event_id;"
PROMOTION_MODE = f"CREATE OR REPLACE VIEW public_form AS {COLUMNS}, f.promotion_mode {TABLES}"
BEFORE = f"""
DROP VIEW public_form;
CREATE VIEW public_form AS {COLUMNS} {TABLES}
COMMENT ON VIEW public_form IS 'all that the public processes may read of a form: no number of seats, no person';
"""


def upgrade() -> None:
    """Show it to public processes."""
    op.execute(PROMOTION_MODE)


def downgrade() -> None:
    """Hide it; the next ``migrate`` grants the rights on the view again."""
    op.execute(BEFORE)
