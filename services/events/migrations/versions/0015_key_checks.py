"""Check values of the keys that this database's data was made with."""

from alembic import op

revision = "0015"
down_revision = "0014"

SCHEMA = """
CREATE TABLE key_check (
    name text NOT NULL CHECK (name <> ''),
    value text NOT NULL CHECK (value ~ '^[0-9a-f]{16}$'),
    added_at timestamptz NOT NULL,
    PRIMARY KEY (name, value)
);
COMMENT ON TABLE key_check IS 'truncated HMACs that tell the right keys from others; they give nothing of a key';
"""


def upgrade() -> None:
    """The first process that holds a key introduces it."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """Keys are not compared then."""
    op.execute("DROP TABLE key_check")
