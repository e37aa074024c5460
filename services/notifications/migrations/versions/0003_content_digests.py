"""Digests of contents, for the audit."""

from alembic import op

from shared.db.content_digests import (
    COUNT_COMMENT,
    DIFFERENCE_COMMENT,
    KEY_AND_FUNCTION,
    TAKE_BACK,
    DigestedTable,
    changed,
    view,
)

revision = "0003"
down_revision = "0002"

_IN_HAND = "('queued', 'claimed', 'deferred')"
_MAIL = DigestedTable(
    "mail",
    "id",
    ("id", "kind", "subject", "recipient", "event", "lane", "message_id", "cause_at", "created_at", "sent_at"),
    written=f"OLD.state <> NEW.state AND NEW.state NOT IN {_IN_HAND}",
    made=f"NEW.state NOT IN {_IN_HAND}",
)
"""A mail can change until it has ended, and is digested then. Its recipient goes with an erasure."""

_TABLES = (
    DigestedTable("event_copy", "id", ("id", "revision", "content"), written=changed("revision")),
    DigestedTable(
        "recipient",
        "subject",
        ("subject", "about", "person_ref", "form", "form_kind", "event", "attend", "working_group", "representative",
         "partner", "country", "language", "status", "verified", "revision", "occurred_at", "position", "decision",
         "closed", "erased_at"),
        frozenset({"closed"}),
        written=f"{changed('revision', 'occurred_at', 'decision', 'noted_at', 'erased_at')} OR NEW.digest IS NULL",
    ),
    DigestedTable("recipient_tags", "subject", ("subject", "tags", "revision"), written=changed("revision")),
    DigestedTable("suppression", "'a suppression since ' || {row}.since",
        ("person_ref", "said_by", "since", "who", "bulletin")),
)  # fmt: skip


def upgrade() -> None:
    """Add columns, triggers and views; nothing that exists changes."""
    op.execute(KEY_AND_FUNCTION)
    for table in (*_TABLES, _MAIL):
        op.execute(table.column() + table.triggers())
    ended = f"recipient IS NOT NULL AND state NOT IN {_IN_HAND}"
    mails = f"{_MAIL.differing()} AND {ended}"
    op.execute(view("content_difference", [*(t.differing() for t in _TABLES), mails], DIFFERENCE_COMMENT))
    op.execute(
        view("content_count", [*(t.counted() for t in _TABLES), f"{_MAIL.counted()} WHERE {ended}"], COUNT_COMMENT)
    )


def downgrade() -> None:
    """Take them back; digests are made again as rows change."""
    op.execute("DROP VIEW content_count; DROP VIEW content_difference;")
    for table in reversed((*_TABLES, _MAIL)):
        op.execute(table.take_back())
    op.execute(TAKE_BACK)
