"""How many mails an address was sent today that its owner may not have asked for."""

from alembic import op

revision = "0004"
down_revision = "0003"

SCHEMA = """
CREATE TABLE unasked_mail (
    mail_id uuid PRIMARY KEY,
    address_ref bytea NOT NULL,
    form text NOT NULL,
    asks boolean NOT NULL,
    at timestamptz NOT NULL
);
COMMENT ON TABLE unasked_mail IS 'mails of the last day that anybody may cause; kept for a day';
COMMENT ON COLUMN unasked_mail.address_ref IS 'keyed hash of the address';
CREATE INDEX unasked_mail_address ON unasked_mail (address_ref, at);
CREATE INDEX unasked_mail_at ON unasked_mail (at);
"""


def upgrade() -> None:
    """Nothing was counted before."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """Nobody counts any more."""
    op.execute("DROP TABLE unasked_mail")
