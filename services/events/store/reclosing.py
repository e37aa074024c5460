"""Closed contacts of proposers and names of speakers, row by row, for whoever closes them by another key."""

from sqlalchemy import text

from shared.store.reclosing import ClosedRows

CONTACTS = ClosedRows(
    read=text("""
        SELECT id::text, contact FROM proposal
        WHERE contact IS NOT NULL AND (:after = '' OR id > CAST(nullif(:after, '') AS uuid)) ORDER BY id LIMIT :most
    """),
    take=text("""
        SELECT id::text, contact FROM proposal WHERE id = ANY(CAST(:ids AS uuid[])) AND contact IS NOT NULL ORDER BY id
        FOR NO KEY UPDATE SKIP LOCKED
    """),
    put=text("UPDATE proposal SET contact = :closed WHERE id = CAST(:id AS uuid)"),
)
"""Bound to the proposal; nothing that anybody could see changes, so no revision is made."""

SPEAKERS = ClosedRows(
    read=text("""
        SELECT id::text, speaker_names FROM proposal
        WHERE speaker_names IS NOT NULL AND (:after = '' OR id > CAST(nullif(:after, '') AS uuid))
        ORDER BY id LIMIT :most
    """),
    take=text("""
        SELECT id::text, speaker_names FROM proposal WHERE id = ANY(CAST(:ids AS uuid[])) AND speaker_names IS NOT NULL
        ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    """),
    put=text("UPDATE proposal SET speaker_names = :closed WHERE id = CAST(:id AS uuid)"),
)
"""The same of the speakers."""
