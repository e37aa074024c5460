"""Recordings, slides and briefs of events, series and cities: their kind, and routes that create and change them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import marshmallow as ma
from flask import Response, jsonify
from sqlalchemy import Connection

from services.events.console import FormField, Section
from services.events.event.model import Readers
from services.events.event.service import EventsContext
from services.events.event.store import counts_of
from services.events.fields import fields_of, slug_field
from services.events.http import audience, broken_rules_as_faults, own_forms
from services.events.network.messages import resource_messages
from services.events.network.model import Resource, ResourceKind, announces, resource_tag, with_announced
from services.events.network.resource_pages import (
    RESOURCE_ID_FIELD,
    RESOURCE_KINDS,
    language_field,
    require_touch_resource,
)
from services.events.network.schemas import RESOURCE_FIELDS
from services.events.network.service import (
    change_resource,
    create_resource,
    record_resource_change,
    wrong_resource_names,
)
from services.events.network.store import (
    ResourceFilter,
    all_series,
    delete_resource,
    insert_resource,
    lock_resource,
    save_resource,
    select_resources,
)
from services.events.setup.kinds import (
    Listing,
    SetupKind,
    Stored,
    Values,
    Words,
    counted,
    fields_by_name,
    no_op,
    shown_text,
    with_id,
)
from shared.http.access import holder, needs
from shared.http.headers import seen_tags
from shared.http.problems import MEDIA_TYPE as PROBLEM
from shared.http.problems import ProblemSchema
from shared.http.request_data import Blueprint
from shared.messaging.contracts.schemas import StrictBoolean, TextByLanguage
from shared.runtime.schema_fields import one_of_field, text_field

MAX_RESOURCES = 10_000


def _all_resources(connection: Connection) -> list[Resource]:
    return select_resources(connection, ResourceFilter(published_only=False, limit=MAX_RESOURCES))


def readable_resources(context: EventsContext) -> Sequence[Resource]:
    """Those that the caller may see: the published ones; with a key, all of its forms."""
    readers = audience()
    own = own_forms(readers)
    published_only = readers is Readers.PUBLIC or own is not None
    wanted = ResourceFilter(published_only=published_only, own=own or frozenset(), limit=MAX_RESOURCES)
    with context.work.transaction() as connection:
        return select_resources(connection, wanted)


def _typed_resource(values: Values) -> Values:
    nullable = ("event", "series", "city")
    return {name: value or None if name in nullable else value for name, value in values.items()}


def _make(values: Values, _by: str, _request: str) -> Sequence[Resource]:
    attached_to = values.get("event") or values.get("series") or values.get("city") or ""
    return [with_announced(None, Resource(**_typed_resource(with_id(values, attached_to, values["title"]))))]


def _effects(connection: Connection, old: Resource | None, new: Sequence[Resource], _now: datetime) -> Iterable[str]:
    for resource in new:
        is_of_event = resource.kind is ResourceKind.RECORDING and resource.event is not None
        if announces(old, resource):
            yield "It becomes public in the programme."
            yield _mails_of(connection, resource)
        elif old is not None and old.published and not resource.published and is_of_event:
            yield "It is hidden. Mails about it that have not been sent wait up to 72 hours until a recording is shown."
        elif old is not None and old.published and not resource.published:
            yield "It is hidden. Showing it again sends no mail."
        elif old is not None and resource.published and (old.kind, old.event) != (resource.kind, resource.event):
            yield "Everyone sees the change. The first recording of an event is mailed to people with a seat."
        elif old is not None and resource.published and not old.published and is_of_event:
            yield "Everyone sees it again. Mails about it that waited are sent; no one gets a second one."
        elif old is not None and resource.published:
            yield "Everyone sees the change. No mail is sent."


def _mails_of(connection: Connection, new: Resource) -> str:
    """Which mails the first publication of a resource causes: an event has one announcement of a recording."""
    people = counts_of(connection, [new.event])[new.event].confirmed if new.event else 0
    if new.kind is not ResourceKind.RECORDING or not people:
        return "No mail is sent."
    wanted = ResourceFilter(published_only=False, event=new.event, kind=new.kind, limit=MAX_RESOURCES)
    announced = [
        resource for resource in select_resources(connection, wanted) if resource.announced and resource.id != new.id
    ]
    if not announced:
        return f"{counted(people, 'confirmed registration')} for its event: they get one mail."
    if any(resource.published for resource in announced):
        return "No mail is sent: a recording of its event was announced before."
    return "A recording of its event was announced and is hidden: mails about it that waited are sent with this one."


def _blockers(_connection: Connection, resource: Resource, _now: datetime) -> Iterable[str]:
    if resource.announced:
        yield "It was announced, so mails link to it. Hide it instead: clear “Published”."


def _form(connection: Connection, old: Resource | None) -> list[Section]:
    series = [("", "None"), *((series.id, str(series.title)) for series in all_series(connection))]
    what = [
        FormField(name="title", label="Title", widget="languages", required=True),
        *([RESOURCE_ID_FIELD] if old is None else []),
        FormField(name="kind", label="Kind", widget="select", required=True, choices=list(RESOURCE_KINDS.items())),
        FormField(name="url", label="Address", max_length=500, required=True, help="Begins with https://"),
        language_field(old),
        FormField(
            name="published",
            label="Published",
            widget="tick",
            help="The first recording of an event is mailed to people with a seat.",
        ),
    ]
    where = [
        FormField(name="event", label="Event", max_length=80, help="Short name of the event."),
        FormField(name="series", label="Series", widget="select", choices=series),
        FormField(name="city", label="City", help="For UPR Cities."),
    ]
    return [Section("What it is", what), Section("What it belongs to", where)]


RESOURCES: SetupKind[Resource] = SetupKind(
    name="resource",
    part="resources",
    words=Words(
        "Recordings, slides and briefs",
        "resource",
        "Of events, series and cities. The page of an event lists its own, too.",
        (("title", "Title"), ("kind", "Kind"), ("event", "Event"), ("series", "Series"), ("published", "Published")),
        "A resource that was announced cannot be withdrawn. It can be hidden.",
    ),
    stored=Stored(_all_resources, lock_resource, insert_resource, save_resource, delete_resource),
    listing=Listing(
        filters=("kind", "event", "series", "city", "language", "published"),
        searched=("title",),
        sorts=("id", "title", "kind", "language"),
        groups=("kind", "event", "series", "city", "language", "published"),
        public=True,
    ),
    shown=fields_of(
        kind=one_of_field(ResourceKind),
        title=shown_text(200),
        url=ma.fields.String(),
        language=ma.fields.String(metadata={"description": "BCP 47"}),
        event=ma.fields.String(allow_none=True),
        series=ma.fields.String(allow_none=True),
        city=ma.fields.String(allow_none=True),
        published=StrictBoolean(),
    ),
    wanted=RESOURCE_FIELDS,
    editable=("kind", "title", "url", "language", "event", "series", "city", "published"),
    make=_make,
    typed=_typed_resource,
    complete=with_announced,
    show=fields_by_name,
    form=_form,
    lines={},
    check=wrong_resource_names,
    effects=_effects,
    blockers=_blockers,
    messages=resource_messages,
    lock=no_op,
    after=no_op,
    record_history=record_resource_change,
)


class StoredResourceSchema(ma.Schema):
    """A recording, slides or a brief."""

    id = ma.fields.String(required=True)
    kind = one_of_field(ResourceKind, required=True)
    title = TextByLanguage(200, "By language", written=False, required=True)
    url = ma.fields.String(required=True)
    language = ma.fields.String(required=True, metadata={"description": "BCP 47"})
    event = ma.fields.String(allow_none=True, required=True)
    series = ma.fields.String(allow_none=True, required=True)
    city = ma.fields.String(allow_none=True, required=True)
    published = ma.fields.Boolean(required=True)
    revision = ma.fields.Integer(required=True)


class ResourceChangeSchema(ma.Schema):
    """Fields to change."""

    kind = one_of_field(ResourceKind)
    title = TextByLanguage(200, "By language; a plain string is English")
    url = text_field(500, "Begins with https://")
    language = text_field(35, "BCP 47", least=2)
    event = slug_field("Id of the event it belongs to", allow_none=True)
    series = slug_field("Id of the series it belongs to", allow_none=True)
    city = text_field(200, "City it belongs to, for UPR Cities", allow_none=True)
    published = StrictBoolean(
        metadata={"description": "Whether the public sees it. People are notified the first time"}
    )


class WantedResourceSchema(ResourceChangeSchema):
    """A new resource; it belongs to an event, a series or a city."""

    id = slug_field("A lower-case name with hyphens; it never changes", required=True)
    kind = one_of_field(ResourceKind, required=True)
    title = TextByLanguage(200, "By language; a plain string is English", required=True)
    url = text_field(500, "Begins with https://", required=True)


_SCHEMA = StoredResourceSchema()


def resources_blueprint(context: EventsContext) -> Any:
    """Routes that create and change ``/v1/resources``; ``KindApi`` lists and withdraws them."""
    blueprint = Blueprint("resource-changes", __name__, url_prefix="/v1", description="Recordings, slides, briefs")
    _add_changes(blueprint, context)
    return blueprint


def _add_changes(blueprint: Any, context: EventsContext) -> None:
    @blueprint.post("/resources")
    @blueprint.arguments(WantedResourceSchema)
    @blueprint.response(201, StoredResourceSchema)
    @blueprint.alt_response(409, schema=ProblemSchema, content_type=PROBLEM, description="The id is taken")
    @needs("coordinator")
    def create(wanted: dict[str, Any]) -> Response:
        """Create a resource. If it is published, the people concerned are notified."""
        with broken_rules_as_faults():
            resource = Resource(**_typed_request(wanted))
            require_touch_resource(resource)
            made = create_resource(context.work, context.clock, resource, holder().name)
        answer = _tagged(made)
        answer.status_code = 201
        return answer

    @blueprint.patch("/resources/<item_id>")
    @blueprint.arguments(ResourceChangeSchema)
    @blueprint.response(200, StoredResourceSchema)
    @blueprint.alt_response(404, schema=ProblemSchema, content_type=PROBLEM, description="No such resource")
    @blueprint.alt_response(
        412, schema=ProblemSchema, content_type=PROBLEM, description="It was changed since it was read"
    )
    @blueprint.alt_response(428, schema=ProblemSchema, content_type=PROBLEM, description="`If-Match` is missing")
    @needs("coordinator")
    def change(changes: dict[str, Any], item_id: str) -> Response:
        """Change or publish a resource; `If-Match`: the ETag or revision that you read."""
        with broken_rules_as_faults():
            changed = change_resource(
                context.work,
                context.clock,
                item_id,
                _typed_request(changes),
                seen_tags(),
                require_touch_resource,
                holder().name,
            )
            return _tagged(changed)


def _typed_request(values: dict[str, Any]) -> dict[str, Any]:
    return {name: ResourceKind(value) if name == "kind" else value for name, value in values.items()}


def _tagged(resource: Resource) -> Response:
    answer = jsonify(_SCHEMA.dump(resource))
    answer.set_etag(resource_tag(resource))
    return answer
