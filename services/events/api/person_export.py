"""One person's data for coordinators, with a reason: the part of events."""

from typing import Any

import marshmallow as ma

from services.events.usecases.person_export import LEFT_OUT, export_person
from services.events.usecases.side_tools import SideTools
from shared.web.access import needs_all_forms
from shared.web.browser_session import needs_recent_sign_in
from shared.web.operations import Blueprint
from shared.web.person_export import (
    MAX_REFERENCES,
    PATH,
    REFERENCE,
    ExportRequestSchema,
    ExportSchema,
    export_content,
    record_export,
)


class EventsExportSchema(ExportRequestSchema):
    """Whose data: by the references that registration has answered."""

    person_refs = ma.fields.List(
        ma.fields.String(validate=REFERENCE),
        required=True,
        validate=ma.validate.Length(max=MAX_REFERENCES),
        metadata={"description": "As registration answers them"},
    )


def person_export_blueprint(tools: SideTools) -> Any:
    """``/v1/person-export/events``."""
    blueprint = Blueprint("person_export", __name__, url_prefix=PATH, description="One person's data, on request")

    @blueprint.post("/events")
    @blueprint.arguments(EventsExportSchema)
    @blueprint.response(200, ExportSchema)
    @needs_recent_sign_in
    @needs_all_forms("coordinator")
    def export(asked: dict[str, Any]) -> dict[str, Any]:
        """Everything that the events service stores about a person: what is counted, bulletins, and their proposals."""
        export_id = record_export(tools.work, tools.clock, asked)
        found = export_person(tools.work, tools.keys, asked["person_refs"])
        return export_content(
            "events",
            export_id,
            tools.clock,
            tables=found.tables,
            left_out=LEFT_OUT,
            opened={"speakers": found.speakers},
        )

    return blueprint
