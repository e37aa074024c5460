"""The parts of a person's export that all services share: what is asked, what is answered, and the audit entry."""

import re
from collections.abc import Mapping
from typing import Any

import marshmallow as ma

from shared.core.clock import Clock, rfc3339
from shared.core.ids import new_id
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder
from shared.web.reasons import reason_field

MAX_SUBJECTS, MAX_REFERENCES = 1000, 100
"""Both together, and a reason, fit into a request (``MAX_BODY_BYTES``). Each service answers one reference."""

PATH = "/v1/person-export"
"""Followed by the name of a service: each exports what it holds, and nothing of the others."""

REFERENCE = ma.validate.Regexp(re.compile(r"^[0-9a-f]{64}$"))


class ExportRequestSchema(ma.Schema):
    """Why one person's data is exported."""

    class Meta:
        unknown = ma.RAISE

    reason = reason_field("Recorded in the audit log: leave out names and addresses")
    export_id = ma.fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "The same for all services: their audit entries name it. Generated if left out"},
    )


class ExportSchema(ma.Schema):
    """What one service holds about a person."""

    service = ma.fields.String(required=True)
    export_id = ma.fields.String(required=True)
    made_at = ma.fields.String(required=True)
    person_refs = ma.fields.List(ma.fields.String(), required=True, metadata={"description": "For the other services"})
    subjects = ma.fields.List(ma.fields.String(), required=True, metadata={"description": "For notifications"})
    tables = ma.fields.Dict(keys=ma.fields.String(), required=True, metadata={"description": "Rows by table"})
    left_out = ma.fields.Dict(keys=ma.fields.String(), required=True, metadata={"description": "Columns, with reasons"})
    notes = ma.fields.List(
        ma.fields.String(), required=True, metadata={"description": "Notes to read before passing it on"}
    )
    opened = ma.fields.Dict(
        keys=ma.fields.String(), required=True, metadata={"description": "What is stored encrypted, by row"}
    )


def record_export(work: UnitOfWork, clock: Clock, asked: Mapping[str, Any], **detail: Any) -> str:
    """Add the audit entry, before anything is read; returns the id of the export.

    Args:
        work: on the service's database.
        clock: of the project.
        asked: loaded by :class:`ExportRequestSchema`.
        detail: what else to record; nothing about the person.
    """
    export_id = str(asked["export_id"] or new_id())
    entry = Deed(holder().name, "person-exported", "export", export_id, {"reason": asked["reason"], **detail})
    with work.transaction() as connection:
        note_deed(connection, entry, clock())
    return export_id


def export_content(service: str, export_id: str, clock: Clock, **parts: Any) -> dict[str, Any]:
    """Return the answer of a service; ``parts`` are the other members of :class:`ExportSchema`."""
    empty: dict[str, Any] = {"person_refs": [], "subjects": [], "opened": {}, "notes": []}
    return {"service": service, "export_id": export_id, "made_at": rfc3339(clock()), **empty, **parts}
