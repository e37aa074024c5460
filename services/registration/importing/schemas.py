"""What the interface takes and gives of imports."""

from typing import Any

import marshmallow as ma

from services.registration.importing.model import MAX_CELL, MAX_COLUMNS, MAX_HEADING, Fate
from services.registration.importing.rules import DATE_ORDERS, SEATS
from shared.contracts.schemas import SLUG, StrictBoolean
from shared.i18n.languages import LANGUAGES
from shared.web.reasons import reason_field

STATES = ("uploaded", "checked", "running", "done", "cancelled", "failed")
_ENCODINGS = ("", "utf-8", "utf-16", "windows-1252", "windows-1251", "windows-1256", "gb18030")
_DELIMITERS = ("", ",", ";", "\t", "|")


def _heading() -> ma.fields.String:
    return ma.fields.String(validate=ma.validate.Length(min=1, max=MAX_HEADING))


class UploadArguments(ma.Schema):
    """Where the people of the file are registered."""

    form = ma.fields.String(
        required=True,
        validate=(ma.validate.Length(max=80), ma.validate.Regexp(f"^{SLUG}$")),
        metadata={"description": "Slug of the form"},
    )


class MappingSchema(ma.Schema):
    """What each column of the file is, and how the file is read."""

    class Meta:
        unknown = ma.RAISE

    columns = ma.fields.Dict(
        keys=_heading(),
        values=ma.fields.String(validate=ma.validate.Length(min=1, max=80)),
        required=True,
        validate=ma.validate.Length(min=1, max=MAX_COLUMNS),
        metadata={
            "description": "By heading: the name of a question, `@status`, `@received_at`, `@language` or `@time_zone`"
        },
    )
    values = ma.fields.Dict(
        keys=ma.fields.String(validate=ma.validate.Length(min=1, max=80)),
        values=ma.fields.Dict(
            keys=ma.fields.String(validate=ma.validate.Length(min=1, max=MAX_CELL)),
            values=ma.fields.String(validate=ma.validate.Length(min=1, max=200)),
        ),
        load_default=dict,
        validate=ma.validate.Length(max=100),
        metadata={"description": "By question: the choice that the text of a cell means"},
    )
    date_order = ma.fields.String(
        load_default="",
        validate=ma.validate.OneOf(DATE_ORDERS),
        metadata={"description": "Order of dates with slashes; empty: ambiguous dates are refused"},
    )
    language = ma.fields.String(
        load_default="en",
        validate=ma.validate.OneOf(LANGUAGES),
        metadata={"description": "Language for rows that name none"},
    )
    encoding = ma.fields.String(
        validate=ma.validate.OneOf(_ENCODINGS), metadata={"description": "Of a CSV; empty: detected"}
    )
    delimiter = ma.fields.String(
        validate=ma.validate.OneOf(_DELIMITERS), metadata={"description": "Of a CSV; empty: detected"}
    )


class ConfirmSchema(ma.Schema):
    """What is done with the people of the file."""

    class Meta:
        unknown = ma.RAISE

    seats = ma.fields.String(
        load_default="as-possible",
        validate=ma.validate.OneOf(SEATS),
        metadata={"description": "Free seats first, or the waiting list for all new people"},
    )
    mail = StrictBoolean(load_default=True, metadata={"description": "Whether each person gets a mail with their link"})
    changes = StrictBoolean(
        load_default=True,
        metadata={"description": "Whether answers of people who are registered already are changed"},
    )
    reason = reason_field("How these people agreed; stored with the consent of each")


class RowFaultSchema(ma.Schema):
    """Why a row is refused."""

    heading = ma.fields.String(required=True, metadata={"description": "Of the column; empty: the whole row"})
    code = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)


class RowSchema(ma.Schema):
    """What becomes of a row."""

    line = ma.fields.Integer(required=True, metadata={"description": "At which it begins in the file"})
    fate = ma.fields.String(required=True, validate=ma.validate.OneOf([*Fate]))
    changes = ma.fields.List(ma.fields.String(), required=True, metadata={"description": "Names of answers"})
    twin = ma.fields.Integer(required=True, metadata={"description": "Line of the row that it repeats; 0: none"})
    faults = ma.fields.List(ma.fields.Nested(RowFaultSchema), required=True)


class RowListSchema(ma.Schema):
    """Rows in order of the file."""

    items = ma.fields.List(ma.fields.Nested(RowSchema), required=True)
    next = ma.fields.String(allow_none=True, metadata={"description": "Cursor of the next page"})


def _counts(description: str) -> ma.fields.Dict:
    return ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.Integer(), required=True, metadata={"description": description}
    )


class ImportSchema(ma.Schema):
    """An import."""

    id = ma.fields.UUID(required=True)
    form = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(STATES))
    revision = ma.fields.Integer(required=True, metadata={"description": "Value for `If-Match` in the next step"})
    rows = ma.fields.Integer(required=True)
    done_rows = ma.fields.Integer(required=True, metadata={"description": "State of the import"})
    expected = _counts("By the dry run: rows by fate")
    counts = _counts("So far: rows by fate")
    mapping: Any = ma.fields.Dict(
        keys=ma.fields.String(), required=True, metadata={"description": "Of the columns; empty before there is one"}
    )
    created_at = ma.fields.AwareDateTime(format="iso", required=True)
    created_by = ma.fields.String(required=True)
    confirmed_by = ma.fields.String(allow_none=True)
    finished_at = ma.fields.AwareDateTime(format="iso", allow_none=True)
    failure = ma.fields.String(allow_none=True)


class UploadedSchema(ImportSchema):
    """An import whose file has come."""

    headings = ma.fields.List(ma.fields.String(), required=True)
    encoding = ma.fields.String(required=True, metadata={"description": "As detected; empty: a spreadsheet"})
    proposed = ma.fields.Dict(
        keys=ma.fields.String(), required=True, metadata={"description": "A mapping to begin with"}
    )
    source = ma.fields.String(
        required=True,
        metadata={"description": "Of the proposal: a known export, `last import`, or empty"},
    )


class ImportListSchema(ma.Schema):
    """The newest imports."""

    items = ma.fields.List(ma.fields.Nested(ImportSchema), required=True)
