"""Fields of what coordinators set up of the network, as the interface and files take it."""

import marshmallow as ma

from services.events.fields import Fields, fields_of, id_field, slug_field, wanted_text
from services.events.network.model import MAX_ALLOTMENTS, ContactKind, HostKind, ResourceKind, RoomKind
from shared.messaging.contracts.schemas import StrictBoolean
from shared.runtime.schema_fields import one_of_field, text_field, whole_field

SERIES_FIELDS: Fields = fields_of(
    id=id_field(),
    title=wanted_text(200, required=True),
    summary=wanted_text(2000, least=0),
    began_in=whole_field(1945, 2999, allow_none=True),
)

GROUP_FIELDS: Fields = fields_of(
    id=id_field(),
    title=wanted_text(200, required=True),
    summary=wanted_text(2000, least=0),
    contact=text_field(500, "How the group itself is reached; for coordinators", least=0),
    active=StrictBoolean(load_default=True),
)

CONSULTATION_FIELDS: Fields = fields_of(
    id=id_field(),
    title=text_field(200, "By default the name of the embassy or mission"),
    summary=text_field(2000, least=0),
    held_on=ma.fields.Date(allow_none=True),
    host_kind=one_of_field(HostKind, required=True),
    host=text_field(200, "Name of the embassy or mission; null: a round of several", allow_none=True),
    hosts=whole_field(1, 9999),
    city=text_field(200, required=True),
    working_group=slug_field("Id of a working group", allow_none=True),
    presentations=whole_field(1, 9999, required=True),
    within_days=whole_field(1, 366, allow_none=True),
    presented_by=text_field(500, "Organisations or offices", least=0),
    outcome=text_field(2000, least=0),
)

CONTACT_FIELDS: Fields = fields_of(
    id=id_field(),
    working_group=slug_field("Id of a working group", required=True),
    kind=one_of_field(ContactKind, required=True),
    held_on=ma.fields.Date(required=True),
    summary=text_field(2000, least=0),
)

RESOURCE_FIELDS: Fields = fields_of(
    id=id_field(),
    kind=one_of_field(ResourceKind, required=True),
    title=wanted_text(200, required=True),
    url=text_field(500, "Begins with https://", required=True),
    language=text_field(35, "BCP 47", least=2),
    event=slug_field("Id of the event it belongs to", allow_none=True),
    series=slug_field("Id of the series it belongs to", allow_none=True),
    city=text_field(200, "City it belongs to", allow_none=True),
    published=StrictBoolean(),
)


class AllotmentSchema(ma.Schema):
    """Rooms of one kind for some nights."""

    kind = one_of_field(RoomKind, required=True)
    rooms = whole_field(1, 9999, required=True)
    first_night = ma.fields.Date(required=True)
    last_night = ma.fields.Date(required=True, metadata={"description": "Included"})


HOTEL_FIELDS: Fields = fields_of(
    id=id_field(),
    name=text_field(200, required=True),
    city=text_field(200, required=True),
    rooms=whole_field(1, 9999, required=True),
    url=text_field(500, "Begins with https://", allow_none=True),
    booking_code=text_field(80, allow_none=True),
    book_until=ma.fields.Date(allow_none=True),
    note=text_field(2000, least=0),
    allotments=ma.fields.List(ma.fields.Nested(AllotmentSchema), validate=ma.validate.Length(max=MAX_ALLOTMENTS)),
)
