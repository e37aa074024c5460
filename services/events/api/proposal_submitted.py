"""Reads a proposal that was sent, as JSON or as a plain form, and takes it."""

from dataclasses import dataclass
from typing import Any

from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from services.events.api.proposal_challenge import challenge_path, proof_in
from services.events.api.proposal_looks import page_language
from services.events.domain.partner import Partner
from services.events.domain.rules import RulesBroken
from services.events.side_pages.pages import fault_text
from services.events.usecases.show_proposal_form import show_proposal_form
from services.events.usecases.side_tools import SideTools
from services.events.usecases.submit_proposal import NewProposal, Taken, submit_proposal
from shared.core.ids import new_id
from shared.public_forms.definition import FormDefinition
from shared.public_forms.encoded import from_form_encoded
from shared.public_forms.transport import TRANSPORT_FIELDS, split_transport
from shared.public_forms.validation import Answers, FieldError, validate
from shared.web.bodies import FORM_TYPES, JSON_TYPE, json_object, wants_page
from shared.web.idempotency import checked_key, fingerprint, idempotency_key

FIELD_OF = {"unavailable_on": "unavailable_days", "preferred_on": "preferred_days"}
"""Fields of a proposal that are called otherwise in the form."""
BESIDE_A_LINK = ("action", "seen")
"""What a proposer's own page sends beside the answers."""


class Refused(Exception):
    """The answers have faults; they are shown again with them."""

    def __init__(self, asked: "Asked", answers: Answers) -> None:
        super().__init__("the form has faults")
        self.asked = asked
        self.answers = answers


@dataclass(frozen=True, slots=True)
class Asked:
    """What was sent: answers as they came, what travels beside them, and whether a page is wanted.

    ``challenge`` is where the form gives out challenges, empty where it asks for no proof of work.
    """

    definition: FormDefinition
    answers: dict[str, Any]
    beside: dict[str, Any]
    key: str
    as_page: bool
    partner: Partner | None = None
    challenge: str = ""

    @property
    def language(self) -> str:
        """Of the answer."""
        return page_language(self.beside, self.partner)


def read_asked(tools: SideTools) -> Asked:
    """The request's content.

    Raises:
        BadRequest: cannot be parsed.
        UnsupportedMediaType: neither JSON nor a form.
    """
    form = show_proposal_form(tools.work, _claimed_partner())
    definition = form.definition
    if request.mimetype == JSON_TYPE:
        raw, as_page = json_object(), False
    elif request.mimetype in FORM_TYPES:
        beside = {name: request.form[name] for name in TRANSPORT_FIELDS if name in request.form}
        raw, as_page = {**from_form_encoded(definition, request.form), **beside}, wants_page()
    else:
        raise UnsupportedMediaType("application/json or a form is required")
    beside, answers = split_transport(raw)
    inside = beside.pop("idempotency_key", "")
    key = idempotency_key() or checked_key(inside if isinstance(inside, str) else "?")
    return Asked(definition, answers, beside, key, as_page, form.partner, challenge_path(tools))


def _claimed_partner() -> str:
    """The partner through whose page somebody says they come; a program says it in its JSON."""
    claimed = json_object().get("partner") if request.mimetype == JSON_TYPE else request.form.get("partner")
    return claimed if isinstance(claimed, str) else ""


def read_edited(definition: FormDefinition) -> Asked:
    """The content of the form on a proposer's own page."""
    beside = {name: request.form[name] for name in TRANSPORT_FIELDS if name in request.form}
    answers = from_form_encoded(definition, request.form)
    own = {name: value for name, value in answers.items() if name not in (*TRANSPORT_FIELDS, *BESIDE_A_LINK)}
    return Asked(definition, own, beside, "", as_page=True)


def following(asked: Asked) -> dict[str, Any]:
    """The answers, without a language of mails that is only the one of the page: that follows the page's."""
    follows = asked.definition.initial_answers(str(asked.beside.get("lang")))
    return {name: value for name, value in asked.answers.items() if follows.get(name, ...) != value}


def take(tools: SideTools, asked: Asked) -> Taken:
    """Check and store a proposal. A trapped program is answered like anybody, and nothing is stored.

    Raises:
        Refused: fields are wrong.
        DomainError: ``idempotency-mismatch``, ``proof-refused``.
        Unavailable: nothing is known to be stored.
    """
    proven = asked.beside.pop("altcha", None)  # another proof of work for the same answers is the same request
    if asked.beside.get("website"):
        return Taken(new_id(), "unverified" if asked.challenge and not proven else "submitted")
    answers = checked(asked)
    form, partner = asked.definition.slug, asked.partner.slug if asked.partner else None
    mark = fingerprint(form, {**asked.answers, **asked.beside})
    proof = proof_in(tools, proven)
    try:
        sent = NewProposal(form, answers.values, asked.language, asked.key, mark, partner, proof)
        return submit_proposal(tools.work, tools.clock, tools.keys, sent)
    except RulesBroken as error:
        raise refused_by(error, asked, answers) from None


def checked(asked: Asked) -> Answers:
    """The answers, all of them right.

    Raises:
        Refused: fields are wrong.
    """
    answers = validate(asked.definition, asked.answers, asked.language)
    if not answers.ok:
        raise Refused(asked, answers)
    return answers


def refused_by(error: RulesBroken, asked: Asked, answers: Answers) -> Refused:
    """What to raise where answers that are right one by one contradict each other."""
    faults = tuple(
        FieldError(
            f"/{FIELD_OF.get(rule.field, rule.field)}", rule.code, fault_text(rule.code, asked.language) or rule.detail
        )
        for rule in error.broken
    )
    return Refused(asked, Answers(answers.values, answers.sealed, faults))
