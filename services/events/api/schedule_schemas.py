"""Shapes of requests and answers for proposals, rooms and timetables."""

from typing import Any

import marshmallow as ma

from services.events.api.grouping import counted_list, group_fields, sort_field, total_field
from services.events.domain.proposal import ProposalStatus
from services.events.domain.proposal_history import ReviewAction
from services.events.domain.rules import SLUG, SLUG_LENGTH
from services.events.domain.schedule_conflicts import ConflictKind
from services.events.store.proposal_lists import ARRIVAL, GROUPS, SORTS
from shared.i18n.content_field import TextByLanguage
from shared.web.paging import PageArguments

_NO_NUL = ma.validate.Regexp(r"^[^\x00]*$", error="must not contain a NUL character")


def _slug(description: str, *, required: bool = False, allow_none: bool = False) -> ma.fields.String:
    return ma.fields.String(
        required=required,
        allow_none=allow_none,
        validate=[ma.validate.Length(max=SLUG_LENGTH), ma.validate.Regexp(f"^{SLUG.pattern}$")],
        metadata={"description": description},
    )


def _text(most: int, description: str, *, least: int = 0) -> ma.fields.String:
    return ma.fields.String(
        validate=[ma.validate.Length(min=least, max=most), _NO_NUL], metadata={"description": description}
    )


def _moment(description: str) -> ma.fields.AwareDateTime:
    return ma.fields.AwareDateTime(format="iso", metadata={"description": description})


class ProposalChangeNoteSchema(ma.Schema):
    """One field that a revision changed, or a suggestion would change."""

    field = ma.fields.String(required=True, metadata={"description": "A field of the proposal"})
    before = ma.fields.Raw(allow_none=True, metadata={"description": "In the history, speakers are counted"})
    after = ma.fields.Raw(allow_none=True)


class SuggestionSchema(ma.Schema):
    """What the registration of an accepted proposal has said since, field by field."""

    revision = ma.fields.Integer(required=True, metadata={"description": "Of the registration"})
    changes = ma.fields.List(ma.fields.Nested(ProposalChangeNoteSchema), required=True)


class ProposalSchema(ma.Schema):
    """A proposal, as coordinators see it. Who proposed it stands in its registration, which has the same id."""

    id = ma.fields.UUID(required=True)
    title = ma.fields.String(required=True)
    summary = ma.fields.String(required=True)
    working_group = ma.fields.String(allow_none=True)
    organisation = ma.fields.String(allow_none=True)
    language = ma.fields.String(required=True)
    attendance = ma.fields.Integer(required=True)
    speakers = ma.fields.List(
        ma.fields.String(), allow_none=True, metadata={"description": "Names, for coordinators; null for viewers"}
    )
    speaker_count = ma.fields.Integer(required=True)
    named_speakers = ma.fields.List(
        ma.fields.String(),
        allow_none=True,
        metadata={"description": "Names of those who agree to be named publicly, for coordinators; null for viewers"},
    )
    preferred_on = ma.fields.List(ma.fields.Date())
    unavailable_on = ma.fields.List(ma.fields.Date())
    status = ma.fields.Enum(ProposalStatus, by_value=True, required=True)
    note = ma.fields.String(metadata={"description": "Last note of the coordinators to the group"})
    event_id = ma.fields.String(allow_none=True, data_key="event")
    revision = ma.fields.Integer(required=True)
    submitted_at = _moment("When it was received")
    partner = ma.fields.String(
        allow_none=True, metadata={"description": "Slug of the partner through whose page it came"}
    )
    answers_revision = ma.fields.Integer(
        required=True, metadata={"description": "Revision of the registration that was taken over"}
    )
    suggestion = ma.fields.Nested(SuggestionSchema, allow_none=True)


class ProposalRevisionSchema(ma.Schema):
    """What one revision of a proposal was."""

    number = ma.fields.Integer(required=True, data_key="revision")
    status = ma.fields.Enum(ProposalStatus, by_value=True, required=True)
    action = ma.fields.Enum(ReviewAction, by_value=True, required=True)
    note = ma.fields.String(required=True)
    changed_by = ma.fields.String(
        required=True, metadata={"description": "A coordinator; empty where it came from the registration"}
    )
    changed_at = _moment("When")
    changes = ma.fields.List(ma.fields.Nested(ProposalChangeNoteSchema), required=True)


class ProposalHistorySchema(ma.Schema):
    """Every revision of a proposal, from the first on."""

    items = ma.fields.List(ma.fields.Nested(ProposalRevisionSchema), required=True)


