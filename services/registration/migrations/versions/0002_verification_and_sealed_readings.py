"""Addresses confirmed by mail, holds on seats, guest lists that close early, and the log of sealed readings."""

from alembic import op

revision = "0002"
down_revision = "0001"

SCHEMA = """
ALTER TABLE form
    ADD COLUMN hold_minutes integer NOT NULL DEFAULT 1440 CHECK (hold_minutes BETWEEN 1 AND 100000),
    ADD COLUMN closes_hours_before integer NOT NULL DEFAULT 0 CHECK (closes_hours_before BETWEEN 0 AND 10000),
    ADD COLUMN attend text;
ALTER TABLE registration
    DROP CONSTRAINT registration_status_check,
    ALTER COLUMN name DROP NOT NULL,
    ADD COLUMN hold_until timestamptz,
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN verified_at timestamptz,
    ADD CONSTRAINT registration_status_check
        CHECK (status IN ('unverified', 'confirmed', 'waitlisted', 'cancelled', 'expired')),
    ADD CONSTRAINT registration_only_unverified_hold CHECK ((hold_until IS NOT NULL) <= (status = 'unverified')),
    ADD CONSTRAINT registration_only_unverified_expire CHECK ((expires_at IS NOT NULL) = (status = 'unverified')),
    ADD CONSTRAINT registration_unverified CHECK ((status IN ('unverified', 'expired')) <= (verified_at IS NULL));
DROP INDEX registration_live;
CREATE UNIQUE INDEX registration_live ON registration (person_ref, form) WHERE status NOT IN ('cancelled', 'expired');
CREATE INDEX registration_holds ON registration (form, hold_until) WHERE status = 'unverified';
CREATE INDEX registration_expiry ON registration (expires_at) WHERE status = 'unverified';
CREATE TABLE sealed_reading (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    registration_id uuid NOT NULL,
    form text NOT NULL,
    reader text NOT NULL CHECK (reader <> ''),
    reason text NOT NULL CHECK (length(reason) BETWEEN 10 AND 500),
    read_at timestamptz NOT NULL
);
CREATE FUNCTION refuse_to_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME;
END $$;
CREATE TRIGGER sealed_reading_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON sealed_reading
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change();
"""


def upgrade() -> None:
    """Add everything; what was registered before stays as it is."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """Unverified registrations have no place in the first schema."""
    raise RuntimeError("cannot be taken back: restore the database from before instead")
