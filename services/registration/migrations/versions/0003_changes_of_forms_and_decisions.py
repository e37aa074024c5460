"""Hours of a form, who changed what, what became of those who wait, and forms that keep nothing for long."""

from alembic import op

revision = "0003"
down_revision = "0002"

SCHEMA = """
ALTER TABLE form
    ADD COLUMN opens_at timestamptz,
    ADD COLUMN closes_at timestamptz,
    ADD COLUMN keep_days integer CHECK (keep_days BETWEEN 1 AND 3650),
    ADD CONSTRAINT form_opens_before_it_closes CHECK (opens_at < closes_at),
    ADD CONSTRAINT form_of_partners_keeps CHECK (keep_days IS NULL OR partners = '{}');
CREATE TABLE form_change (
    form text NOT NULL,
    revision integer NOT NULL CHECK (revision >= 2),
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL CHECK (changed_by <> ''),
    before jsonb NOT NULL,
    after jsonb NOT NULL,
    promoted integer NOT NULL CHECK (promoted >= 0),
    PRIMARY KEY (form, revision)
);
CREATE TRIGGER form_change_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON form_change
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change();
ALTER TABLE registration_change ADD COLUMN changed_by text CHECK (changed_by <> '');
CREATE TABLE promotion (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    form text NOT NULL,
    decided_at timestamptz NOT NULL,
    cause text NOT NULL CHECK (cause <> ''),
    capacity integer,
    free integer CHECK (free >= 0),
    waiting integer NOT NULL CHECK (waiting > 0),
    promoted integer NOT NULL CHECK (promoted BETWEEN 0 AND waiting),
    through_position integer,
    withheld text NOT NULL CHECK (withheld IN
        ('', 'no-free-seat', 'too-late', 'not-taking-place', 'out-of-turn')),
    CHECK ((promoted > 0) = (through_position IS NOT NULL)),
    CHECK ((withheld = '') = (promoted = waiting))
);
CREATE INDEX promotion_by_form ON promotion (form, decided_at);
CREATE INDEX registration_ended ON registration (form, accepted_at) WHERE status IN ('cancelled', 'expired');
"""


def upgrade() -> None:
    """Add everything; what was before stays as it is."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """The log of who changed what must not be dropped by a slip."""
    raise RuntimeError("cannot be taken back: restore the database from before instead")
