"""What recovery commands need: halted queues, and when a message was wanted again."""

from alembic import op

revision = "0014"
down_revision = "0013"

TABLE = """
CREATE TABLE halted_queue (
    queue text PRIMARY KEY,
    halted_at timestamptz NOT NULL,
    reason text NOT NULL,
    try_at timestamptz NOT NULL
);
COMMENT ON TABLE halted_queue IS 'too many messages in a row were poison; until a success or an operator resumes';
"""
AGAIN = """
ALTER TABLE outbox ADD COLUMN again_at timestamptz;
ALTER TABLE shadow_outbox ADD COLUMN again_at timestamptz;
COMMENT ON COLUMN outbox.again_at IS 'when an operator had it published again; its waiting time counts from then';
"""


def upgrade() -> None:
    """Nothing is halted, and nothing was published again."""
    op.execute(TABLE)
    op.execute(AGAIN)


def downgrade() -> None:
    """The processes before this one hold their halts in memory."""
    op.execute(
        "DROP TABLE halted_queue; ALTER TABLE outbox DROP COLUMN again_at; "
        "ALTER TABLE shadow_outbox DROP COLUMN again_at"
    )
