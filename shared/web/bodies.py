"""Reads what a form's submission holds, and what its sender wants back: a program JSON, a browser a page."""

import json
from typing import Any

from flask import request
from werkzeug.exceptions import BadRequest

JSON_TYPE = "application/json"
MOST_DEPTH = 5
"""So many arrays and objects may stand in each other; what we ask for needs four."""


def json_object() -> dict[str, Any]:
    """The request's body.

    Raises:
        BadRequest: as :func:`read_json`, or it is no object.
    """
    content = read_json(request.get_data())
    if not isinstance(content, dict):
        raise BadRequest("a JSON object is required")
    return content


def read_json(body: bytes) -> Any:
    """What ``body`` says.

    Raises:
        BadRequest: it is no JSON (``NaN`` and the like are none), or nested deeper than anything that we ask for:
            what walks through it later may then do so without a bound of its own.
    """
    try:
        content = _DECODER.decode(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    if _is_deeper(content, MOST_DEPTH):
        raise BadRequest("the body is nested too deep")
    return content


def _is_deeper(content: Any, most: int) -> bool:
    """Whether more than ``most`` containers stand in each other. Goes down no further than that."""
    if not isinstance(content, dict | list):
        return False
    inside = content.values() if isinstance(content, dict) else content
    return most == 0 or any(_is_deeper(each, most - 1) for each in inside)


def wants_page() -> bool:
    """Whether the sender likes a page at least as well as JSON."""
    return request.accept_mimetypes.best_match(["text/html", JSON_TYPE]) == "text/html"


def _refuse(name: str) -> None:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_refuse)
