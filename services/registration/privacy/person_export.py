"""The export of one person's data for a data-subject request: for programs and the console."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint as PageBlueprint
from flask import Response, make_response, render_template
from sqlalchemy import Connection

from services.registration.people.references import References
from services.registration.privacy.erasure_store import TABLES
from services.registration.sealing.key_store import FormKeys
from services.registration.sealing.model import decode_envelopes
from services.registration.sealing.service import ReadingRequest, read_sealed
from services.registration.sealing.store import find_sealed
from shared.db.cleanup import export_rows, reasons_of
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, may_touch, needs_all_forms, needs_recent_sign_in, refuse
from shared.http.audit_log import PATH, ExportRequestSchema, ExportSchema, export_content, record_export
from shared.http.headers import personal
from shared.http.problems import ProblemSchema
from shared.http.request_data import Blueprint
from shared.messaging.contracts.schemas import StrictBoolean
from shared.public_forms.addresses import email_field, normal_address
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError


@dataclass(frozen=True, slots=True)
class SealedReader:
    """The person who wants the sealed answers opened as well, and why; each reading is logged.

    Attributes:
        name: the name of the key's holder, who may read them.
        reason: the reason for the export.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class RegistrationExport:
    """The data about the owner of an address.

    Attributes:
        person_ref: the keyed hash of the address, by which the other services know the person, 64 hex digits.
        subjects: the ids by which notifications knows what mails were about.
        tables: the rows by table.
        sealed: the dates of sealed answers by registration and question, and the answers if they were opened.
    """

    person_ref: str
    subjects: list[str]
    tables: dict[str, list[dict[str, Any]]]
    sealed: dict[str, Any]


LEFT_OUT = reasons_of(TABLES)


NOTES = (
    "Found by the address, which several people may share: check the data before you hand it over.",
    "Not included: submissions that are not decided yet. They are encrypted for the decider; ask again in a minute.",
    "Not included: texts of mails, which are deleted when they are sent; and backups, which the operator deletes.",
)


def export_person(
    work: UnitOfWork, clock: Clock, references: References, keys: FormKeys, email: str, reader: SealedReader | None
) -> RegistrationExport:
    """Return what is held about the owner of ``email``; empty tables if nothing is.

    Args:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        references: the maker of the keyed hashes of the address.
        keys: the private keys of the forms.
        email: the address, checked as forms check addresses.
        reader: the person who opens sealed answers; if None, they are named with their dates, and stay closed.
    """
    address = references.address(email)
    with work.transaction() as connection:
        tables = export_rows(connection, TABLES, {"ref": address.ref, "mailbox": address.mailbox})
        dates = {row["id"]: _given_at(connection, row) for row in tables["registration"]}
    sealed = {
        identity: {"given_at": given} | ({"answers": _opened(work, clock, keys, identity, reader)} if reader else {})
        for identity, given in dates.items()
        if given
    }
    subjects = [row["id"] for table in ("registration", "confirmation_link", "former_address") for row in tables[table]]
    return RegistrationExport(address.ref.hex(), subjects, tables, sealed)


def _given_at(connection: Connection, registration: Mapping[str, Any]) -> dict[str, str | None]:
    """When each sealed question of a registration was answered, or left empty: the newest submission of it counts."""
    found = find_sealed(connection, registration["id"])
    if found is None or found.sealed is None:
        return {}
    given = registration["sealed_dates"]
    oldest_first = reversed(decode_envelopes(found.sealed))
    return {name: given.get(envelope.submission) for envelope in oldest_first for name in envelope.fields}


def _opened(work: UnitOfWork, clock: Clock, keys: FormKeys, identity: str, reader: SealedReader) -> Any:
    try:
        return read_sealed(work, clock, keys, ReadingRequest(identity, reader.name, reader.reason, may_touch))
    except DomainError as refusal:
        return {"not_opened": refusal.detail or refusal.code}


class RegistrationExportSchema(ExportRequestSchema):
    """Whose data, and whether sealed answers are opened."""

    email = email_field()
    with_sealed = StrictBoolean(
        load_default=False,
        metadata={"description": "Open sealed answers too: needs the role `sealed-reader`; each reading is logged"},
    )


def person_export_blueprint(work: UnitOfWork, clock: Clock, references: References, keys: FormKeys) -> Any:
    """``/v1/person-export/registration``."""
    blueprint = Blueprint("person_export", __name__, url_prefix=PATH, description="One person's data, on request")

    @blueprint.post("/registration")
    @blueprint.arguments(RegistrationExportSchema)
    @blueprint.response(200, ExportSchema)
    @blueprint.alt_response(403, schema=ProblemSchema)
    @needs_recent_sign_in
    @needs_all_forms("coordinator")
    def export(asked: dict[str, Any]) -> dict[str, Any]:
        """Everything that the registration service stores about the owner of an address.

        The references in the response identify the person in the other services.
        """
        if asked["with_sealed"] and "sealed-reader" not in holder().roles:
            refuse(holder())
        email = normal_address(asked["email"])
        export_id = record_export(work, clock, asked, with_sealed=asked["with_sealed"])
        reader = SealedReader(holder().name, asked["reason"]) if asked["with_sealed"] else None
        found = export_person(work, clock, references, keys, email, reader)
        return export_content(
            "registration",
            export_id,
            clock,
            person_refs=[found.person_ref],
            subjects=found.subjects,
            tables=found.tables,
            left_out=LEFT_OUT,
            notes=list(NOTES),
            opened={"sealed_answers": found.sealed},
        )

    return blueprint


SCRIPT = Path(__file__).parent / "static" / "person_export.js"


def add_person_export(blueprint: PageBlueprint) -> None:
    """``/console/registrations/person-export``: a script on it asks the three services and saves one file."""

    @blueprint.get("/registrations/person-export")
    @needs_recent_sign_in
    @needs_all_forms("coordinator")
    def person_export() -> Response:
        reads_sealed = "sealed-reader" in holder().roles
        return personal(make_response(render_template("registrations/person_export.html", reads_sealed=reads_sealed)))

    @blueprint.get("/registrations/person-export.js")
    @needs_all_forms("coordinator")
    def person_export_script() -> Response:
        return Response(SCRIPT.read_text(encoding="utf-8"), mimetype="text/javascript")
