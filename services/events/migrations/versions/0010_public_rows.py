"""What the public may read of events and resources: the login of the public programme reads these views alone."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the views. They are barriers: else PostgreSQL may show a hidden row to a condition of the reader's."""
    op.execute("""
        CREATE VIEW public_event WITH (security_barrier) AS
            SELECT id, kind, title, summary, series, series_number, starts_at, ends_at, time_zone, status, mode, city,
                place, NULL::text AS join_url, form, asked_groups, internal, '' AS internal_note, revision, changed_at,
                last_starts_at, last_ends_at
            FROM event WHERE status <> 'draft' AND NOT internal;
        COMMENT ON VIEW public_event IS
            'all that the public process may read of events: no draft, nothing internal, no meeting link and no note';

        CREATE VIEW public_resource WITH (security_barrier) AS
            SELECT id, kind, title, url, language, event, series, city, published, announced, revision
            FROM resource WHERE published AND (event IN (SELECT id FROM event WHERE internal)) IS NOT TRUE;
        COMMENT ON VIEW public_resource IS 'all that the public process may read of resources: the published ones';
    """)


def downgrade() -> None:
    """Drop them; the version before reads the tables."""
    op.execute("DROP VIEW public_resource; DROP VIEW public_event;")
