"""Proposals: anybody may make one, coordinators decide."""

from typing import Any

from flask import Response, jsonify

from services.events.api.proposal_challenge import add_challenges
from services.events.api.proposal_pages import NOTICES, busy_page, notice_page, received_page, refused_page
from services.events.api.proposal_submitted import Refused, read_asked, take
from services.events.api.schedule_schemas import (
    DecisionSchema,
    ProposalAnswersSchema,
    ProposalArguments,
    ProposalChangeSchema,
    ProposalErasureSchema,
    ProposalHistorySchema,
    ProposalListSchema,
    ProposalSchema,
    ReceiptSchema,
)
from services.events.api.tools import READERS
from services.events.domain.proposal import Proposal, ProposalStatus
from services.events.side_pages.pages import RECEIPTS, page_texts
from services.events.store.proposals import ProposalFilter
from services.events.usecases.change_proposal import change_proposal
from services.events.usecases.decide_proposal import Decision, decide_proposal
from services.events.usecases.erase_proposal import erase_proposal
from services.events.usecases.list_proposals import list_proposals, show_history, show_proposal
from services.events.usecases.positions import read_registration_position
from services.events.usecases.side_tools import SideTools
from shared.core.errors import DomainError, Unavailable
from shared.web.access import holder, needs_all_forms, public
from shared.web.entity_tags import require_match, tag_of
from shared.web.limits import limited
from shared.web.operations import Blueprint
from shared.web.paging import page_of, position_in
from shared.web.problems import MEDIA_TYPE as PROBLEM
from shared.web.problems import ProblemSchema, problem

DECISIONS = {
    "accept": ProposalStatus.ACCEPTED,
    "return": ProposalStatus.RETURNED,
    "decline": ProposalStatus.DECLINED,
    "withdraw": ProposalStatus.WITHDRAWN,
}
_ONE = ProposalSchema()


_PAGE = {"text/html": {"schema": {"type": "string"}}}
_REFUSALS = {
    400: "It cannot be parsed",
    413: "It is too large",
    415: "Neither JSON nor a form",
    422: "Answers are wrong, the key came with other content before, or `proof-refused`: solve a new challenge",
    429: "Too many from one client address; see Retry-After",
    503: "Not possible just now",
}
_INTAKE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": ProposalAnswersSchema},
            "application/x-www-form-urlencoded": {"schema": ProposalAnswersSchema},
        },
    },
    "responses": {
        "201": {"description": "It has arrived", "content": {"application/json": {"schema": ReceiptSchema}, **_PAGE}},
    }
    | {
        str(status): {"description": text, "content": {PROBLEM: {"schema": ProblemSchema}, **_PAGE}}
        for status, text in _REFUSALS.items()
    },
}
"""A browser's form is answered with pages, so each answer has two media types."""


def proposals_blueprint(tools: SideTools) -> Any:
    """``/v1/proposals``."""
    blueprint = Blueprint("proposals", __name__, url_prefix="/v1/proposals", description="Ideas for side events")
    add_challenges(blueprint, tools)
    _add_intake(blueprint, tools)
    _add_reading(blueprint, tools)
    _add_changing(blueprint, tools)
    _add_erasing(blueprint, tools)
    for verb, status in DECISIONS.items():
        _add_decision(blueprint, tools, verb, status)
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


def _add_intake(blueprint: Any, tools: SideTools) -> None:
    @blueprint.post("")
    @blueprint.doc(**_INTAKE)
    @public
    @limited("intake")
    def propose() -> Response:
        """Propose a side event. A plain form from a browser is answered with a page."""
        asked = read_asked(tools)
        try:
            taken = take(tools, asked)
        except Refused as refused:
            return refused_page(refused) if asked.as_page else _faults(refused)
        except DomainError as refusal:
            if not asked.as_page or refusal.code not in NOTICES:
                raise
            return notice_page(asked, NOTICES[refusal.code])
        except Unavailable:
            if not asked.as_page:
                raise
            return busy_page(asked)
        if asked.as_page:
            return received_page(asked, taken.status)
        message = page_texts().text(RECEIPTS[taken.status], asked.language)
        response = jsonify(id=taken.id, status=taken.status, message=message)
        response.status_code = 201
        response.headers["Cache-Control"] = "no-store"
        return response


def _faults(refused: Refused) -> Response:
    errors = [
        {"pointer": fault.pointer, "code": fault.code, "message": fault.message} for fault in refused.answers.errors
    ]
    return problem(422, "invalid", "Some answers need attention", errors=errors)


