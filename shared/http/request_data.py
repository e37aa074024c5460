"""Request data: bodies, query parameters, idempotency keys, and flask-smorest's blueprint that reads them strictly.

A misspelt filter must never be ignored: the caller would be given everything, and act on it. So unknown fields and
unknown query parameters are refused; bodies have a bounded depth. werkzeug parses form bodies; the values of an
urlencoded one are counted here, because werkzeug limits the parts of multipart bodies alone.

``Idempotency-Key`` follows IETF draft-ietf-httpapi-idempotency-key-header: the same key, the same answer. Here it is
read and checked. The statement that stores a request stores its key too, so neither exists without the other, and a
killed process leaves nothing behind that would have to expire.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import cache, lru_cache
from itertools import islice
from typing import Any, Self

import flask_smorest
import marshmallow as ma
import orjson
from flask import Flask, Request, Response, current_app, request
from marshmallow import Schema
from webargs.core import missing
from webargs.flaskparser import FlaskParser, is_json_request
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.http import parse_accept_header

from shared.http.access import policy_of
from shared.http.problems import problem
from shared.runtime.clock import parse_rfc3339
from shared.runtime.errors import unknown_parameter_advice

_UNSTORABLE = re.compile(r"[\ud800-\udfff]|\n\Z")
"""What the pattern of the field accepts."""


def reason_field(description: str) -> ma.fields.String:
    """Return a required field for a line of 10 to 500 characters.

    Lone surrogates are refused but not in the documented pattern: many readers of patterns refuse one that names them.
    """
    return ma.fields.String(
        required=True,
        validate=[ma.validate.Length(min=10, max=500), ma.validate.Regexp(r"^[^\x00-\x1f\x7f]*$"), _is_storable],
        metadata={"description": description},
    )


def _is_storable(text: str) -> None:
    if _UNSTORABLE.search(text):
        raise ma.ValidationError("Only printable characters, in one line.")


HEADER = "Idempotency-Key"
_SHAPE = re.compile(r"[\x21-\x7e]{8,200}")


def idempotency_key() -> str:
    """The key of the request, without the quotes some clients send; empty if there is none.

    Raises:
        BadRequest: present but not 8 to 200 visible ASCII characters.
    """
    return checked_key(request.headers.get(HEADER, "").strip().strip('"'))


def checked_key(key: str) -> str:
    """``key`` if it has the shape of one, or is empty.

    Raises:
        BadRequest: it has not.
    """
    if key and not _SHAPE.fullmatch(key):
        raise BadRequest("Idempotency-Key: 8 to 200 visible characters are required")
    return key


def fingerprint(scope: str, content: Mapping[str, Any]) -> bytes:
    """SHA-256 of a request's content, independent of the order of its fields, 32 bytes."""
    try:
        canonical = orjson.dumps([scope, content], default=str, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # halves of characters and huge numbers, which orjson does not write; the form refuses them later
        canonical = json.dumps([scope, content], sort_keys=True, default=str).encode()
    return hashlib.sha256(canonical).digest()


JSON_TYPE = "application/json"
MAX_DEPTH = 7
"""Maximum nesting of arrays and objects; a draft of a form needs all of it."""
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
"""No path and no redirect target has one: a line feed would end a header (CWE-113)."""

MAX_FIELDS = 100
"""Maximum number of names in an object, and of values in a form, except where people fill in forms."""
MAX_FORM_VALUES = 1000
"""Maximum number of values of a filled form: without a script each choice that is ticked and each question without an
answer is one."""
FORM_TYPE = "application/x-www-form-urlencoded"
FORM_TYPES = (FORM_TYPE, "multipart/form-data")


class _TooManyFields(Exception):
    """An object has more fields than any schema."""


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
    """Parse ``body``.

    Raises:
        BadRequest: it is no JSON (``NaN`` and the like are none), or a name occurs twice in one object: another parser
            might choose the other of the two. Or it is nested deeper than anything that we ask for: code that walks
            through it later then needs no separate limit.
        RequestEntityTooLarge: an object has more than ``MAX_FIELDS`` names.
    """
    try:
        content = _DECODER.decode(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    except _TooManyFields:
        raise RequestEntityTooLarge from None
    if _is_deeper(content, MAX_DEPTH):
        raise BadRequest("the body is nested too deep")
    return content


def _is_deeper(content: Any, most: int) -> bool:
    """Return whether more than ``most`` containers are nested. Descends no further than that."""
    if not isinstance(content, dict | list):
        return False
    inside = content.values() if isinstance(content, dict) else content
    return most == 0 or any(_is_deeper(value, most - 1) for value in inside)


def wants_page() -> bool:
    """Whether the sender likes a page at least as well as JSON."""
    return _likes_pages(request.headers.get("Accept", ""))


@lru_cache(maxsize=512)
def _likes_pages(accept: str) -> bool:
    """Browsers send one of few long headers, and taking one apart is an eighth of the work on a form (measured)."""
    return parse_accept_header(accept, MIMEAccept).best_match(["text/html", JSON_TYPE]) == "text/html"


def refuse_many_fields(most: int) -> None:
    """For a plain form, before it is taken apart.

    Raises:
        RequestEntityTooLarge: it has more than ``most`` values, or the body is too long.
    """
    request.max_form_parts = most
    is_form = request.environ.get("CONTENT_TYPE", "").lower().startswith(FORM_TYPE)
    if is_form and request.get_data(cache=True).count(b"&") >= most:
        raise RequestEntityTooLarge


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_FIELDS:
        raise _TooManyFields
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a name occurs twice")
    return content


def _refuse(name: str) -> None:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_object)


MAX_FAULTS = 10
"""Number of unknown parameters that an error lists; a request line can contain a thousand."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def refuse_unknown_parameters(app: Flask) -> None:
    """Answer 422 where a request has a query parameter that its operation does not declare, or one of them twice.

    Register it after the guard, so that only callers who may call an operation see its parameters. Pages are exempt
    (links to them carry what other sites append), and so are the operations that take a form from a partner's page.
    """

    @app.before_request
    def check_parameters() -> Response | None:
        if not request.args or request.endpoint is None:
            return None
        view = current_app.view_functions[request.endpoint]
        known = known_parameters(view)
        if known is None or _takes_forms(view):
            return None
        errors = list(islice(_faults(known), MAX_FAULTS))
        return problem(422, "invalid", "Unprocessable Entity", errors=errors) if errors else None


@cache
def known_parameters(view: Callable[..., Any]) -> tuple[str, ...] | None:
    """Names of the query parameters that ``view`` declares; None if it is not an operation of the interface.

    One that ends with a dot is a prefix of names (``beginnings`` of a schema); the view itself reads these.
    """
    operation = getattr(view, "_apidoc", None)
    if operation is None:
        return None
    declared = operation.get("arguments", {}).get("parameters", [])
    schemas = [parameter["schema"] for parameter in declared if parameter["in"] == "query" and "schema" in parameter]
    return tuple(name for schema in schemas for name in (*_names(schema), *getattr(schema, "beginnings", ())))


def _names(schema: ma.Schema | type[ma.Schema]) -> Iterator[str]:
    made = schema() if isinstance(schema, type) else schema
    for name, field in made.load_fields.items():
        yield field.data_key or name


def _takes_forms(view: Callable[..., Any]) -> bool:
    policy = policy_of(view)
    return request.method not in ("GET", "HEAD") and policy is not None and policy.kind == "public"


def _faults(known: tuple[str, ...]) -> Iterator[dict[str, str]]:
    beginnings = tuple(name for name in known if name.endswith("."))
    for name, values in request.args.lists():
        if name not in known and not name.startswith(beginnings):
            yield _fault(name, "unknown-parameter", unknown_parameter_advice(name, known))
        elif len(values) > 1:
            yield _fault(name, "repeated-parameter", "Given more than once")


def _fault(name: str, code: str, message: str) -> dict[str, str]:
    return {"pointer": f"/{name.replace('~', '~0').replace('/', '~1')}", "code": code, "message": message}


class DayOrInstant(ma.fields.String):
    """A plain date (``2026-05-11``, a ``date``) or an RFC 3339 instant with an offset (an aware ``datetime``)."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return date.fromisoformat(text) if _DATE.fullmatch(text) else parse_rfc3339(text)
        except ValueError:
            raise ma.ValidationError(
                "Neither a date (2026-05-11) nor an instant with an offset (2026-05-11T09:00:00Z)"
            ) from None


_AnySchema = type[Schema] | Schema | None


class _BodyParser(FlaskParser):
    def _raw_load_json(self, req: Request) -> Any:
        body = req.get_data(cache=True)
        if not body and _requires_body(current_app.view_functions[req.endpoint or ""]):
            raise ma.ValidationError("A JSON object is required.")
        if not body:
            return missing
        if not is_json_request(req):
            raise UnsupportedMediaType("the body must be application/json")
        return read_json(body)


@cache
def _requires_body(view: Callable[..., Any]) -> bool:
    """Whether the document says that the body of ``view`` is required; without one, a change would change nothing."""
    declared = getattr(view, "_apidoc", {}).get("arguments", {}).get("parameters", [])
    return any(argument["in"] == "json" and argument["required"] for argument in declared)


class _Documentation(dict[str, Any]):
    """What decorators declare about an operation. A deep copy shares the schemas, which no one changes.

    flask-smorest copies it for each decorator and each application, and `copy.deepcopy` would copy every field of every
    schema with it: most of the time in which a process builds its application.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return type(self)(_copied(dict(self)))


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(item) for name, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


@cache
def _instance(schema: type[Schema]) -> Schema:
    return schema()


def _shared(schema: Any) -> Any:
    """One instance of a schema's class for all operations that name the class."""
    return _instance(schema) if isinstance(schema, type) else schema


def _documented(decorate: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorated(view: Any) -> Any:
        view._apidoc = _Documentation(getattr(view, "_apidoc", {}))
        return decorate(view)

    return decorated


class Blueprint(flask_smorest.Blueprint):
    """Operations that the service's OpenAPI document lists."""

    ARGUMENTS_PARSER = _BodyParser()

    def arguments(self, schema: _AnySchema, **options: Any) -> Callable[[Any], Any]:
        return _documented(super().arguments(_shared(schema), **options))

    def response(
        self, status_code: int, schema: _AnySchema | dict[str, Any] = None, **options: Any
    ) -> Callable[[Any], Any]:
        return _documented(super().response(status_code, _shared(schema), **options))

    def alt_response(
        self, status_code: int, *, schema: _AnySchema | dict[str, Any] = None, **options: Any
    ) -> Callable[[Any], Any]:
        return _documented(super().alt_response(status_code, schema=_shared(schema), **options))

    def doc(self, **options: Any) -> Callable[[Any], Any]:
        return _documented(super().doc(**options))
