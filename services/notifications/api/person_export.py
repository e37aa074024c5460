"""One person's data for coordinators, with a reason: the part of notifications."""

from typing import Any

import marshmallow as ma

from services.notifications.usecases.person_export import LEFT_OUT, export_person
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import needs_all_forms
from shared.web.browser_session import needs_recent_sign_in
from shared.web.operations import Blueprint
from shared.web.person_export import (
    MAX_REFERENCES,
    MAX_SUBJECTS,
    PATH,
    REFERENCE,
    ExportRequestSchema,
    ExportSchema,
    export_content,
    record_export,
)


class NotificationsExportSchema(ExportRequestSchema):
    """Whose data, by what registration and events have answered."""

    person_refs = ma.fields.List(
        ma.fields.String(validate=REFERENCE), required=True, validate=ma.validate.Length(max=MAX_REFERENCES)
    )
    subjects = ma.fields.List(ma.fields.UUID(), required=True, validate=ma.validate.Length(max=MAX_SUBJECTS))


def person_export_blueprint(work: UnitOfWork, clock: Clock) -> Any:
    """``/v1/person-export/notifications``."""
    blueprint = Blueprint("person_export", __name__, url_prefix=PATH, description="One person's data, on request")

    @blueprint.post("/notifications")
    @blueprint.arguments(NotificationsExportSchema)
    @blueprint.response(200, ExportSchema)
    @needs_recent_sign_in
    @needs_all_forms("coordinator")
    def export(asked: dict[str, Any]) -> dict[str, Any]:
        """Everything that the notifications service stores about a person: mails with outcomes, and suppressions."""
        export_id = record_export(work, clock, asked)
        found = export_person(work, asked["person_refs"], [str(one) for one in asked["subjects"]])
        return export_content("notifications", export_id, clock, tables=found, left_out=LEFT_OUT)

    return blueprint
