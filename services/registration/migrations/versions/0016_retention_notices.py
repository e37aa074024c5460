"""What retention will take is announced before it goes."""

from alembic import op

revision = "0016"
down_revision = "0015"

SCHEMA = """
CREATE TABLE retention_notice (
    step text NOT NULL CHECK (step <> ''),
    subject uuid NOT NULL,
    form text NOT NULL,
    announced_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    PRIMARY KEY (step, subject)
);
COMMENT ON TABLE retention_notice IS 'what retention will take; confirmed: an operator let it go without a notice';
CREATE INDEX retention_notice_form ON retention_notice (form, step);
"""


def upgrade() -> None:
    """What is due on this day was never announced: an operator confirms it once."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """Nothing is announced then."""
    op.execute("DROP TABLE retention_notice")
