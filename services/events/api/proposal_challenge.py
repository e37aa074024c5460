"""Challenges for the proposal form where it asks for a proof of work, and what came of the work."""

from typing import Any

from flask import Response, jsonify

from services.events.domain.proof import Proof
from services.events.usecases.side_tools import SideTools
from services.events.usecases.submit_proposal import count_solved
from shared.core.errors import DomainError
from shared.core.metrics import challenges_total, proofs_of_work_total
from shared.public_forms.proof_of_work import ProofRefused, check_proof, new_challenge
from shared.public_forms.proposal import proposal_slug
from shared.public_forms.work_asked import TRIES
from shared.web.access import public
from shared.web.challenges import ChallengeSchema
from shared.web.limits import limited
from shared.web.problems import ProblemSchema

CHALLENGE_PATH = "/v1/proposals/challenge"
SERVICE = "events"


def challenge_path(tools: SideTools) -> str:
    """Where the form gives out challenges; empty where it asks for no proof of work."""
    return CHALLENGE_PATH if tools.proof_keys else ""


def add_challenges(blueprint: Any, tools: SideTools) -> None:
    """``/v1/proposals/challenge``."""

    @blueprint.get("/challenge")
    @blueprint.response(200, ChallengeSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(429, schema=ProblemSchema)
    @public
    @limited("challenge")
    def challenge() -> Response:
        """A task for one proposal, where the form asks for a proof of work (ALTCHA); its solution is used once."""
        if tools.proof_keys is None:
            raise DomainError("not-found", "this form asks for no proof of work")
        form, now = proposal_slug(), tools.clock()
        made = new_challenge(tools.proof_keys, form, count_solved(tools.work, form, now), now)
        challenges_total.labels(SERVICE, str(made["parameters"]["data"]["tries"] // TRIES)).inc()
        response = jsonify(made)
        response.headers["Cache-Control"] = "no-store"
        return response


def proof_in(tools: SideTools, payload: object) -> Proof | None:
    """What came of the work; None if the form asks for none. A repetition is answered before it is looked at."""
    if tools.proof_keys is None:
        return None
    try:
        found = check_proof(tools.proof_keys, proposal_slug(), payload, tools.clock()) if payload else None
        proof = Proof(found)
    except ProofRefused as refused:
        proof = Proof(refusal=refused.reason)
    proofs_of_work_total.labels(SERVICE, proof.refusal or ("solved" if proof.challenge else "none")).inc()
    return proof
