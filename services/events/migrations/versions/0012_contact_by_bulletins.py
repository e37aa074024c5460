"""A working group and a person count as written to by bulletins alone, which people write, not by automatic mail."""

from alembic import op

revision = "0012"
down_revision = "0011"

RECOUNT = """
DELETE FROM group_contact;
INSERT INTO group_contact (working_group, last_mail_at)
    SELECT working_group, max(sent_at) FROM roster JOIN mail_contact USING (registration_id)
    WHERE working_group IS NOT NULL AND (event_id IN (SELECT id FROM event WHERE internal)) IS NOT TRUE {written}
    GROUP BY working_group;
DELETE FROM person_contact;
INSERT INTO person_contact (person_ref, last_mail_at)
    SELECT person_ref, max(sent_at) FROM roster JOIN mail_contact USING (registration_id)
    WHERE person_ref IS NOT NULL {written} GROUP BY person_ref;
COMMENT ON COLUMN group_contact.last_mail_at IS {comment};
COMMENT ON COLUMN person_contact.last_mail_at IS {comment};
"""


def upgrade() -> None:
    """Count what is stored anew."""
    op.execute(RECOUNT.format(written="AND kind = 'bulletin'", comment="'of the last bulletin'"))


def downgrade() -> None:
    """Count every mail again."""
    op.execute(RECOUNT.format(written="", comment="NULL"))
