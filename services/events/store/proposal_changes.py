"""The record of what happened to proposals: one row for each revision."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, Row, text

from services.events.domain.proposal import Proposal, ProposalStatus
from services.events.domain.proposal_changes import Change, Revision

_ADD = text("""
    INSERT INTO proposal_change (proposal_id, revision, status, note, changed_by, changed_at, changed)
    VALUES (CAST(:id AS uuid), :revision, :status, :note, :changed_by, :changed_at, :changed)
""")
_OF_ONE = text("""
    SELECT revision, status, note, changed_by, changed_at, changed
    FROM proposal_change WHERE proposal_id = CAST(:id AS uuid) ORDER BY revision
""")
_BLANK = text("UPDATE proposal_change SET note = '', changed = '[]' WHERE proposal_id = CAST(:id AS uuid)")
_SENT_AGAIN = text("""
    SELECT DISTINCT ON (proposal_id) proposal_id::text AS id, revision, status, note, changed_by, changed_at, changed
    FROM proposal_change AS again
    WHERE proposal_id = ANY(CAST(:ids AS uuid[])) AND status = 'submitted' AND changed_by = :by
        AND NOT (revision = 2 AND EXISTS (SELECT FROM proposal_change AS first
            WHERE first.proposal_id = again.proposal_id AND first.revision = 1 AND first.status = 'unverified'))
    ORDER BY proposal_id, revision DESC
""")

BY_LINK = "by link"
"""Stands in the record for whoever proposed it."""


def note_change(
    connection: Connection, proposal: Proposal, changed_by: str, at: datetime, changes: Sequence[Change] = ()
) -> None:
    """Keep which status and note this revision of ``proposal`` had, who made it, and what it changed."""
    row = {"id": proposal.id, "revision": proposal.revision, "status": proposal.status, "note": proposal.note}
    changed = Jsonb([asdict(change) for change in changes])
    connection.execute(_ADD, row | {"changed_by": changed_by, "changed_at": at, "changed": changed})


def blank_changes(connection: Connection, proposal_id: str) -> None:
    """Take out of the record what a proposal said and what was said about it; who did what and when stays."""
    connection.execute(_BLANK, {"id": proposal_id})


def history(connection: Connection, proposal_id: str) -> list[Revision]:
    """Every revision of a proposal (UUID text), from the first on."""
    return [_revision(row) for row in connection.execute(_OF_ONE, {"id": proposal_id})]


def sent_again(connection: Connection, proposal_ids: Collection[str]) -> dict[str, Revision]:
    """The last time that each of these was sent again by its own link; without those that never were."""
    rows = connection.execute(_SENT_AGAIN, {"ids": list(proposal_ids), "by": BY_LINK})
    return {row.id: _revision(row) for row in rows}


def _revision(row: Row[Any]) -> Revision:
    changes = tuple(Change(**change) for change in row.changed)
    return Revision(row.revision, ProposalStatus(row.status), row.note, row.changed_by, row.changed_at, changes)
