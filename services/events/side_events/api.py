"""Routes of proposals: coordinators read them, decide, and work on the text of those that are accepted.

They come in by a form of the kind ``proposal``; registration finds, corrects and erases the proposer.
"""

from collections.abc import Callable
from typing import Any

import marshmallow as ma
from flask import Response, jsonify

from services.events.fields import slug_field
from services.events.http import (
    CHANGED,
    READERS,
    REFUSED,
    counted_list,
    group_fields,
    groups_answer,
    instant_field,
    read_id_position,
    requested_groups,
    sort_field,
    split_names,
    total_field,
    with_refusals,
)
from services.events.known_values import require_known_values
from services.events.side_events.model import SPEAKER_FIELDS, Proposal, ProposalStatus, ReviewAction
from services.events.side_events.reading import (
    ShownProposal,
    SideEventsContext,
    count_proposals,
    group_proposals,
    list_proposals,
    show_history,
    show_proposal,
    shown_proposal,
)
from services.events.side_events.service import (
    ProposalDecision,
    SeenProposal,
    adopt_suggestion,
    change_proposal,
    decide_proposal,
    dismiss_suggestion,
)
from services.events.side_events.store import ARRIVAL, PROPOSAL_GROUPS, PROPOSAL_SORTS, ProposalFilter
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, needs_all_forms, require_recent_beyond_a_page
from shared.http.headers import require_match, tag_of
from shared.http.lists import PageArguments, page_of, position_in
from shared.http.request_data import Blueprint
from shared.runtime.clock import Clock
from shared.runtime.schema_fields import in_known_years, text_field, whole_field

DECISIONS = {
    "accept": ProposalStatus.ACCEPTED,
    "return": ProposalStatus.RETURNED,
    "decline": ProposalStatus.DECLINED,
}
SUGGESTIONS: dict[str, tuple[str, Callable[[UnitOfWork, Clock, SeenProposal], Proposal]]] = {
    "adopt": (
        "Adopt the change suggested by the registration of an accepted proposal. No one is notified.",
        adopt_suggestion,
    ),
    "dismiss": ("Dismiss the suggested change of an accepted proposal. No one is notified.", dismiss_suggestion),
}
"""What can be done with a suggestion, by the end of its path."""

NAMED_FOR = "coordinator"
"""The role that sees speakers by name."""

_REFUSED = {**REFUSED, "s404": "No such proposal"}
_CHANGING = {**_REFUSED, **CHANGED}


class ProposalChangeNoteSchema(ma.Schema):
    """One field that a revision changed, or a suggestion would change."""

    field = ma.fields.String(required=True, metadata={"description": "A field of the proposal"})
    before = ma.fields.Raw(allow_none=True, metadata={"description": "In the history, speakers are counted"})
    after = ma.fields.Raw(allow_none=True)


class SuggestionSchema(ma.Schema):
    """What has changed in the registration of an accepted proposal since its text was taken over, field by field."""

    revision = ma.fields.Integer(required=True, metadata={"description": "Of the registration"})
    changes = ma.fields.List(ma.fields.Nested(ProposalChangeNoteSchema), required=True)


class ProposalSchema(ma.Schema):
    """A proposal, as coordinators see it. Its registration, which has the same id, names the proposer."""

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
        metadata={
            "description": "Names of speakers who agree to be named publicly, for coordinators; null for viewers"
        },
    )
    preferred_on = ma.fields.List(ma.fields.Date())
    unavailable_on = ma.fields.List(ma.fields.Date())
    status = ma.fields.Enum(ProposalStatus, by_value=True, required=True)
    note = ma.fields.String(metadata={"description": "Last note of the coordinators to the group"})
    event_id = ma.fields.String(allow_none=True, data_key="event")
    revision = ma.fields.Integer(required=True)
    submitted_at = instant_field("When it was received")
    partner = ma.fields.String(allow_none=True, metadata={"description": "Slug of the partner whose page was used"})
    answers_revision = ma.fields.Integer(
        required=True, metadata={"description": "Revision of the registration that it was copied from"}
    )
    suggestion = ma.fields.Nested(SuggestionSchema, allow_none=True)


