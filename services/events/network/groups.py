"""Working groups and series: their kinds."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import marshmallow as ma
from sqlalchemy import Connection, text

from services.events.api.change_schemas import text_field
from services.events.console.fields import Field, Section
from services.events.domain.network import Series, WorkingGroup
from services.events.outgoing import working_group_message
from services.events.setup.kinds import (
    InTable,
    Listing,
    SetupKind,
    Values,
    Words,
    as_they_are,
    its_fields,
    nothing,
)
from services.events.setup.schemas import fields_of, id_field, shown_text, wanted_text
from services.events.store.network import GROUPS, SERIES
from services.events.store.overview import memberships
from shared.contracts.envelope import Message
from shared.contracts.schemas import StrictBoolean
from shared.core.slugs import slug_from

ID = Field(
    name="id",
    label="Short name",
    most=80,
    help="Lower-case letters, digits and hyphens. It never changes. If empty, it is made from the title.",
)
_GROUP_USES = (
    ("registration", "SELECT count(*) FROM roster WHERE working_group = :id"),
    ("proposal", "SELECT count(*) FROM proposal WHERE working_group = :id"),
    ("event", "SELECT count(*) FROM event WHERE :id = ANY(asked_groups)"),
    ("consultation", "SELECT count(*) FROM consultation WHERE working_group = :id"),
    ("contact", "SELECT count(*) FROM group_note WHERE working_group = :id"),
)
_SERIES_USES = (
    ("event", "SELECT count(*) FROM event WHERE series = :id"),
    ("resource", "SELECT count(*) FROM resource WHERE series = :id"),
)


def counted(number: int, noun: str) -> str:
    """``1 event``, ``2 events``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def uses(connection: Connection, questions: Iterable[tuple[str, str]], value_id: str) -> list[str]:
    """What refers to a value: ``2 events``, and so on."""
    found = ((noun, int(connection.execute(text(sql), {"id": value_id}).scalar_one())) for noun, sql in questions)
    return [counted(number, noun) for noun, number in found if number]


def with_id(values: Values, *parts: Any) -> Values:
    """``values`` with an id: the wanted one, or one made of ``parts``."""
    return {**values, "id": values.get("id") or slug_from(" ".join(map(str, parts)))}


def _make_group(values: Values, _by: str) -> Sequence[WorkingGroup]:
    return [WorkingGroup(**with_id(values, values["title"]))]


def _make_series(values: Values, _by: str) -> Sequence[Series]:
    return [Series(**with_id(values, values["title"]))]


def _group_form(_connection: Connection, old: WorkingGroup | None) -> list[Section]:
    fields = [
        Field(name="title", label="Title", look="languages", required=True),
        *([ID] if old is None else []),
        Field(
            name="summary",
            label="What it works on",
            look="languages",
            rows=4,
            most=2000,
            help="It is public.",
        ),
        Field(
            name="contact",
            label="How the group is reached",
            most=500,
            help="An address or a number of the group itself. Only coordinators and viewers see it. Leave out what "
            "belongs to single participants: it is not erased with their registration.",
        ),
        Field(
            name="active",
            label="Active",
            look="tick",
            help="A group that is not active is closed: events do not ask it, and no reminder says that it got "
            "no mail. What its members registered for stays.",
        ),
    ]
    return [Section("", fields)]


def _series_form(_connection: Connection, old: Series | None) -> list[Section]:
    fields = [
        Field(name="title", label="Title", look="languages", required=True),
        *([ID] if old is None else []),
        Field(name="summary", label="Summary", look="languages", rows=4, most=2000, help="It is public."),
        Field(name="began_in", label="Year in which it began", most=4),
    ]
    return [Section("", fields)]


def _group_effects(
    connection: Connection, old: WorkingGroup | None, new: Sequence[WorkingGroup], now: datetime
) -> Iterable[str]:
    if old is None:
        yield "All readers see the group in the programme, and forms offer it within seconds."
        return
    if not new:
        yield "The programme no longer shows it. Forms offer it until their copies are refreshed."
        return
    members = memberships(connection, now, internal=False).get(old.id)
    people = counted(members.members if members else 0, "member")
    if str(old.title) != str(new[0].title):
        yield f"The programme, forms and mails call it “{new[0].title}” from now on; it has {people}. No mail is sent."
    elif old.title != new[0].title:
        yield "The programme, forms and mails call it by its new titles in other languages. No mail is sent."
    if old.summary != new[0].summary:
        yield "The programme shows the new text. No mail is sent."
    if old.active and not new[0].active:
        yield "It is closed: the programme does not list it, and events that invite every group do not invite it."
        yield f"{people} stay. Forms do not offer it any more, within seconds."
    elif new[0].active and not old.active:
        yield f"It is active again, with {people}: events that invite every group invite it too."


