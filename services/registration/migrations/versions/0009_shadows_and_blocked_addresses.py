"""Addresses of which no registration is wanted; and tables in which those who get none cost as much as those who do."""

from alembic import op

revision = "0009"
down_revision = "0008"

SCHEMA = """
CREATE TABLE blocked_address (
    id uuid PRIMARY KEY,
    person_ref bytea NOT NULL UNIQUE CHECK (length(person_ref) = 32),
    reason text NOT NULL CHECK (length(reason) BETWEEN 10 AND 500),
    blocked_at timestamptz NOT NULL,
    blocked_by text NOT NULL CHECK (blocked_by <> '')
);
CREATE TABLE shadow_registration (LIKE registration INCLUDING ALL, FOREIGN KEY (form) REFERENCES form (slug));
CREATE TABLE shadow_change (LIKE registration_change INCLUDING ALL);
CREATE TABLE shadow_outbox (LIKE outbox INCLUDING ALL);
"""
CHURN = "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500"


def upgrade() -> None:
    """Add them. What a later migration adds to a table that has a shadow, it adds to the shadow."""
    op.execute(SCHEMA)
    for table in ("shadow_registration", "shadow_change", "shadow_outbox"):
        op.execute(f"ALTER TABLE {table} SET ({CHURN})")


def downgrade() -> None:
    """Drop them: who is blocked is forgotten."""
    op.execute("DROP TABLE blocked_address, shadow_registration, shadow_change, shadow_outbox")
