"""What is left of whoever was erased: ids, times and counts, and nothing else; messages whose content is gone."""

from alembic import op

revision = "0010"
down_revision = "0009"

REGISTRATION = """
ALTER TABLE {prefix}registration
    ADD COLUMN erased_at timestamptz,
    ALTER COLUMN person_ref DROP NOT NULL,
    ALTER COLUMN email DROP NOT NULL,
    ALTER COLUMN language DROP NOT NULL,
    ALTER COLUMN box DROP NOT NULL,
    ALTER COLUMN token_hash DROP NOT NULL,
    ADD CONSTRAINT registration_is_somebodys
        CHECK (erased_at IS NOT NULL OR num_nulls(person_ref, email, language, box, token_hash) = 0),
    ADD CONSTRAINT registration_erased_is_nobodys
        CHECK (erased_at IS NULL OR (NOT representative AND answers = '{{}}' AND num_nonnulls(person_ref, name, email,
            organisation_id, working_group, country, time_zone, language, sealed, box, token_hash, verify_hash,
            hold_until) = 0));
CREATE INDEX {prefix}registration_organisation ON {prefix}registration (organisation_id)
    WHERE organisation_id IS NOT NULL;
ALTER TABLE {prefix}outbox ADD COLUMN blanked_at timestamptz;
COMMENT ON COLUMN {prefix}outbox.blanked_at IS
    'when the content of the message was erased; it is not published from then on';
CREATE INDEX {prefix}outbox_subject ON {prefix}outbox (subject);
"""


def upgrade() -> None:
    """Nobody was erased before."""
    for prefix in ("", "shadow_"):
        op.execute(REGISTRATION.format(prefix=prefix))


def downgrade() -> None:
    """Whoever was erased has no place in the schema before."""
    raise RuntimeError("cannot be taken back: restore the database from before instead")
