"""Proposals of side events: coordinators read them, decide, and work on the text of those that are accepted.

They come in by a form of the kind ``proposal``; whoever proposed one is found, corrected and erased in registration.
"""

from collections.abc import Callable
from typing import Any

from flask import Response, jsonify

from services.events.api.grouping import groups_answer, groups_asked, parted
from services.events.api.schedule_schemas import (
    DecisionSchema,
    ProposalArguments,
    ProposalChangeSchema,
    ProposalHistorySchema,
    ProposalListSchema,
    ProposalSchema,
)
from services.events.api.tools import READERS
from services.events.domain.proposal import SPEAKER_FIELDS, Proposal, ProposalStatus
from services.events.store.proposal_lists import GROUPS, ProposalFilter
from services.events.usecases.decide_proposal import (
    Decision,
    SeenProposal,
    adopt_suggestion,
    change_proposal,
    decide_proposal,
    dismiss_suggestion,
)
from services.events.usecases.list_proposals import (
    ShownProposal,
    count_proposals,
    group_proposals,
    list_proposals,
    show_history,
    show_proposal,
    shown_proposal,
)
from services.events.usecases.positions import read_registration_position
from services.events.usecases.side_tools import SideTools
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, needs_all_forms
from shared.web.entity_tags import require_match, tag_of
from shared.web.operations import Blueprint
from shared.web.paging import page_of, position_in
from shared.web.problems import MEDIA_TYPE as PROBLEM
from shared.web.problems import ProblemSchema

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

_ONE = ProposalSchema()
_REFUSED = {"s401": "No key", "s403": "The key's roles or forms do not allow it", "s404": "No such proposal"}
_CHANGING = {**_REFUSED, "s412": "It was changed since it was read", "s428": "If-Match is required"}


def proposals_blueprint(tools: SideTools) -> Any:
    """``/v1/proposals``."""
    blueprint = Blueprint("proposals", __name__, url_prefix="/v1/proposals", description="Ideas for side events")
    _add_reading(blueprint, tools)
    _add_changing(blueprint, tools)
    for verb, status in DECISIONS.items():
        _add_decision(blueprint, tools, verb, status)
    for verb in SUGGESTIONS:
        _add_suggestion(blueprint, tools, verb)
    return blueprint


def says(blueprint: Any, **descriptions: str) -> Any:
    """Document what a route may say instead; names are ``s404`` and the like."""

    def decorate(view: Any) -> Any:
        for name, description in descriptions.items():
            view = blueprint.alt_response(
                int(name[1:]), schema=ProblemSchema, content_type=PROBLEM, description=description
            )(view)
        return view

    return decorate


def _add_reading(blueprint: Any, tools: SideTools) -> None:
    @blueprint.get("")
    @blueprint.arguments(ProposalArguments, location="query")
    @blueprint.response(200, ProposalListSchema)
    @says(blueprint, s400="The cursor is invalid", s401="No key", s403="The key's roles or forms do not allow it")
    @needs_all_forms(*READERS)
    def proposals(query: dict[str, Any]) -> Response:
        """Proposals in order of arrival; with `group_by` their numbers alone."""
        wanted = _wanted(query)
        total = (lambda: count_proposals(tools.work, wanted)) if query["total"] else None
        if names := groups_asked(query, tuple(GROUPS)):
            groups = group_proposals(tools.work, wanted, names, query["at_least"])
            return groups_answer("proposals", names, groups, total)
        page = page_of(list_proposals(tools.work, tools.keys, wanted), query["limit"], lambda one: [one.proposal.id])
        schema = ProposalSchema(many=True, only=_columns(query.get("columns")))
        content = {"items": schema.dump([_content(shown) for shown in page.items]), "next": page.next}
        return jsonify(content | ({} if total is None else {"total": total()}))

    @blueprint.get("/<uuid:proposal_id>")
    @blueprint.response(200, ProposalSchema)
    @says(blueprint, **_REFUSED)
    @needs_all_forms(*READERS)
    def proposal(proposal_id: Any) -> Response:
        """One proposal; its ETag is needed to change it."""
        return _shown(show_proposal(tools.work, tools.keys, str(proposal_id)))

    @blueprint.get("/<uuid:proposal_id>/history")
    @blueprint.response(200, ProposalHistorySchema)
    @says(blueprint, **_REFUSED)
    @needs_all_forms(*READERS)
    def proposal_history(proposal_id: Any) -> dict[str, Any]:
        """History of a proposal: decisions, changes of each revision, and suggestions."""
        return {"items": show_history(tools.work, str(proposal_id))}


