"""Submitting a form, for programs and for plain forms: honeypot, proof of work, and the receipt.

CORS for a partner's own pages allows exactly the origins of the form's partners, never credentials, never ``*``.
"""

import re
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from flask import Response, jsonify, request

from services.registration.embed.strings import submission_texts
from services.registration.intake.form_view import FormView
from services.registration.intake.service import Accepted, Envelope, network_hash
from services.registration.public.context import PublicContext
from services.registration.public.submitted import SubmittedForm, language_of
from services.registration.telemetry import idempotency_replays_total, intake_requests_total, proofs_of_work_total
from shared.http.problems import problem
from shared.public_forms.proof_of_work import ProofRefused, check_proof
from shared.public_forms.validation import Answers, validate
from shared.runtime.deployment import FIRST, client_address, networks_around
from shared.runtime.errors import DomainError, Overloaded, Unavailable
from shared.runtime.metrics import requests_refused_total

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


View = TypeVar("View", bound=Callable[..., Any])

OF_A_FORM = re.compile(r"/v1/forms/([^/]+)(?:/submissions|/schema)?")

PREFLIGHT_KEPT_S = 600
ALLOWED_HEADERS = "Content-Type, Idempotency-Key"
SHOWN_HEADERS = "Retry-After, X-Correlation-Id"


def allow(response: Response, origins: tuple[str, ...]) -> Response:
    """Allow the request's origin to read ``response`` if it is exactly one of ``origins``."""
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin is not None and origin in origins:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = SHOWN_HEADERS
    return response


def with_preflight(view: View) -> View:
    """Leave ``OPTIONS`` of this route to the view that calls :func:`preflight`; Flask would answer it by itself."""
    view.provide_automatic_options = False  # type: ignore[attr-defined]  # read by Flask
    return view


def preflight(origins: tuple[str, ...], methods: str) -> Response:
    """The response to a CORS preflight request."""
    response = allow(Response(status=204), origins)
    if "Access-Control-Allow-Origin" in response.headers:
        response.headers["Access-Control-Allow-Methods"] = methods
        response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_KEPT_S)
    return response


def opened(
    inner: "WSGIApplication", remembered: Callable[[str], Collection[str]], known: Callable[[str], Collection[str]]
) -> "WSGIApplication":
    """Wrap ``inner``: responses from outside of the views of forms become readable for the same origins.

    Without that a partner's own form would get a network error in place of the problem and its ``Retry-After``.

    Args:
        inner: an application, with its admission control (:mod:`shared.http.admission`).
        remembered: a function that returns the cached origins that may use a form, without a query: for times of
            overload.
        known: a function that returns the same, with a query if necessary.
    """

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        origin: str = environ.get("HTTP_ORIGIN", "")
        form = OF_A_FORM.fullmatch(environ["PATH_INFO"]) if origin else None
        if form is None:
            return inner(environ, start_response)
        slug = form[1]

        def start(status: str, headers: list[tuple[str, str]], *failure: Any) -> Callable[[bytes], object]:
            if not any(name.lower() == "vary" and "origin" in value.lower() for name, value in headers):
                ask = remembered if status.startswith(("5", "408")) else known
                headers = [*headers, ("Vary", "Origin")]
                if origin in ask(slug):
                    shown = ("Access-Control-Expose-Headers", SHOWN_HEADERS)
                    headers += [("Access-Control-Allow-Origin", origin), shown]
            return start_response(status, headers, *failure)

        return inner(environ, start)

    return answer


def challenge_path(slug: str) -> str:
    """Path of the challenges for the form ``slug``."""
    return f"/v1/challenge?form={slug}"


REFUSALS = {"idempotency-mismatch": "invalid"}
"""How a refusal is counted, by its code; any other is a closed form."""


class SubmissionRefused(Exception):
    """The answers have faults; ``answers`` holds them with what could be read."""

    def __init__(self, answers: Answers) -> None:
        super().__init__("the form has faults")
        self.answers = answers


def take(context: PublicContext, view: FormView, submitted: SubmittedForm, token_hash: bytes | None = None) -> Accepted:
    """Check and store one submission; count its outcome. The address is not looked up in the database.

    The honeypot refuses no one, since a browser's extension may have filled it: a submission that fills it loses its
    proof of work, so its mail waits longer and no one is registered at once.

    Args:
        context: the dependencies of the public routes.
        view: the form.
        submitted: the form as the request has submitted it.
        token_hash: the hash of the confirmation link by which the owner of the address enters their answers; None
            without.

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
        raise SubmissionRefused(answers)
    envelope = Envelope(
        partner=partner.slug if partner else None,
        language=language,
        idempotency_key=submitted.key,
        digest=submitted.fingerprint,
        network=client_network(context),
        challenge=None if submitted.fills_honeypot else _challenge(context, view, submitted.beside.get("altcha")),
        token_hash=token_hash,
    )
    return _counted(context, view, answers, envelope, honeypot_filled=submitted.fills_honeypot)


def client_network(context: PublicContext) -> bytes | None:
    """Return today's keyed hash of the client network; the network itself is not stored.

    Of IPv6 it is the /48 prefix, since one customer may have all of it: mails and candidates are shared out by it.
    """
    address = client_address(request.environ, context.proxies)
    if address is None:
        return None
    return network_hash(context.intake.key, context.clock().date().isoformat(), networks_around(address)[-1])


def _challenge(context: PublicContext, view: FormView, payload: object) -> bytes | None:
    """The challenge that was solved. A missing or wrong proof causes no refusal; the mail only waits longer."""
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
    context: PublicContext, view: FormView, answers: Answers, envelope: Envelope, *, honeypot_filled: bool
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
    first = "trapped" if honeypot_filled else "accepted"
    intake_requests_total.labels("duplicate" if accepted.repeated else first).inc()
    return accepted


def as_json(accepted: Accepted, view: FormView, language: str) -> Response:
    """202 with the receipt, readable by the partners' pages. It is the same for everyone, registered or not."""
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


def faults_as_json(refused: SubmissionRefused, view: FormView) -> Response:
    """422 with every fault and a JSON pointer to its field."""
    errors = [
        {"pointer": fault.pointer, "code": fault.code, "message": fault.message} for fault in refused.answers.errors
    ]
    return allow(problem(422, "invalid", "Some answers need attention", errors=errors), view.origins)


def receipt_content(context: PublicContext, receipt: str) -> dict[str, Any]:
    """The content of a receipt for its holder.

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