def _add_reading(blueprint: Any, tools: SideTools) -> None:
    @blueprint.get("")
    @blueprint.arguments(ProposalArguments, location="query")
    @blueprint.response(200, ProposalListSchema)
    @says(blueprint, s400="The cursor is not one", s401="No key", s403="The key's roles or forms do not allow it")
    @needs_all_forms(*READERS)
    def proposals(query: dict[str, Any]) -> dict[str, Any]:
        """Proposals in order of arrival."""
        after = position_in(query["cursor"], 1, read_registration_position)
        wanted = ProposalFilter(query.get("status"), query.get("working_group"), after, query["limit"] + 1)
        page = page_of(list_proposals(tools.work, wanted), query["limit"], lambda proposal: [proposal.id])
        return {"items": page.items, "next": page.next}

    @blueprint.get("/<uuid:proposal_id>")
    @blueprint.response(200, ProposalSchema)
    @says(blueprint, s401="No key", s403="The key's roles or forms do not allow it", s404="No such proposal")
    @needs_all_forms(*READERS)
    def proposal(proposal_id: Any) -> Response:
        """One proposal; its ETag is needed to change it."""
        return _shown(show_proposal(tools.work, str(proposal_id)))

    @blueprint.get("/<uuid:proposal_id>/history")
    @blueprint.response(200, ProposalHistorySchema)
    @says(blueprint, s401="No key", s403="The key's roles or forms do not allow it", s404="No such proposal")
    @needs_all_forms(*READERS)
    def proposal_history(proposal_id: Any) -> dict[str, Any]:
        """What became of a proposal and what each revision changed, also when it was sent again by its link."""
        return {"items": show_history(tools.work, str(proposal_id))}


def _add_changing(blueprint: Any, tools: SideTools) -> None:
    @blueprint.patch("/<uuid:proposal_id>")
    @blueprint.arguments(ProposalChangeSchema)
    @blueprint.response(200, ProposalSchema)
    @says(
        blueprint,
        s401="No key",
        s403="The key's roles or forms do not allow it",
        s404="No such proposal",
        s409="A rule says no",
        s412="It was changed meanwhile",
        s428="If-Match is required",
    )
    @needs_all_forms("coordinator")
    def change(body: dict[str, Any], proposal_id: Any) -> Response:
        """Change what a proposal says; nobody is told."""
        identity, seen = str(proposal_id), _seen(tools, str(proposal_id))
        days = {name: tuple(value) for name, value in body.items() if name.endswith("_on")}
        changes = {**body, **days}
        return _shown(change_proposal(tools.work, tools.clock, identity, seen, changes, holder().name))


def _add_erasing(blueprint: Any, tools: SideTools) -> None:
    @blueprint.post("/<uuid:proposal_id>/erasure")
    @blueprint.arguments(ProposalErasureSchema)
    @blueprint.response(200, ProposalHistorySchema)
    @says(blueprint, s401="No key", s403="The key's roles or forms do not allow it", s404="No such proposal")
    @needs_all_forms("coordinator")
    def erase(body: dict[str, Any], proposal_id: Any) -> dict[str, Any]:
        """Erase whoever made a proposal and all that they wrote, in all services; it cannot be undone.

        Answered with what is left: who did what, and when. Doing it again changes nothing, and nobody is told.
        """
        erase_proposal(tools.work, tools.clock, str(proposal_id), body["reason"], holder().name)
        return {"items": show_history(tools.work, str(proposal_id))}


def _add_decision(blueprint: Any, tools: SideTools, verb: str, status: ProposalStatus) -> None:
    def decide(body: dict[str, Any], proposal_id: Any) -> Response:
        note = body.get("note", "").strip()
        identity = str(proposal_id)
        decision = Decision(identity, _seen(tools, identity), status, note, holder().name)
        return _shown(decide_proposal(tools.work, tools.clock, tools.keys, decision))

    decide.__name__ = f"{verb}_proposal"
    decide.__doc__ = (
        f"Make a proposal {status}; whoever proposed it is told, with the note. "
        "The ETag that was seen, or the revision, as `If-Match`."
    )
    view = needs_all_forms("coordinator")(decide)
    view = says(
        blueprint,
        s401="No key",
        s403="The key's roles or forms do not allow it",
        s404="No such proposal",
        s409="Its status does not lead there",
        s412="It was changed meanwhile",
        s428="If-Match is required",
    )(view)
    view = blueprint.response(200, ProposalSchema)(view)
    view = blueprint.arguments(DecisionSchema)(view)
    blueprint.post(f"/<uuid:proposal_id>/{verb}")(view)


def _seen(tools: SideTools, proposal_id: str) -> int:
    """The revision that the client has seen, by its ETag or its number; a change in between is refused under the lock.

    Raises:
        DomainError: ``not-found``; ``if-match-required``; ``changed-meanwhile``, there is another one by now.
    """
    shown = show_proposal(tools.work, proposal_id)
    require_match(_tag(shown), str(shown.revision))
    return shown.revision


def _tag(proposal: Proposal) -> str:
    return tag_of("proposal", proposal.id, proposal.revision)


def _shown(proposal: Proposal) -> Response:
    response = jsonify(_ONE.dump(proposal))
    response.set_etag(_tag(proposal))
    return response
