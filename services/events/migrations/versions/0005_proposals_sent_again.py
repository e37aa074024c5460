"""Proposals that are sent again: what each revision changed. Partners: whose pages may show the proposal form."""

from alembic import op

revision = "0005"
down_revision = "0004"

SCHEMA = """
-- [{"field", "before", "after"}]: what coordinators may read; of who proposed it only that it changed
ALTER TABLE proposal_change ADD COLUMN changed jsonb NOT NULL DEFAULT '[]';
-- through whose page a proposal came; no reference, since it outlives the partner
ALTER TABLE proposal ADD COLUMN partner text CHECK (partner ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(partner) <= 80);
CREATE TABLE partner (
    slug text PRIMARY KEY CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 80),
    name text NOT NULL CHECK (name <> ''),
    origins text[] NOT NULL,
    language text NOT NULL,
    theme jsonb NOT NULL
);
"""


def upgrade() -> None:
    """Add what is new."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """Take it away, with all that is in it."""
    op.execute("""
        DROP TABLE partner;
        ALTER TABLE proposal DROP COLUMN partner;
        ALTER TABLE proposal_change DROP COLUMN changed
    """)
