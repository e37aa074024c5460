"""Confirming an address has a link of its own. What was mailed before goes on working, by the hash it has."""

from alembic import op

revision = "0006"
down_revision = "0005"

SCHEMA = """
ALTER TABLE registration ADD COLUMN verify_hash bytea CHECK (length(verify_hash) = 32);
CREATE UNIQUE INDEX registration_verify ON registration (verify_hash) WHERE verify_hash IS NOT NULL;
COMMENT ON COLUMN registration.token_hash IS
    'of the own link: SHA-256 of its purpose, a NUL and the token; of the token alone where it is from before 0006';
COMMENT ON COLUMN registration.verify_hash IS
    'of the link that confirms the address, alike; NULL where the own link does it: registered before 0006';
"""


def upgrade() -> None:
    """Add it; nobody has such a link yet, so the index is empty and made at once."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """Whoever was mailed such a link could confirm their address no more."""
    raise RuntimeError("cannot be taken back: restore the database from before instead")