def _group_messages(_old: WorkingGroup | None, new: WorkingGroup, now: datetime) -> list[Message]:
    return [working_group_message(new, now)]


def _group_blockers(connection: Connection, group: WorkingGroup, _now: datetime) -> Iterable[str]:
    if found := uses(connection, _GROUP_USES, group.id):
        yield f"It is used by {', '.join(found)}. Close it instead: clear “Active”."


def _series_effects(connection: Connection, old: Series | None, new: Sequence[Series], _now: datetime) -> Iterable[str]:
    if old is not None and new:
        found = uses(connection, _SERIES_USES, old.id)
        yield f"The programme shows it, with {' and '.join(found) or 'no event yet'}. No mail is sent."


def _series_blockers(connection: Connection, series: Series, _now: datetime) -> Iterable[str]:
    if found := uses(connection, _SERIES_USES, series.id):
        yield f"It is used by {' and '.join(found)}. Remove it there first."


WORKING_GROUPS: SetupKind[WorkingGroup] = SetupKind(
    name="working-group",
    part="working-groups",
    words=Words(
        "Working groups",
        "working group",
        "People who work on one issue. Members and contacts are on the page of groups.",
        (("title", "Group"), ("active", "Active"), ("contact", "Reached by")),
        "A group that events, registrations or contacts use cannot be withdrawn. It can be closed.",
    ),
    stored=InTable(GROUPS),
    listing=Listing(
        filters=("active",),
        searched=("title", "summary"),
        sorts=("id", "title"),
        groups=("active",),
        public=True,
        private=frozenset({"contact"}),
    ),
    shown=fields_of(
        title=shown_text(200),
        summary=shown_text(2000, least=0),
        contact=ma.fields.String(metadata={"description": "How the group is reached; only with a key"}),
        active=StrictBoolean(metadata={"description": "False: it is closed"}),
    ),
    wanted=fields_of(
        id=id_field(),
        title=wanted_text(200, required=True),
        summary=wanted_text(2000, least=0),
        contact=text_field(500, "How the group itself is reached; for coordinators", least=0),
        active=StrictBoolean(load_default=True),
    ),
    editable=("title", "summary", "contact", "active"),
    make=_make_group,
    typed=as_they_are,
    show=its_fields,
    form=_group_form,
    lines={},
    check=nothing,
    effects=_group_effects,
    blockers=_group_blockers,
    messages=_group_messages,
    lock=nothing,
    after=nothing,
)

ALL_SERIES: SetupKind[Series] = SetupKind(
    name="series",
    part="series",
    words=Words(
        "Series",
        "series",
        "Numbered events that belong together.",
        (("title", "Series"), ("began_in", "Began in"), ("summary", "Summary")),
        "It is removed from the programme. A series that events or resources use cannot be withdrawn.",
    ),
    stored=InTable(SERIES),
    listing=Listing(
        filters=("began_in",), searched=("title", "summary"), sorts=("id", "title", "began_in"), public=True
    ),
    shown=fields_of(
        title=shown_text(200),
        summary=shown_text(2000, least=0),
        began_in=ma.fields.Integer(allow_none=True, metadata={"description": "A year"}),
    ),
    wanted=fields_of(
        id=id_field(),
        title=wanted_text(200, required=True),
        summary=wanted_text(2000, least=0),
        began_in=ma.fields.Integer(allow_none=True, validate=ma.validate.Range(min=1945, max=2999)),
    ),
    editable=("title", "summary", "began_in"),
    make=_make_series,
    typed=as_they_are,
    show=its_fields,
    form=_series_form,
    lines={},
    check=nothing,
    effects=_series_effects,
    blockers=_series_blockers,
    messages=nothing,
    lock=nothing,
    after=nothing,
)
