"""Sessions of the console count only once registration has published that they began."""

from alembic import op

from shared.security.sessions import BEGUN_SESSIONS

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """The table of begun sessions."""
    op.execute(BEGUN_SESSIONS)


def downgrade() -> None:
    """Without it: the version before believes each signature."""
    op.execute("DROP TABLE begun_session")
