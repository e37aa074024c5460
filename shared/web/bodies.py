"""Reads what a form's submission holds, and what its sender wants back: a program JSON, a browser a page."""

import json
from typing import Any

from flask import request
from werkzeug.exceptions import BadRequest

JSON_TYPE = "application/json"


def json_object() -> dict[str, Any]:
    """The request's body.

    Raises:
        BadRequest: it is no JSON (``NaN`` and the like are none), or no object.
    """
    try:
        content = _DECODER.decode(request.get_data().decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    if not isinstance(content, dict):
        raise BadRequest("a JSON object is required")
    return content


def wants_page() -> bool:
    """Whether the sender likes a page at least as well as JSON."""
    return request.accept_mimetypes.best_match(["text/html", JSON_TYPE]) == "text/html"


def _refuse(name: str) -> None:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_refuse)
