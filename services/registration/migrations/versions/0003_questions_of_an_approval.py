"""What a second person approves: the purpose of a list, and the questions that it opens."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Name them; requests from before are about all sealed answers."""
    op.execute("ALTER TABLE sealed_approval ADD COLUMN purpose text, ADD COLUMN fields text[]")


def downgrade() -> None:
    """An approval opens all sealed answers again."""
    op.execute("ALTER TABLE sealed_approval DROP COLUMN purpose, DROP COLUMN fields")