class ProposalRevisionSchema(ma.Schema):
    """What one revision of a proposal was."""

    number = ma.fields.Integer(required=True, data_key="revision")
    status = ma.fields.Enum(ProposalStatus, by_value=True, required=True)
    action = ma.fields.Enum(ReviewAction, by_value=True, required=True)
    note = ma.fields.String(required=True)
    changed_by = ma.fields.String(
        required=True, metadata={"description": "A coordinator; empty if it came from the registration"}
    )
    changed_at = instant_field("When")
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
    working_group = slug_field("Only proposals of the working group with this id")
    organisation = text_field(200, "Only proposals of this organisation, upper or lower case alike", least=1)
    language = text_field(35, "Only proposals in this language (BCP 47)", least=2)
    partner = slug_field("Only proposals through the pages of this partner")
    event = slug_field("The proposal that became this side event")
    q = text_field(200, "Only proposals with this text in title, summary or organisation", least=1)
    columns = ma.fields.String(
        data_key="fields",
        validate=[ma.validate.Length(max=500), ma.validate.Regexp(f"^{_FIELD}(,{_FIELD})*$", error="no such field")],
        metadata={"description": "Only these fields, separated by commas; `id` always comes with them"},
    )
    sort = sort_field(PROPOSAL_SORTS, ARRIVAL)
    total = total_field()


ProposalArguments = ProposalFilters.from_dict(group_fields(tuple(PROPOSAL_GROUPS)), name="ProposalArguments")
ProposalListSchema = counted_list(ChosenProposalSchema, "ProposalListSchema")


class ProposalChangeSchema(ma.Schema):
    """What a coordinator changes; what is left out stays."""

    title = text_field(200, "Title", least=1)
    summary = text_field(2000, "What it is about", least=0)
    working_group = slug_field("Id of a working group, or null", allow_none=True)
    attendance = whole_field(1, 2000)
    preferred_on = ma.fields.List(ma.fields.Date(validate=in_known_years), validate=ma.validate.Length(max=60))
    unavailable_on = ma.fields.List(ma.fields.Date(validate=in_known_years), validate=ma.validate.Length(max=60))


class ProposalDecisionSchema(ma.Schema):
    """The note to the group about a decision."""

    note = text_field(2000, "Note to the group, mailed to the proposer of the side event", least=0)


_ONE = ProposalSchema()


def proposals_blueprint(context: SideEventsContext) -> Any:
    """``/v1/proposals``."""
    blueprint = Blueprint("proposals", __name__, url_prefix="/v1/proposals", description="Ideas for side events")
    _add_reading(blueprint, context)
    _add_changing(blueprint, context)
    for verb, status in DECISIONS.items():
        _add_decision(blueprint, context, verb, status)
    for verb in SUGGESTIONS:
        _add_suggestion(blueprint, context, verb)
    return blueprint


def _add_reading(blueprint: Any, context: SideEventsContext) -> None:
    @blueprint.get("")
    @blueprint.arguments(ProposalArguments, location="query")
    @blueprint.response(200, ProposalListSchema)
    @with_refusals(blueprint, s400="The cursor is invalid", **REFUSED)
    @needs_all_forms(*READERS)
    def proposals(query: dict[str, Any]) -> Response:
        """Proposals in order of arrival; with `group_by`, only their numbers."""
        require_known_values(context.work, query)
        wanted = _wanted(query)
        total = (lambda: count_proposals(context.work, wanted)) if query["total"] else None
        if names := requested_groups(query, tuple(PROPOSAL_GROUPS)):
            groups = group_proposals(context.work, wanted, names, query["at_least"])
            return groups_answer("proposals", names, groups, total)
        require_recent_beyond_a_page(query["cursor"], query["limit"])
        page = page_of(
            list_proposals(context.work, context.keys, wanted), query["limit"], lambda one: [one.proposal.id]
        )
        schema = ProposalSchema(many=True, only=_columns(query.get("columns")))
        content = {"items": schema.dump([_content(shown) for shown in page.items]), "next": page.next}
        return jsonify(content | ({} if total is None else {"total": total()}))

    @blueprint.get("/<uuid:proposal_id>")
    @blueprint.response(200, ProposalSchema)
    @with_refusals(blueprint, **_REFUSED)
    @needs_all_forms(*READERS)
    def proposal(proposal_id: Any) -> Response:
        """One proposal; its ETag is needed to change it."""
        return _shown(show_proposal(context.work, context.keys, str(proposal_id)))

    @blueprint.get("/<uuid:proposal_id>/history")
    @blueprint.response(200, ProposalHistorySchema)
    @with_refusals(blueprint, **_REFUSED)
    @needs_all_forms(*READERS)
    def proposal_history(proposal_id: Any) -> dict[str, Any]:
        """History of a proposal: decisions, changes of each revision, and suggestions."""
        return {"items": show_history(context.work, str(proposal_id))}


def _wanted(query: dict[str, Any]) -> ProposalFilter:
    same = ("status", "working_group", "organisation", "language", "partner", "event", "sort")
    return ProposalFilter(
        **{name: query[name] for name in same if name in query},
        words=query.get("q"),
        after=position_in(query["cursor"], 1, read_id_position),
        limit=query["limit"] + 1,
    )


