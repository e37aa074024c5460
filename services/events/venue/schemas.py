"""Fields of rooms, as the interface and files take them."""

from services.events.fields import Fields, fields_of, id_field, wanted_text
from shared.runtime.schema_fields import text_field, whole_field

ROOM_FIELDS: Fields = fields_of(
    id=id_field(),
    title=wanted_text(200, required=True),
    city=text_field(200, required=True),
    capacity=whole_field(1, 99_999, required=True),
    address=text_field(500, least=0),
    equipment=text_field(500, least=0),
    time_zone=text_field(64, "IANA name", required=True),
)
