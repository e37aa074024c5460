"""Sessions that were ended, sign-ins that were refused, and who did what."""

from alembic import op

revision = "0008"
down_revision = "0007"

TABLES = """
CREATE TABLE ended_session (
    session bytea PRIMARY KEY CHECK (length(session) = 32),
    ended_at timestamptz NOT NULL
);
COMMENT ON TABLE ended_session IS 'cookies of the console that are believed no more, by the hash of their session';
CREATE INDEX ended_session_age ON ended_session (ended_at);
CREATE TABLE refused_sign_in (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    household bytea NOT NULL CHECK (length(household) = 32),
    refused_at timestamptz NOT NULL
);
COMMENT ON COLUMN refused_sign_in.household IS 'keyed hash of an address, another one each day; kept for 15 minutes';
CREATE INDEX refused_sign_in_household ON refused_sign_in (household, refused_at);
CREATE TABLE deed (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    done_at timestamptz NOT NULL,
    done_by text NOT NULL CHECK (done_by <> ''),
    deed text NOT NULL CHECK (deed <> ''),
    kind text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL
);
COMMENT ON TABLE deed IS 'what people with a key did that no other table tells; shown by the view trail';
CREATE INDEX deed_at ON deed (done_at);
CREATE FUNCTION deed_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'deeds are only ever added';
END $$;
CREATE TRIGGER deed_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON deed
    FOR EACH STATEMENT EXECUTE FUNCTION deed_stays();
"""

TRAIL = """
CREATE INDEX registration_change_by_people ON registration_change (changed_at) WHERE changed_by IS NOT NULL;
CREATE VIEW trail AS
    SELECT done_at AS at, done_by AS who, deed, kind, subject, detail, 'd' || id AS key FROM deed
    UNION ALL SELECT changed_at, changed_by, 'registration-' || status, 'registration', registration_id::text,
        jsonb_build_object('revision', revision), 'r' || registration_id || '.' || revision
        FROM registration_change WHERE changed_by IS NOT NULL
    UNION ALL SELECT changed_at, changed_by, 'form-changed', 'form', form,
        jsonb_build_object('before', before, 'after', after), 'f' || form || '.' || revision FROM form_change
    UNION ALL SELECT read_at, reader, 'sealed-answers-read', 'registration', registration_id::text,
        jsonb_build_object('form', form), 's' || id FROM sealed_reading;
"""


def upgrade() -> None:
    """Nothing of this was written down before."""
    op.execute(TABLES)
    op.execute(TRAIL)


def downgrade() -> None:
    """Who did what must not be dropped by a slip."""
    raise RuntimeError("cannot be taken back: restore the database from before instead")