def _columns(asked: str | None) -> set[str]:
    """Names of the requested fields of the schema; the id is always included."""
    shown = {field.data_key or name: name for name, field in _ONE.fields.items()}
    return set(shown.values()) if asked is None else {"id", *(shown[name] for name in split_names(asked))}


def _add_changing(blueprint: Any, context: SideEventsContext) -> None:
    @blueprint.patch("/<uuid:proposal_id>")
    @blueprint.arguments(ProposalChangeSchema)
    @blueprint.response(200, ProposalSchema)
    @with_refusals(
        blueprint, **_CHANGING, s409="It is not accepted (change its registration instead), or a rule does not allow it"
    )
    @needs_all_forms("coordinator")
    def change(body: dict[str, Any], proposal_id: Any) -> Response:
        """Change an accepted or scheduled proposal. No one is notified."""
        seen = _seen(context, str(proposal_id))
        days = {name: tuple(value) for name, value in body.items() if name.endswith("_on")}
        return _after(context, change_proposal(context.work, context.clock, seen, {**body, **days}))


def _add_decision(blueprint: Any, context: SideEventsContext, verb: str, status: ProposalStatus) -> None:
    def decide(body: dict[str, Any], proposal_id: Any) -> Response:
        decision = ProposalDecision(_seen(context, str(proposal_id)), status, body.get("note", "").strip())
        return _after(context, decide_proposal(context.work, context.clock, context.keys, decision))

    decide.__name__ = f"{verb}_proposal"
    decide.__doc__ = (
        f"Make a proposal {status}. The proposer is notified, with the note. "
        "`If-Match`: the ETag or revision that you read."
    )
    view = needs_all_forms("coordinator")(decide)
    view = with_refusals(blueprint, **_CHANGING, s409="Its status does not allow it")(view)
    view = blueprint.response(200, ProposalSchema)(view)
    view = blueprint.arguments(ProposalDecisionSchema)(view)
    blueprint.post(f"/<uuid:proposal_id>/{verb}")(view)


def _add_suggestion(blueprint: Any, context: SideEventsContext, verb: str) -> None:
    about, act = SUGGESTIONS[verb]

    def resolve(proposal_id: Any) -> Response:
        return _after(context, act(context.work, context.clock, _seen(context, str(proposal_id))))

    resolve.__name__ = f"{verb}_suggestion"
    resolve.__doc__ = f"{about} Refused if the suggestion has changed since you read it (`If-Match`)."
    view = needs_all_forms("coordinator")(resolve)
    view = with_refusals(blueprint, **_CHANGING, s409="There is no suggestion")(view)
    view = blueprint.response(200, ProposalSchema)(view)
    blueprint.post(f"/<uuid:proposal_id>/suggestion/{verb}")(view)


def _seen(context: SideEventsContext, proposal_id: str) -> SeenProposal:
    """What the client has seen, by its ETag or its revision; a change in between is refused under the lock.

    Raises:
        DomainError: ``not-found``; ``if-match-required``; ``edit-conflict``, there is another one by now.
    """
    proposal = show_proposal(context.work, context.keys, proposal_id).proposal
    require_match(_tag(proposal), str(proposal.revision))
    return SeenProposal(proposal.id, proposal.revision, holder().name)


def _tag(proposal: Proposal) -> str:
    return tag_of("proposal", proposal.id, proposal.revision)


def _after(context: SideEventsContext, proposal: Proposal) -> Response:
    return _shown(shown_proposal(context.keys, proposal))


def _shown(shown: ShownProposal) -> Response:
    response = jsonify(_ONE.dump(_content(shown)))
    response.set_etag(_tag(shown.proposal))
    return response


def _content(shown: ShownProposal) -> dict[str, Any]:
    """The fields that the schema shows; without names for viewers."""
    proposal, named = shown.proposal, NAMED_FOR in holder().roles
    content: dict[str, Any] = {name: getattr(proposal, name) for name in _ONE.fields if hasattr(proposal, name)}
    content |= {"speakers": None, "named_speakers": None, "speaker_count": len(proposal.speakers), "suggestion": None}
    if named:
        content |= {"speakers": shown.speakers, "named_speakers": shown.named}
    if shown.suggestion is not None:
        hidden = () if named else SPEAKER_FIELDS
        changes = [change for change in shown.suggestion.changes if change.field not in hidden]
        content["suggestion"] = {"revision": shown.suggestion.revision, "changes": changes}
    return content
