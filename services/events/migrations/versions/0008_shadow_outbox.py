"""A table in which a proposal that is acknowledged by no mail costs as much as one that is."""

from alembic import op

revision = "0008"
down_revision = "0007"

SCHEMA = """
CREATE TABLE shadow_outbox (LIKE outbox INCLUDING ALL)
    WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
"""


def upgrade() -> None:
    """Add it. What a later migration adds to the outbox, it adds to its shadow."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """Drop it: it holds nothing of anybody."""
    op.execute("DROP TABLE shadow_outbox")
