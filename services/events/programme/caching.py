"""Public answers may be kept for a minute by anybody, and are not sent again while they are the same."""

from flask import Response

from shared.web.entity_tags import conditional

MAX_AGE_S = 60


def cacheable(response: Response) -> Response:
    """``response`` with its tag, or 304 if the client has it."""
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE_S}"
    return conditional(response)
