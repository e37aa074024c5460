"""Reads what a form's submission holds, and what its sender wants back: a program JSON, a browser a page."""

import json
import re
from functools import lru_cache
from typing import Any

from flask import request
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.http import parse_accept_header

JSON_TYPE = "application/json"
MOST_DEPTH = 7
"""So many arrays and objects may stand in each other; a draft of a form needs them all."""
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
"""No path and no redirect target has one: a line feed would end a header (CWE-113)."""

MOST_FIELDS = 100
"""So many names may stand in one object, and so many values in a form: the longest of ours has thirty."""
FORM_TYPE = "application/x-www-form-urlencoded"
FORM_TYPES = (FORM_TYPE, "multipart/form-data")


class _TooManyFields(Exception):
    """An object holds more than anybody asks for."""


def require_form() -> None:
    """Refuse what no HTML form sends, where the answer is a page filled with what was sent.

    Raises:
        UnsupportedMediaType: the body is not form-encoded.
    """
    if request.mimetype not in FORM_TYPES:
        raise UnsupportedMediaType("a form is required")


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
        BadRequest: it is no JSON (``NaN`` and the like are none), or a name stands twice in one object: which of the
            two counts, others might read otherwise than we. Or it is nested deeper than anything that we ask for: what
            walks through it later may then do so without a bound of its own.
        RequestEntityTooLarge: an object has more than ``MOST_FIELDS`` names.
    """
    try:
        content = _DECODER.decode(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    except _TooManyFields:
        raise RequestEntityTooLarge from None
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
    return _likes_pages(request.headers.get("Accept", ""))


@lru_cache(maxsize=512)
def _likes_pages(accept: str) -> bool:
    """Browsers send one of few long headers, and taking one apart is an eighth of the work on a form (measured)."""
    return parse_accept_header(accept, MIMEAccept).best_match(["text/html", JSON_TYPE]) == "text/html"


def refuse_many_fields() -> None:
    """For a plain form, before it is taken apart.

    Raises:
        RequestEntityTooLarge: it has more than ``MOST_FIELDS`` values, or the body is too long.
    """
    is_form = request.environ.get("CONTENT_TYPE", "").lower().startswith(FORM_TYPE)
    if is_form and request.get_data(cache=True).count(b"&") >= MOST_FIELDS:
        raise RequestEntityTooLarge


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MOST_FIELDS:
        raise _TooManyFields
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a name stands twice")
    return content


def _refuse(name: str) -> None:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_object)
