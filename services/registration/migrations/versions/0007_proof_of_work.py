"""Forms may ask for a proof of work, and each solved challenge is used once."""

from alembic import op

revision = "0007"
down_revision = "0006"

SCHEMA = """
ALTER TABLE form ADD COLUMN proof_of_work text NOT NULL DEFAULT 'off' CHECK (proof_of_work IN ('off', 'asked'));

CREATE TABLE used_challenge (
    id bytea PRIMARY KEY,
    form text NOT NULL,
    used_at timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX used_challenge_lately ON used_challenge (form, used_at);
CREATE INDEX used_challenge_age ON used_challenge (used_at);
"""


def upgrade() -> None:
    """Make them."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE used_challenge; ALTER TABLE form DROP COLUMN proof_of_work")
