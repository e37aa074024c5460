"""The one door for registrations, for programs and for plain forms alike."""

from flask import Response

from services.registration.api.cross_origin import allow
from services.registration.api.looks import event_time
from services.registration.api.submitted import Submitted, language_of
from services.registration.api.tools import Tools
from services.registration.domain.intake import Answered, Proof
from services.registration.embed.pages import is_dated
from services.registration.embed.result_pages import result_message
from services.registration.usecases.look_up import FormView
from services.registration.usecases.prepare import Envelope, prepare, receipts
from shared.core.errors import DomainError, Overloaded, Unavailable
from shared.core.ids import new_id
from shared.core.metrics import (
    idempotency_replays_total,
    intake_requests_total,
    proofs_of_work_total,
    requests_refused_total,
)
from shared.core.places import FIRST
from shared.forms.proof_of_work import ProofRefused, check_proof
from shared.forms.validation import Answers, validate
from shared.web.in_steps import begin_step
from shared.web.problems import problem

STATUSES = {"none": ("confirmed", "waitlisted", "unverified"), "email": ("unverified", "confirmed", "waitlisted")}
"""What somebody can be told, by how the form has addresses verified, likeliest first; never more than anybody may know.

All of them each time: how addresses are verified is decided under the lock, and may have changed a moment ago.
"""


class Refused(Exception):
    """The answers have faults; ``answers`` holds them with what could be read."""

    def __init__(self, answers: Answers) -> None:
        super().__init__("the form has faults")
        self.answers = answers


def take(tools: Tools, view: FormView, submitted: Submitted) -> Answered:
    """Check, store and answer one submission; count how it went.

    Raises:
        Refused: fields are wrong.
        DomainError: closed, or the key was used for something else.
        Unavailable: nothing is known to be stored; try again.
    """
    partner = view.partner(submitted.partner)
    language = language_of(submitted.beside, partner.language if partner else None)
    unproven = view.asks_proof and not submitted.beside.get("altcha")
    statuses = STATUSES["email" if unproven else view.stored.verification]
    kind, dated = view.stored.kind, is_dated(event_time(view.stored))
    messages = {status: result_message(status, language, kind, dated=dated) for status in statuses}
    if submitted.trapped:
        return _pretend(messages)
    answers = validate(view.definition, submitted.answers, language)
    if not answers.ok:
        intake_requests_total.labels("invalid").inc()
        raise Refused(answers)
    proof = _proof(tools, view, submitted.beside.get("altcha")) if view.asks_proof else None
    slug = partner.slug if partner else None
    envelope = Envelope(slug, language, submitted.key, submitted.fingerprint, messages, proof, joins=submitted.as_page)
    return _counted(tools, view, answers, envelope)


REFUSALS = {"idempotency-mismatch": "invalid", "proof-refused": "unproven"}
"""How a refusal is counted, by its code; any other is a closed form."""


def _proof(tools: Tools, view: FormView, payload: object) -> Proof:
    """What came of the work. It is refused later, with the seat's decision: a repetition is answered as at first."""
    try:
        proof = Proof(check_proof(tools.proof_keys, view.stored.slug, payload, tools.clock())) if payload else Proof()
    except ProofRefused as refused:
        proof = Proof(refusal=refused.reason)
    proofs_of_work_total.labels("registration", proof.refusal or ("solved" if proof.challenge else "none")).inc()
    return proof


def _counted(tools: Tools, view: FormView, answers: Answers, envelope: Envelope) -> Answered:
    try:
        submission = prepare(tools.keys, view, answers, envelope, tools.clock())
        begin_step()
        answered = tools.register(submission)
    except DomainError as refusal:
        intake_requests_total.labels(REFUSALS.get(refusal.code, "closed")).inc()
        if refusal.code == "idempotency-mismatch":
            idempotency_replays_total.labels("mismatch").inc()
        raise
    except Overloaded:
        requests_refused_total.labels("registration", FIRST, "queue").inc()
        raise
    except Unavailable:
        intake_requests_total.labels("failed").inc()
        raise
    if answered.how == "replay":
        idempotency_replays_total.labels("replay").inc()
    intake_requests_total.labels("duplicate" if answered.how == "replay" else answered.how).inc()
    return answered


def _pretend(messages: dict[str, str]) -> Answered:
    """What a program gets that filled in the field no person sees: an answer like any other, and nothing stored."""
    intake_requests_total.labels("trapped").inc()
    begin_step()
    return Answered(next(iter(receipts(new_id(), messages).values())), "trapped")


def as_json(answered: Answered, view: FormView) -> Response:
    """201 with the answer, readable by the partners' pages."""
    response = Response(answered.body, 201, [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
    return allow(response, view.origins)


def faults_as_json(refused: Refused, view: FormView) -> Response:
    """422 with every fault and a JSON pointer to its field."""
    errors = [
        {"pointer": fault.pointer, "code": fault.code, "message": fault.message} for fault in refused.answers.errors
    ]
    return allow(problem(422, "invalid", "Some answers need attention", errors=errors), view.origins)
