"""Challenges of the proof of work, in the shape of the ALTCHA protocol."""

from typing import Any

from flask import Response, jsonify

from services.registration.public.context import PublicContext, counted_look_up
from services.registration.public.cross_origin import allow, preflight, with_preflight
from services.registration.public.schemas import ChallengeQuery
from shared.core.metrics import challenges_total
from shared.public_forms.proof_of_work import new_challenge
from shared.public_forms.work_asked import TRIES
from shared.web.access import public
from shared.web.challenges import ChallengeSchema
from shared.web.limits import limited
from shared.web.operations import Blueprint
from shared.web.problems import ProblemSchema


def challenge_path(slug: str) -> str:
    """Where the form called ``slug`` gives out challenges."""
    return f"/v1/challenge?form={slug}"


def challenge_blueprint(context: PublicContext) -> Any:
    """``/v1/challenge``."""
    blueprint = Blueprint("challenge", __name__, url_prefix="/v1/challenge", description="Proof of work")

    @blueprint.route("", methods=["GET"])
    @blueprint.arguments(ChallengeQuery, location="query")
    @blueprint.response(200, ChallengeSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(429, schema=ProblemSchema)
    @public
    @limited("challenge")
    @with_preflight
    def challenge(query: dict[str, str]) -> Response:
        """A task for one submission (ALTCHA). Its solution can be used once; the mail is sent sooner when many wait."""
        with counted_look_up():
            view = context.form_view(query["form"])
        made = new_challenge(context.proof_keys, view.stored.slug, view.solved_lately, context.clock())
        challenges_total.labels("registration", str(made["parameters"]["data"]["tries"] // TRIES)).inc()
        response = jsonify(made)
        response.headers["Cache-Control"] = "no-store"
        return allow(response, view.origins)

    @blueprint.route("", methods=["OPTIONS"])
    @blueprint.arguments(ChallengeQuery, location="query")
    @blueprint.doc(summary="May another origin read challenges of this form?")
    @blueprint.response(204)
    @public
    def ask_for_challenges(query: dict[str, str]) -> Response:
        return preflight(context.form_view(query["form"]).origins, "GET")

    return blueprint
