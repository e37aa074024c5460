"""The highest time seen, by which a jump of the whole host's clock is found."""

from alembic import op

from shared.db.highest_time import HIGHEST_TIME

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Begin without a time: the first process that runs stores its own."""
    op.execute(HIGHEST_TIME)


def downgrade() -> None:
    """Forget it: processes of the older version delete by their clocks alone."""
    op.execute("DROP TABLE highest_time")
