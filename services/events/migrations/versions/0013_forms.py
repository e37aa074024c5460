"""The events service's own copy of the forms: which there are, for which event, and when they are open."""

from alembic import op

revision = "0013"
down_revision = "0012"

SCHEMA = """
CREATE TABLE form_copy (
    id text PRIMARY KEY,
    revision integer NOT NULL CHECK (revision > 0),
    kind text NOT NULL,
    event text,
    title jsonb NOT NULL,
    open boolean NOT NULL,
    opens_at timestamptz,
    closes_at timestamptz,
    closes_hours_before integer NOT NULL CHECK (closes_hours_before >= 0)
);
CREATE INDEX form_copy_event ON form_copy (event);
COMMENT ON TABLE form_copy IS 'forms as last published by registration; loading a folder of forms publishes them again';
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP TABLE form_copy")
