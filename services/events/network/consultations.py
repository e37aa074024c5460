"""Consultations with embassies and missions, and contacts with working groups: what was done, day by day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import marshmallow as ma
from sqlalchemy import Connection

from services.events.console import FormField, Section
from services.events.fields import fields_of
from services.events.network.model import Consultation, ContactKind, GroupContact, HostKind, consultation_totals
from services.events.network.schemas import CONSULTATION_FIELDS, CONTACT_FIELDS
from services.events.network.store import CONSULTATION_TABLE, CONTACT_TABLE, all_working_groups
from services.events.rules import BrokenRule
from services.events.setup.kinds import ID_FIELD, Listing, SetupKind, Values, Words, counted, in_table, no_op, with_id
from shared.runtime.ids import MAX_LENGTH, slug_from
from shared.runtime.schema_fields import one_of_field

HOST_KINDS = ((HostKind.EMBASSY, "Embassy"), (HostKind.PERMANENT_MISSION, "Permanent mission"))
CONTACT_KINDS = ((ContactKind.PHONE, "Call"), (ContactKind.MEETING, "Meeting"), (ContactKind.MAIL, "Mail from outside"))


class ConsultationTotalSchema(ma.Schema):
    """Sums over all consultations with one kind of host. A host that is named counts once."""

    host_kind = ma.fields.String(required=True, validate=ma.validate.OneOf([str(kind) for kind in HostKind]))
    hosts = ma.fields.Integer(required=True)
    presentations = ma.fields.Integer(required=True)


TOTALS = {
    "totals": ma.fields.List(
        ma.fields.Nested(ConsultationTotalSchema),
        metadata={"description": "Sums by kind of host, over all that match. A named embassy counts once"},
    )
}


def totals_of(items: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The sums of a list."""
    schema = ConsultationTotalSchema(many=True)
    return {"totals": schema.dump(list(consultation_totals(_consultation(item) for item in items)))}


def _consultation(item: Mapping[str, Any]) -> Consultation:
    names = ("id", "title", "city", "hosts", "presentations", "host")
    return Consultation(host_kind=HostKind(item["host_kind"]), **{name: item[name] for name in names})


def _typed(values: Values) -> Values:
    return {name: value or None if name in ("host", "working_group") else value for name, value in values.items()}


def _with_id(values: Values, called: str, request: str) -> Values:
    """``values`` with an id: the requested id, or one of name, day and request, since name and day may be the same."""
    end = f"{values.get('held_on') or ''} {request[-6:]}"
    return with_id(values, slug_from(called, longest=MAX_LENGTH - len(end) - 1), end)


def _make_consultation(values: Values, by: str, request: str) -> Sequence[Consultation]:
    called = values.get("title") or values.get("host") or f"Consultations in {values['city']}"
    known = {"hosts": 1, "presentations": 1, **_typed(values), "title": called}
    return [Consultation(**_with_id(known, called, request), recorded_by=by)]


def _make_contact(values: Values, by: str, request: str) -> Sequence[GroupContact]:
    return [GroupContact(**_typed(_with_id(values, values["working_group"], request)), recorded_by=by)]


def group_choices(connection: Connection) -> list[tuple[str, str]]:
    """Every working group, to choose from."""
    return [(group.id, str(group.title)) for group in all_working_groups(connection)]


def unknown_group(connection: Connection, value: Consultation | GroupContact) -> Iterable[BrokenRule]:
    """The group that it names must exist."""
    if value.working_group and value.working_group not in dict(group_choices(connection)):
        yield BrokenRule("working_group", "unknown-group", "must be a working group that exists")


def _consultation_form(connection: Connection, old: Consultation | None) -> list[Section]:
    what = [
        FormField(name="held_on", label="Day", widget="day"),
        FormField(name="host_kind", label="With", widget="select", required=True, choices=HOST_KINDS),
        FormField(name="host", label="Embassy or mission", help="Its name. Leave empty for a round of several."),
        FormField(name="city", label="City", required=True),
        FormField(
            name="working_group",
            label="Working group",
            widget="select",
            choices=[("", "None, or several"), *group_choices(connection)],
        ),
        FormField(name="presentations", label="Number of presentations", max_length=4, required=True),
        FormField(
            name="hosts", label="Hosts", max_length=4, help="Embassies or missions: more than 1 for a round of several."
        ),
    ]
    more = [
        FormField(
            name="presented_by",
            label="Who presented",
            max_length=500,
            help="Organisations or offices, such as Secretariat.",
        ),
        FormField(
            name="outcome", label="Outcome", widget="area", max_length=2000, help="Only for coordinators and viewers."
        ),
        FormField(name="title", label="Title", help="If empty, it is the name of the embassy or mission."),
        FormField(name="summary", label="Notes", widget="area", max_length=2000),
        *([ID_FIELD] if old is None else [FormField(name="within_days", label="Days that a round took", max_length=3)]),
    ]
    return [Section("What took place", what), Section("Outcome", more)]


