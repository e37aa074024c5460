"""Registrations on forms without verification lapse unless their owners use a link."""

from alembic import op

revision = "0013"
down_revision = "0012"

LAPSING = """
ALTER TABLE registration ADD COLUMN lapses_at timestamptz;
CREATE INDEX registration_lapsing ON registration (lapses_at) WHERE lapses_at IS NOT NULL;
COMMENT ON COLUMN registration.lapses_at IS
    'when it is cancelled unless its owner uses a link or a coordinator deals with it before; empty: never';
CREATE FUNCTION own_lapses_at(token bytea) RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.lapses_at FROM public.managing_link m JOIN public.registration r ON r.id = m.registration_id
    WHERE m.token_hash = token
$$;
REVOKE EXECUTE ON FUNCTION own_lapses_at(bytea) FROM PUBLIC;
"""


def upgrade() -> None:
    """Let new registrations lapse; those that there are do not, since no mail has said so."""
    op.execute(LAPSING)


def downgrade() -> None:
    """Let none lapse."""
    op.execute("DROP FUNCTION own_lapses_at(bytea)")
    op.execute("DROP INDEX registration_lapsing; ALTER TABLE registration DROP COLUMN lapses_at")