def _wanted(query: dict[str, Any]) -> ProposalFilter:
    same = ("status", "working_group", "organisation", "language", "partner", "event", "sort")
    return ProposalFilter(
        **{name: query[name] for name in same if name in query},
        words=query.get("q"),
        after=position_in(query["cursor"], 1, read_registration_position),
        limit=query["limit"] + 1,
    )


def _columns(asked: str | None) -> set[str]:
    """Names of the schema's fields that are asked for; the id always comes."""
    shown = {field.data_key or name: name for name, field in _ONE.fields.items()}
    return set(shown.values()) if asked is None else {"id", *(shown[name] for name in parted(asked))}


def _add_changing(blueprint: Any, tools: SideTools) -> None:
    @blueprint.patch("/<uuid:proposal_id>")
    @blueprint.arguments(ProposalChangeSchema)
    @blueprint.response(200, ProposalSchema)
    @says(
        blueprint, **_CHANGING, s409="It is not accepted (change its registration instead), or a rule does not allow it"
    )
    @needs_all_forms("coordinator")
    def change(body: dict[str, Any], proposal_id: Any) -> Response:
        """Change an accepted or scheduled proposal. No one is notified."""
        seen = _seen(tools, str(proposal_id))
        days = {name: tuple(value) for name, value in body.items() if name.endswith("_on")}
        return _after(tools, change_proposal(tools.work, tools.clock, seen, {**body, **days}))


def _add_decision(blueprint: Any, tools: SideTools, verb: str, status: ProposalStatus) -> None:
    def decide(body: dict[str, Any], proposal_id: Any) -> Response:
        decision = Decision(_seen(tools, str(proposal_id)), status, body.get("note", "").strip())
        return _after(tools, decide_proposal(tools.work, tools.clock, tools.keys, decision))

    decide.__name__ = f"{verb}_proposal"
    decide.__doc__ = (
        f"Make a proposal {status}. The proposer is notified, with the note. "
        "The ETag that was seen, or the revision, as `If-Match`."
    )
    view = needs_all_forms("coordinator")(decide)
    view = says(blueprint, **_CHANGING, s409="Its status does not lead there")(view)
    view = blueprint.response(200, ProposalSchema)(view)
    view = blueprint.arguments(DecisionSchema)(view)
    blueprint.post(f"/<uuid:proposal_id>/{verb}")(view)


def _add_suggestion(blueprint: Any, tools: SideTools, verb: str) -> None:
    about, act = SUGGESTIONS[verb]

    def settle(proposal_id: Any) -> Response:
        return _after(tools, act(tools.work, tools.clock, _seen(tools, str(proposal_id))))

    settle.__name__ = f"{verb}_suggestion"
    settle.__doc__ = f"{about} A suggestion that has changed since it was seen (`If-Match`) is refused."
    view = needs_all_forms("coordinator")(settle)
    view = says(blueprint, **_CHANGING, s409="There is no suggestion")(view)
    view = blueprint.response(200, ProposalSchema)(view)
    blueprint.post(f"/<uuid:proposal_id>/suggestion/{verb}")(view)


def _seen(tools: SideTools, proposal_id: str) -> SeenProposal:
    """What the client has seen, by its ETag or its revision; a change in between is refused under the lock.

    Raises:
        DomainError: ``not-found``; ``if-match-required``; ``changed-meanwhile``, there is another one by now.
    """
    proposal = show_proposal(tools.work, tools.keys, proposal_id).proposal
    require_match(_tag(proposal), str(proposal.revision))
    return SeenProposal(proposal.id, proposal.revision, holder().name)


def _tag(proposal: Proposal) -> str:
    return tag_of("proposal", proposal.id, proposal.revision)


def _after(tools: SideTools, proposal: Proposal) -> Response:
    return _shown(shown_proposal(tools.keys, proposal))


def _shown(shown: ShownProposal) -> Response:
    response = jsonify(_ONE.dump(_content(shown)))
    response.set_etag(_tag(shown.proposal))
    return response


def _content(shown: ShownProposal) -> dict[str, Any]:
    """The fields that the schema shows; without names for whoever reads only."""
    proposal, named = shown.proposal, NAMED_FOR in holder().roles
    content: dict[str, Any] = {name: getattr(proposal, name) for name in _ONE.fields if hasattr(proposal, name)}
    content |= {"speakers": None, "named_speakers": None, "speaker_count": len(proposal.speakers), "suggestion": None}
    if named:
        content |= {"speakers": shown.speakers, "named_speakers": shown.named}
    if shown.suggestion is not None:
        hidden = () if named else SPEAKER_FIELDS
        changes = [one for one in shown.suggestion.changes if one.field not in hidden]
        content["suggestion"] = {"revision": shown.suggestion.revision, "changes": changes}
    return content