def _contact_form(connection: Connection, _old: GroupContact | None) -> list[Section]:
    fields = [
        FormField(
            name="working_group",
            label="Working group",
            widget="select",
            required=True,
            choices=group_choices(connection),
        ),
        FormField(name="kind", label="How", widget="select", required=True, choices=CONTACT_KINDS),
        FormField(name="held_on", label="Day", widget="day", required=True),
        FormField(
            name="summary",
            label="What it was about",
            widget="area",
            max_length=2000,
            help="For coordinators. Do not write about individual participants: a note is not erased with them.",
        ),
    ]
    return [Section("", fields)]


def _consultation_effects(
    _connection: Connection, old: Consultation | None, new: Sequence[Consultation], _now: datetime
) -> Iterable[str]:
    if old is not None and not new:
        yield f"The totals on the overview decrease by {counted(old.presentations, 'presentation')}."
    elif old is not None and (old.presentations, old.hosts) != (new[0].presentations, new[0].hosts):
        now, before = counted(new[0].presentations, "presentation"), f"{old.presentations}, to {old.hosts}"
        yield f"The totals of the overview count {now} to {new[0].hosts} here, before it was {before}."


def _contact_effects(
    _connection: Connection, old: GroupContact | None, new: Sequence[GroupContact], _now: datetime
) -> Iterable[str]:
    if old is not None and not new:
        yield "This contact no longer counts on the page of groups."


CONSULTATION_LOG: SetupKind[Consultation] = SetupKind(
    name="consultation",
    part="consultations",
    words=Words(
        "Consultations",
        "consultation",
        "Presentations to embassies and missions. The overview shows their totals.",
        (
            ("title", "What"),
            ("held_on", "Day"),
            ("host_kind", "With"),
            ("city", "City"),
            ("working_group", "Group"),
            ("presentations", "Presentations"),
            ("outcome", "Outcome"),
        ),
        "It is removed from the log and the totals.",
    ),
    stored=in_table(CONSULTATION_TABLE),
    listing=Listing(
        filters=("host_kind", "host", "city", "working_group"),
        searched=("title", "host", "summary", "outcome", "presented_by"),
        sorts=("held_on", "id", "title", "city", "presentations"),
        order="-held_on",
        groups=("working_group", "host", "host_kind", "city", "held_on"),
        sums=("hosts", "presentations"),
        day="held_on",
    ),
    shown=fields_of(
        title=ma.fields.String(),
        summary=ma.fields.String(),
        held_on=ma.fields.Date(allow_none=True),
        host_kind=one_of_field(HostKind),
        host=ma.fields.String(
            allow_none=True, metadata={"description": "Name of the embassy or mission; null: a round of several"}
        ),
        hosts=ma.fields.Integer(metadata={"description": "Embassies or missions visited"}),
        city=ma.fields.String(),
        working_group=ma.fields.String(allow_none=True),
        presentations=ma.fields.Integer(metadata={"description": "What was presented to them"}),
        within_days=ma.fields.Integer(allow_none=True, metadata={"description": "Number of days, if known"}),
        presented_by=ma.fields.String(),
        outcome=ma.fields.String(),
        recorded_by=ma.fields.String(metadata={"description": "Name of the key that recorded it"}),
    ),
    wanted=CONSULTATION_FIELDS,
    editable=(
        *("title", "summary", "held_on", "host_kind", "host", "hosts", "city", "working_group", "presentations"),
        *("within_days", "presented_by", "outcome"),
    ),
    make=_make_consultation,
    typed=_typed,
    show=asdict,
    form=_consultation_form,
    lines={},
    check=unknown_group,
    effects=_consultation_effects,
    blockers=no_op,
    messages=no_op,
    lock=no_op,
    after=no_op,
)

GROUP_CONTACTS: SetupKind[GroupContact] = SetupKind(
    name="group-contact",
    part="group-contacts",
    words=Words(
        "Contacts with groups",
        "contact",
        "Calls, meetings and mails outside this system. Together with bulletins, they show which groups had contact "
        "this month.",
        (("working_group", "Group"), ("held_on", "Day"), ("kind", "How"), ("summary", "About"), ("recorded_by", "By")),
        "It is removed from the list.",
    ),
    stored=in_table(CONTACT_TABLE),
    listing=Listing(
        filters=("working_group", "kind"),
        searched=("summary",),
        sorts=("held_on", "working_group", "id"),
        order="-held_on",
        groups=("working_group", "kind", "held_on", "recorded_by"),
        day="held_on",
    ),
    shown=fields_of(
        working_group=ma.fields.String(),
        kind=one_of_field(ContactKind),
        held_on=ma.fields.Date(),
        summary=ma.fields.String(),
        recorded_by=ma.fields.String(metadata={"description": "Name of the key that recorded it"}),
    ),
    wanted=CONTACT_FIELDS,
    editable=("working_group", "kind", "held_on", "summary"),
    make=_make_contact,
    typed=_typed,
    show=asdict,
    form=_contact_form,
    lines={},
    check=unknown_group,
    effects=_contact_effects,
    blockers=no_op,
    messages=no_op,
    lock=no_op,
    after=no_op,
)
