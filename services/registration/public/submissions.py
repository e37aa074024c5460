"""Submitting a form, for programs and for plain forms alike, and the receipt of a submission."""

from typing import Any
from urllib.parse import quote

from flask import Response, jsonify, request

from services.registration.embed.strings import submission_texts
from services.registration.intake.form_view import FormView
from services.registration.intake.service import Accepted, Envelope, network_hash
from services.registration.public.context import PublicContext
from services.registration.public.cross_origin import allow
from services.registration.public.submitted import Submitted, language_of
from shared.core.errors import DomainError, Overloaded, Unavailable
from shared.core.metrics import (
    idempotency_replays_total,
    intake_requests_total,
    proofs_of_work_total,
    requests_refused_total,
)
from shared.core.places import FIRST
from shared.public_forms.proof_of_work import ProofRefused, check_proof
from shared.public_forms.validation import Answers, validate
from shared.web.client_address import client_address
from shared.web.problems import problem

REFUSALS = {"idempotency-mismatch": "invalid"}
"""How a refusal is counted, by its code; any other is a closed form."""


class Refused(Exception):
    """The answers have faults; ``answers`` holds them with what could be read."""

    def __init__(self, answers: Answers) -> None:
        super().__init__("the form has faults")
        self.answers = answers


def take(context: PublicContext, view: FormView, submitted: Submitted, token_hash: bytes | None = None) -> Accepted:
    """Check and store one submission; count how it went. The address is not looked at.

    The honeypot refuses nobody, since a browser's extension may have filled it: whatever fills it loses its proof of
    work, so its mail waits longer and nobody is registered at once.

    Args:
        context: of the routes.
        view: of the form.
        submitted: by the request.
        token_hash: of the confirmation link by which the owner of the address enters their answers.

    Raises:
        Refused: fields are wrong.
        DomainError: closed, or the key was used for something else.
        Unavailable: nothing is known to be stored; try again.
    """
    partner = view.partner(submitted.partner)
    language = language_of(submitted.beside, partner.language if partner else None)
    answers = validate(view.definition, submitted.answers, language)
    if not answers.ok:
        intake_requests_total.labels("invalid").inc()
        raise Refused(answers)
    envelope = Envelope(
        partner=partner.slug if partner else None,
        language=language,
        idempotency_key=submitted.key,
        digest=submitted.fingerprint,
        network=client_network(context),
        challenge=None if submitted.trapped else _challenge(context, view, submitted.beside.get("altcha")),
        token_hash=token_hash,
    )
    return _counted(context, view, answers, envelope, trapped=submitted.trapped)


def client_network(context: PublicContext) -> bytes | None:
    """Return what stands for the client network today; the network itself is kept nowhere."""
    address = client_address(request.environ, context.proxies)
    if address is None:
        return None
    return network_hash(context.intake.key, context.clock().date().isoformat(), str(address))


def _challenge(context: PublicContext, view: FormView, payload: object) -> bytes | None:
    """The challenge that was solved. A missing or wrong proof refuses nothing: it only lets the mail wait longer."""
    if not payload:
        proofs_of_work_total.labels("registration", "none").inc()
        return None
    try:
        challenge = check_proof(context.proof_keys, view.stored.slug, payload, context.clock())
    except ProofRefused as refused:
        proofs_of_work_total.labels("registration", refused.reason).inc()
        return None
    proofs_of_work_total.labels("registration", "solved").inc()
    return challenge


def _counted(
    context: PublicContext, view: FormView, answers: Answers, envelope: Envelope, *, trapped: bool
) -> Accepted:
    try:
        accepted = context.intake.submit(view, answers, envelope, context.clock())
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
    if accepted.repeated:
        idempotency_replays_total.labels("replay").inc()
    first = "trapped" if trapped else "accepted"
    intake_requests_total.labels("duplicate" if accepted.repeated else first).inc()
    return accepted


def as_json(accepted: Accepted, view: FormView, language: str) -> Response:
    """202 with the receipt, readable by the partners' pages. The same for everybody, whoever is registered."""
    message, following = submission_texts(language, view.stored.verification)
    content = {
        "receipt": accepted.receipt,
        "code": accepted.code,
        "status": "received",
        "message": message,
        "next": following,
    }
    response = jsonify(content)
    response.status_code = 202
    response.headers["Location"] = f"/v1/receipts/{quote(accepted.receipt)}"
    response.headers["Cache-Control"] = "no-store"
    return allow(response, view.origins)


def faults_as_json(refused: Refused, view: FormView) -> Response:
    """422 with every fault and a JSON pointer to its field."""
    errors = [
        {"pointer": fault.pointer, "code": fault.code, "message": fault.message} for fault in refused.answers.errors
    ]
    return allow(problem(422, "invalid", "Some answers need attention", errors=errors), view.origins)


def receipt_content(context: PublicContext, receipt: str) -> dict[str, Any]:
    """What the holder of a receipt may know.

    Raises:
        DomainError: ``not-found``: it is unknown, or more than eight days old.
    """
    found = context.intake.receipt(receipt)
    if found is None or isinstance(found.outcome, list):
        raise DomainError("not-found")
    status = found.outcome if found.state == "decided" else "received"
    return {
        "form": found.form,
        "code": found.code,
        "status": status,
        "received_at": found.received_at,
        "calendar_key": found.calendar_key,
    }
