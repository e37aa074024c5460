"""The route of one person's data at the events service."""

from typing import Any

import marshmallow as ma

from services.events.overview.service import LEFT_OUT, export_person
from services.events.side_events.reading import SideEventsContext
from shared.http.access import needs_all_forms, needs_recent_sign_in
from shared.http.audit_log import (
    MAX_REFERENCES,
    PATH,
    REFERENCE,
    ExportRequestSchema,
    ExportSchema,
    export_content,
    record_export,
)
from shared.http.request_data import Blueprint


class EventsExportSchema(ExportRequestSchema):
    """Whose data: by the references that registration has answered."""

    person_refs = ma.fields.List(
        ma.fields.String(validate=REFERENCE),
        required=True,
        validate=ma.validate.Length(max=MAX_REFERENCES),
        metadata={"description": "As returned by registration"},
    )


def person_export_blueprint(context: SideEventsContext) -> Any:
    """``/v1/person-export/events``."""
    blueprint = Blueprint("person_export", __name__, url_prefix=PATH, description="One person's data, on request")

    @blueprint.post("/events")
    @blueprint.arguments(EventsExportSchema)
    @blueprint.response(200, ExportSchema)
    @needs_recent_sign_in
    @needs_all_forms("coordinator")
    def export(asked: dict[str, Any]) -> dict[str, Any]:
        """Everything that the events service stores about a person: what is counted, bulletins, and their proposals."""
        export_id = record_export(context.work, context.clock, asked)
        found = export_person(context.work, context.keys, asked["person_refs"])
        return export_content(
            "events",
            export_id,
            context.clock,
            tables=found.tables,
            left_out=LEFT_OUT,
            opened={"speakers": found.speakers},
        )

    return blueprint
