"""Recordings, slides and briefs of events, series and cities: their kind. That one is published is told once."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

import marshmallow as ma
from sqlalchemy import Connection

from services.events.api.change_schemas import one_of_field, slug_field, text_field
from services.events.api.tools import audience, own_forms
from services.events.console.fields import Field, Section
from services.events.console.resource_fields import ID, KINDS, language_field
from services.events.domain.resource import Resource, ResourceKind
from services.events.network.groups import counted, with_id
from services.events.outgoing import resource_message
from services.events.setup.kinds import Listing, SetupKind, Values, Words, its_fields, nothing
from services.events.setup.schemas import fields_of, id_field, shown_text, wanted_text
from services.events.setup.service import SetupDesk
from services.events.store import network, resources
from services.events.store.counts import counts_of
from services.events.store.events import Audience
from services.events.store.resources import ResourceFilter
from services.events.usecases.event_history import keep_resource_change
from services.events.usecases.resources import wrong_names
from shared.contracts.envelope import Message
from shared.contracts.schemas import StrictBoolean

MAX_RESOURCES = 10_000


class ResourceTable:
    """Resources, as ``Stored`` has it."""

    def all(self, connection: Connection) -> list[Resource]:
        """Every resource, published or not."""
        return resources.select(connection, ResourceFilter(published_only=False, limit=MAX_RESOURCES))

    def find_for_change(self, connection: Connection, value_id: str) -> Resource | None:
        """One resource, locked."""
        return resources.find_for_change(connection, value_id)

    def add(self, connection: Connection, value: Resource) -> bool:
        """Store a new resource."""
        return resources.add(connection, value)

    def save(self, connection: Connection, value: Resource) -> None:
        """Store a resource."""
        resources.save(connection, value)

    def remove(self, connection: Connection, value_id: str) -> None:
        """Delete a resource."""
        resources.remove(connection, value_id)


def readable(desk: SetupDesk) -> Sequence[Resource]:
    """Those that the caller may see: the published ones; with a key, all of its forms."""
    who = audience()
    own = own_forms(who)
    published_only = who is Audience.PUBLIC or own is not None
    wanted = ResourceFilter(published_only=published_only, own=own or frozenset(), limit=MAX_RESOURCES)
    with desk.work.transaction() as connection:
        return resources.select(connection, wanted)


def _typed(values: Values) -> Values:
    nullable = ("event", "series", "city")
    typed: Values = {name: value or None if name in nullable else value for name, value in values.items()}
    return {name: ResourceKind(value) if name == "kind" else value for name, value in typed.items()}


def _make(values: Values, _by: str) -> Sequence[Resource]:
    stands_on = values.get("event") or values.get("series") or values.get("city") or ""
    return [completed(None, Resource(**_typed(with_id(values, stands_on, values["title"]))))]


def completed(old: Resource | None, new: Resource) -> Resource:
    """``new`` with whether it was ever announced."""
    return replace(new, announced=new.published or (old is not None and old.announced))


def _tells(old: Resource | None, new: Resource) -> bool:
    return new.published and not (old is not None and old.announced)


def _messages(old: Resource | None, new: Resource, now: datetime) -> list[Message]:
    return [resource_message(new, now)] if _tells(old, new) else []


def _effects(connection: Connection, old: Resource | None, new: Sequence[Resource], _now: datetime) -> Iterable[str]:
    for one in new:
        if _tells(old, one):
            yield "It becomes public in the programme."
            people = counts_of(connection, [one.event])[one.event].confirmed if one.event else 0
            yield f"{counted(people, 'confirmed registration')} for its event: they get one mail."
        elif old is not None and old.published and not one.published:
            yield "It is hidden. Showing it again sends no mail."
        elif old is not None and one.published:
            yield "All readers see the change. No mail is sent."


def _blockers(_connection: Connection, resource: Resource, _now: datetime) -> Iterable[str]:
    if resource.announced:
        yield "It was announced, so mails contain links to it. Hide it instead: clear “Published”."


def _form(connection: Connection, old: Resource | None) -> list[Section]:
    series = [("", "None"), *((one.id, str(one.title)) for one in network.all_series(connection))]
    what = [
        Field(name="title", label="Title", look="languages", required=True),
        *([ID] if old is None else []),
        Field(name="kind", label="Kind", look="select", required=True, choices=list(KINDS.items())),
        Field(name="url", label="Address", most=500, required=True, help="Begins with https://"),
        language_field(old),
        Field(name="published", label="Published", look="tick", help="People who are registered get one mail."),
    ]
    where = [
        Field(name="event", label="Event", most=80, help="Short name of the event."),
        Field(name="series", label="Series", look="select", choices=series),
        Field(name="city", label="City", help="For UPR Cities."),
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
    stored=ResourceTable(),
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
    wanted=fields_of(
        id=id_field(),
        kind=one_of_field(ResourceKind, required=True),
        title=wanted_text(200, required=True),
        url=text_field(500, "Begins with https://", required=True),
        language=text_field(35, "BCP 47", least=2),
        event=slug_field("Id of the event it belongs to", allow_none=True),
        series=slug_field("Id of the series it belongs to", allow_none=True),
        city=text_field(200, "City it belongs to", allow_none=True),
        published=StrictBoolean(),
    ),
    editable=("kind", "title", "url", "language", "event", "series", "city", "published"),
    make=_make,
    typed=_typed,
    completed=completed,
    show=its_fields,
    form=_form,
    lines={},
    check=wrong_names,
    effects=_effects,
    blockers=_blockers,
    messages=_messages,
    lock=nothing,
    after=nothing,
    recorded=keep_resource_change,
)