class ChosenProposalSchema(ProposalSchema):
    """What `fields` chooses of a proposal; all of it by default."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"partial": True, **options})


_FIELD = f"({'|'.join(field.data_key or name for name, field in ProposalSchema().fields.items())})"


class ProposalFilters(PageArguments):
    """Filters of the list of proposals; a proposal must fit all that are given."""

    status = ma.fields.String(validate=ma.validate.OneOf([str(status) for status in ProposalStatus]))
    working_group = _slug("Only proposals of the working group with this id")
    organisation = _text(200, "Only proposals of this organisation, upper or lower case alike", least=1)
    language = _text(35, "Only proposals in this language (BCP 47)", least=2)
    partner = _slug("Only proposals through the pages of this partner")
    event = _slug("The proposal that became this side event")
    q = _text(200, "Only proposals with this text in title, summary or organisation", least=1)
    columns = ma.fields.String(
        data_key="fields",
        validate=[ma.validate.Length(max=500), ma.validate.Regexp(f"^{_FIELD}(,{_FIELD})*$", error="no such field")],
        metadata={"description": "Only these fields, separated by commas; `id` always comes with them"},
    )
    sort = sort_field(SORTS, ARRIVAL)
    total = total_field()


ProposalArguments = ProposalFilters.from_dict(group_fields(tuple(GROUPS)), name="ProposalArguments")
ProposalListSchema = counted_list(ChosenProposalSchema, "ProposalListSchema")


class ProposalChangeSchema(ma.Schema):
    """What a coordinator changes; what is left out stays."""

    title = _text(200, "Title", least=1)
    summary = _text(2000, "What it is about")
    working_group = _slug("Id of a working group, or null", allow_none=True)
    attendance = ma.fields.Integer(validate=ma.validate.Range(min=1, max=2000))
    preferred_on = ma.fields.List(ma.fields.Date(), validate=ma.validate.Length(max=60))
    unavailable_on = ma.fields.List(ma.fields.Date(), validate=ma.validate.Length(max=60))


class DecisionSchema(ma.Schema):
    """What is said to the group with a decision."""

    note = _text(2000, "Note to the group, mailed to the proposer of the side event")


class SpanSchema(ma.Schema):
    """A time."""

    starts_at = _moment("In UTC")
    ends_at = _moment("In UTC")


class PlaceSchema(ma.Schema):
    """Where a proposal is put."""

    room = _slug("Id of the room", required=True)
    slot = _slug("Id of the slot", required=True)
    pinned = ma.fields.Boolean(
        load_default=True, metadata={"description": "Whether it keeps its place when the timetable is scheduled again"}
    )


class PlacementSchema(ma.Schema):
    """One place on the draft board."""

    proposal_id = ma.fields.UUID(required=True, data_key="proposal")
    room_id = ma.fields.String(required=True, data_key="room")
    slot_id = ma.fields.String(required=True, data_key="slot")
    pinned = ma.fields.Boolean(required=True)


class ConflictSchema(ma.Schema):
    """What keeps the draft from being published."""

    kind = ma.fields.Enum(ConflictKind, by_value=True, required=True)
    proposals = ma.fields.List(ma.fields.UUID(), required=True)
    subject = ma.fields.String(metadata={"description": "Id of the room, working group or event it is about"})


class ConflictListSchema(ma.Schema):
    """All conflicts of the draft board."""

    items = ma.fields.List(ma.fields.Nested(ConflictSchema), required=True)


class DifferenceSchema(ma.Schema):
    """From one timetable to another, ids of proposals."""

    added = ma.fields.List(ma.fields.UUID(), required=True)
    moved = ma.fields.List(ma.fields.UUID(), required=True)
    removed = ma.fields.List(ma.fields.UUID(), required=True)
    unchanged = ma.fields.List(ma.fields.UUID(), required=True)


class BoardSchema(ma.Schema):
    """The draft board; its ETag is what a change names as If-Match."""

    revision = ma.fields.Integer(required=True)
    placements = ma.fields.List(ma.fields.Nested(PlacementSchema), required=True)
    waiting = ma.fields.List(ma.fields.UUID(), required=True, metadata={"description": "Accepted, without a place"})
    conflicts = ma.fields.List(ma.fields.Nested(ConflictSchema), required=True)
    published = ma.fields.Integer(allow_none=True, metadata={"description": "Number of the version in force"})
    changes = ma.fields.Nested(DifferenceSchema, metadata={"description": "What publishing would change"})


class JobSchema(ma.Schema):
    """A wish for a new timetable."""

    id = ma.fields.UUID(required=True)
    status = ma.fields.String(required=True, validate=ma.validate.OneOf(["queued", "running", "done", "failed"]))
    requested_at = _moment("When it was requested")
    finished_at = ma.fields.AwareDateTime(format="iso", allow_none=True)
    reason = ma.fields.String(metadata={"description": "Why it failed"})
    report = ma.fields.Dict(
        allow_none=True,
        metadata={"description": "When done: placed, unplaced with reasons, impossible preferences, bounds and gaps"},
    )


class EntrySchema(ma.Schema):
    """One side event of a version."""

    proposal_id = ma.fields.UUID(required=True, data_key="proposal")
    event_id = ma.fields.String(required=True, data_key="event")
    title = ma.fields.String(required=True)
    working_group = ma.fields.String(allow_none=True)
    room_id = ma.fields.String(required=True, data_key="room")
    room_title = TextByLanguage(200, "By language", written=False, required=True)
    city = ma.fields.String(required=True)
    span = ma.fields.Nested(SpanSchema, required=True)
    time_zone = ma.fields.String(required=True)


class VersionSchema(ma.Schema):
    """A published timetable."""

    number = ma.fields.Integer(required=True)
    published_at = _moment("When it was published")
    entries = ma.fields.List(ma.fields.Nested(EntrySchema), required=True)


class PublishedSchema(ma.Schema):
    """The version that was just published, and what it changed."""

    version = ma.fields.Nested(VersionSchema, required=True)
    difference = ma.fields.Nested(DifferenceSchema, required=True)
