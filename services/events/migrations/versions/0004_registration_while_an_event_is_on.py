"""Until when a form is open: the start or the end of its event, as published by registration."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column; NULL leaves it to the rule."""
    op.execute("ALTER TABLE form_copy ADD COLUMN open_until text CHECK (open_until IN ('start', 'end'))")


def downgrade() -> None:
    """Remove it."""
    op.execute("ALTER TABLE form_copy DROP COLUMN open_until")
