"""Shapes of the answers about series, working groups and consultations, for the OpenAPI document."""

import marshmallow as ma

from services.events.domain.network import HostKind
from shared.i18n.content_field import TextByLanguage
from shared.i18n.languages import LANGUAGES

_HOST_KINDS = [str(kind) for kind in HostKind]


class MissingArguments(ma.Schema):
    """Query of lists that are short: what is not translated yet."""

    missing_language = ma.fields.String(
        validate=ma.validate.OneOf(LANGUAGES),
        metadata={"description": "Only those whose title or summary lacks a text in this language"},
    )


class SeriesSchema(ma.Schema):
    """Events that belong together and are numbered."""

    id = ma.fields.String(required=True)
    title = TextByLanguage(200, "By language", written=False, required=True)
    summary = TextByLanguage(2000, "By language; empty if there is none", least=0, written=False, required=True)
    began_in = ma.fields.Integer(allow_none=True, required=True, metadata={"description": "A year"})


class SeriesListSchema(ma.Schema):
    """All series."""

    items = ma.fields.List(ma.fields.Nested(SeriesSchema), required=True)


class WorkingGroupSchema(ma.Schema):
    """People who work on one issue."""

    id = ma.fields.String(required=True)
    title = TextByLanguage(200, "By language", written=False, required=True)
    summary = TextByLanguage(2000, "By language; empty if there is none", least=0, written=False, required=True)


class WorkingGroupListSchema(ma.Schema):
    """All working groups."""

    items = ma.fields.List(ma.fields.Nested(WorkingGroupSchema), required=True)


class ConsultationSchema(ma.Schema):
    """A round of presentations to embassies or permanent missions in one city."""

    id = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    summary = ma.fields.String(required=True)
    city = ma.fields.String(required=True)
    host_kind = ma.fields.String(required=True, validate=ma.validate.OneOf(_HOST_KINDS))
    hosts = ma.fields.Integer(required=True, metadata={"description": "Embassies or missions that were visited"})
    presentations = ma.fields.Integer(required=True, metadata={"description": "What was presented to them"})
    within_days = ma.fields.Integer(allow_none=True, required=True, metadata={"description": "Days it took, if known"})


class ConsultationTotalSchema(ma.Schema):
    """Sums over all consultations with one kind of host."""

    host_kind = ma.fields.String(required=True, validate=ma.validate.OneOf(_HOST_KINDS))
    hosts = ma.fields.Integer(required=True)
    presentations = ma.fields.Integer(required=True)


class ConsultationListSchema(ma.Schema):
    """All consultations and their sums."""

    items = ma.fields.List(ma.fields.Nested(ConsultationSchema), required=True)
    totals = ma.fields.List(ma.fields.Nested(ConsultationTotalSchema), required=True)
