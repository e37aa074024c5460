"""How long a form keeps the people who registered on it."""

from alembic import op

revision = "0011"
down_revision = "0010"

SCHEMA = """
ALTER TABLE form ADD COLUMN person_days integer NOT NULL DEFAULT 90 CHECK (person_days BETWEEN 1 AND 3650);
COMMENT ON COLUMN form.person_days IS 'days after the last day until a person is erased';
"""


def upgrade() -> None:
    """Forms that said nothing keep people for ninety days."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """Drop it: the default is what holds then."""
    op.execute("ALTER TABLE form DROP COLUMN person_days")
