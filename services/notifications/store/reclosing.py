"""Rows that are encrypted with the vault's key, for re-encryption with a new one."""

from sqlalchemy import text

from shared.store.reclosing import ClosedRows

BOOK = ClosedRows(
    read=text("""
        SELECT subject::text, closed FROM recipient
        WHERE closed IS NOT NULL AND (:after = '' OR subject > CAST(nullif(:after, '') AS uuid))
        ORDER BY subject LIMIT :most
    """),
    take=text("""
        SELECT subject::text, closed FROM recipient WHERE subject = ANY(CAST(:ids AS uuid[])) AND closed IS NOT NULL
        ORDER BY subject
        FOR NO KEY UPDATE SKIP LOCKED
    """),
    put=text("UPDATE recipient SET closed = :closed WHERE subject = CAST(:id AS uuid)"),
)
"""Bound to the entry's subject; nothing that anybody could see changes, so no revision is made."""

MAILS = ClosedRows(
    read=text("""
        SELECT id::text, closed FROM mail
        WHERE closed IS NOT NULL AND (:after = '' OR id > CAST(nullif(:after, '') AS uuid)) ORDER BY id LIMIT :most
    """),
    take=text("""
        SELECT id::text, closed FROM mail WHERE id = ANY(CAST(:ids AS uuid[])) AND closed IS NOT NULL ORDER BY id
        FOR NO KEY UPDATE SKIP LOCKED
    """),
    put=text("UPDATE mail SET closed = :closed WHERE id = CAST(:id AS uuid)"),
)
"""Managing links and notes in mails that have not gone yet, bound to the mail's id."""
