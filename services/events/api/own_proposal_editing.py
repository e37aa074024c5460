"""Changing a returned proposal on its proposer's own page and sending it again."""

from dataclasses import dataclass, replace
from typing import Any

from flask import Response, make_response, request

from services.events.api.proposal_submitted import Asked, Refused, checked, following, read_edited, refused_by
from services.events.domain.proposal import Proposal, ProposalStatus
from services.events.domain.rules import RulesBroken
from services.events.side_pages.pages import EditPage, render_edit
from services.events.usecases.own_proposal import own_answers
from services.events.usecases.send_proposal_again import Edit, send_proposal_again
from services.events.usecases.show_proposal_form import show_proposal_form
from services.events.usecases.side_tools import SideTools
from shared.core.errors import DomainError, Unavailable
from shared.public_forms.rendering import answers_for_display
from shared.public_forms.validation import Answers
from shared.web.headers import personal


class NotEditable(Exception):
    """The proposal cannot be changed by its link, as it is now."""


@dataclass(frozen=True, slots=True)
class OwnLink:
    """Where the proposer came from: the token of their link, the path of its page, the language to answer in."""

    token: str
    path: str
    language: str


def can_edit(proposal: Proposal) -> bool:
    """Whether whoever proposed it may change it now."""
    return proposal.status is ProposalStatus.RETURNED


def edit_page(tools: SideTools, link: OwnLink) -> Response:
    """The form with what is stored.

    Raises:
        DomainError: ``not-found``, the link opens nothing.
        NotEditable: it is not returned.
    """
    page, _ = _page(tools, link)
    return _answer(page, 200)


def send_edited(tools: SideTools, link: OwnLink) -> Response | None:
    """Check and store what was sent; None if that is done, else the form once more.

    Raises:
        DomainError: ``not-found``, the link opens nothing.
        NotEditable: it is not returned (any more).
    """
    asked = read_edited(show_proposal_form(tools.work).definition)
    try:
        _store(tools, link, asked)
    except Refused as refused:
        return _again(tools, link, asked, 422, refused.answers)
    except Unavailable:
        response = _answer(_blind(link, asked, "busy"), 503)
        response.headers["Retry-After"] = "5"
        return response
    except DomainError as refusal:
        if refusal.code == "proposal-transition":
            raise NotEditable from None
        if refusal.code != "changed-meanwhile":
            raise
        return _again(tools, link, asked, 409)
    return None


def in_language(tools: SideTools, link: OwnLink) -> Response:
    """The form in another language, with what was typed so far; nothing is checked, and nothing is stored.

    Raises:
        DomainError: ``not-found``, the link opens nothing.
        NotEditable: it is not returned (any more).
    """
    page, _ = _page(tools, link)
    asked = read_edited(page.definition)
    return _answer(replace(page, seen=seen_revision(), values=following(asked)), 200)


def seen_revision() -> int:
    """The revision that the form was made from; 0, which no proposal has, if that cannot be read."""
    text = request.form.get("seen", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _store(tools: SideTools, link: OwnLink, asked: Asked) -> None:
    answers = checked(asked)
    try:
        edit = Edit(answers.values, link.language, seen_revision())
        send_proposal_again(tools.work, tools.clock, tools.keys, link.token, edit)
    except RulesBroken as error:
        raise refused_by(error, asked, answers) from None


def _again(tools: SideTools, link: OwnLink, asked: Asked, status: int, answers: Answers | None = None) -> Response:
    """The form with what was sent. After a change by somebody else it also says what is stored, and has seen it."""
    page, stored = _page(tools, link)
    shown = {**asked.answers, **(answers.values if answers else {})}
    if answers is not None:
        return _answer(replace(page, seen=seen_revision(), values=shown, errors=answers.errors), status)
    other = {name: value for name, value in stored.items() if shown.get(name) != value}
    differing = answers_for_display(page.definition, other, link.language)
    return _answer(replace(page, values=shown, notice="own.edit.meanwhile", stored=differing), status)


def _page(tools: SideTools, link: OwnLink) -> tuple[EditPage, dict[str, Any]]:
    """The form with what is stored, and that."""
    proposal, stored = own_answers(tools.work, tools.clock, tools.keys, link.token)
    if not can_edit(proposal):
        raise NotEditable
    definition = show_proposal_form(tools.work).definition
    page = EditPage(definition, link.language, link.path, proposal.revision, proposal.note, stored)
    return page, stored


def _blind(link: OwnLink, asked: Asked, notice: str) -> EditPage:
    """The form with what was sent, made without the database."""
    return EditPage(asked.definition, link.language, link.path, seen_revision(), "", asked.answers, notice=notice)


def _answer(page: EditPage, status: int) -> Response:
    return personal(make_response(render_edit(page), status))
