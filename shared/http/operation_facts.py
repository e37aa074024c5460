"""What the decorators of operations say, in their OpenAPI document: who may call, conditional headers, what comes back.

Nothing here is written for one operation. The policy of a view gives security and roles; a documented 412 means that
``If-Match`` is read, 428 that a change needs it (trying one with ``dry_run`` may do without), 304 that
``If-None-Match`` is read.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flask import Flask

from shared.http.access import Policy, policy_of
from shared.http.problems import MEDIA_TYPE, ProblemSchema

Part = dict[str, Any]

KEY, PARTNER_KEY, LINK_TOKEN, SESSION = "key", "partnerKey", "linkToken", "session"
_PARAMETER = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
_CHANGES = ("post", "put", "patch", "delete")

SECURITY_SCHEMES: Mapping[str, Part] = {
    KEY: {
        "type": "http",
        "scheme": "bearer",
        "description": "The key of a person or a program. `x-roles` of an operation names the roles, of which one is "
        "enough; with `x-all-forms` the key must not be limited to some forms.",
    },
    PARTNER_KEY: {
        "type": "http",
        "scheme": "bearer",
        "description": "The key of a partner, which has the role `partner` and shows the numbers of that partner only.",
    },
    LINK_TOKEN: {
        "type": "http",
        "scheme": "bearer",
        "description": "The token of a person's own link (`/r/{token}`), for what that link opens.",
    },
}
"""Ways to authenticate, beside the session's cookie, whose name depends on the installation's address."""

HEADERS: Mapping[str, Part] = {
    "X-Correlation-Id": {
        "description": "Names this request in the logs",
        "schema": {"type": "string"},
        "example": "0f8fad5bd9cb469fa16570867728950e",
    },
    "ETag": {
        "description": "The state that was returned: value for `If-Match` in a change, `If-None-Match` in a request",
        "schema": {"type": "string"},
        "example": '"1"',
    },
    "Location": {
        "description": "Path of what was created, if it has one of its own",
        "schema": {"type": "string", "format": "uri-reference"},
        "example": "/v1/rooms/lake-hall",
    },
    "Retry-After": {
        "description": "Seconds to wait before the next attempt",
        "schema": {"type": "integer", "minimum": 1},
        "example": 5,
    },
    "Content-Disposition": {
        "description": "Name of the file",
        "schema": {"type": "string"},
        "example": 'attachment; filename="events.csv"',
    },
}

IF_MATCH: Part = {
    "name": "If-Match",
    "in": "header",
    "description": "The state that the change is based on: the ETag or the revision in quotes, or `*` for any state. "
    "412 if it has changed since, 428 if it is missing; a trial (`dry_run`) in the query may leave it out",
    "schema": {"type": "string", "minLength": 1},
}
IF_NONE_MATCH: Part = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of an earlier response; 304 if nothing has changed since",
    "schema": {"type": "string"},
}


def session_scheme(cookie: str) -> Part:
    """The session of the console as a way to authenticate; ``cookie`` is its name."""
    about = "The console's session. A change must come from a page of the same origin (CSRF protection)."
    return {"type": "apiKey", "in": "cookie", "name": cookie, "description": about}


def complete(document: Part, app: Flask, cookie: str) -> Part:
    """``document`` with ids, security, roles, headers and descriptions of every operation.

    Args:
        document: the document that flask-smorest made of ``app``.
        app: the application with the views.
        cookie: name of the session's cookie.

    Raises:
        ValueError: an operation states no policy.
    """
    views = dict(_views(app))
    components = document["components"]
    components["securitySchemes"] = {**SECURITY_SCHEMES, SESSION: session_scheme(cookie)}
    components["headers"] = {name: dict(header) for name, header in HEADERS.items()}
    for response in components.get("responses", {}).values():
        _add_headers(response, "X-Correlation-Id", "Retry-After")
    for path, item in document["paths"].items():
        has_revision = any("412" in _by_text(item[method]) for method in _CHANGES if method in item)
        for method, operation in _methods(item):
            _complete_operation(path, method, operation, views[method, path], is_versioned=has_revision)
    _drop_refused_defaults(document)
    return document


def _views(app: Flask) -> Iterator[tuple[tuple[str, str], Callable[..., Any]]]:
    """Each view by its method and path, as OpenAPI writes it."""
    for rule in app.url_map.iter_rules():
        for method in rule.methods or ():
            yield (method.lower(), _PARAMETER.sub(r"{\1}", rule.rule)), app.view_functions[rule.endpoint]


def _methods(item: Part) -> Iterator[tuple[str, Part]]:
    yield from ((name, part) for name, part in item.items() if isinstance(part, dict) and "responses" in part)


def _by_text(operation: Part) -> dict[str, Part]:
    """Responses by status; flask-smorest leaves some statuses as numbers, which is no OpenAPI."""
    operation["responses"] = {str(int(s)) if s != "default" else s: r for s, r in operation["responses"].items()}
    responses: dict[str, Part] = operation["responses"]
    return responses


def _complete_operation(
    path: str, method: str, operation: Part, view: Callable[..., Any], *, is_versioned: bool
) -> None:
    policy = policy_of(view)
    if policy is None:
        raise ValueError(f"{method} {path} does not state who may call it")
    responses = _by_text(operation)
    operation["operationId"] = _operation_id(method, path)
    operation["security"] = _security(policy)
    if policy.roles:
        operation["x-roles"] = sorted(policy.roles)
        operation["x-all-forms"] = policy.all_forms
        responses.setdefault("401", _problem("No key, or one that no one holds"))
        responses.setdefault("403", _problem("The key's roles or forms do not allow it"))
    _add_conditions(operation, responses)
    reads_state = "304" in responses or (is_versioned and method == "get")
    for status, response in responses.items():
        _describe(status, response, has_tag=reads_state or ("412" in responses and status != "204"))


def _operation_id(method: str, path: str) -> str:
    """Unique and stable: ``patch_registrations_by_registration_id``."""
    parts = [re.sub(r"\{(.+)\}", r"by_\1", part) for part in path.removeprefix("/v1/").strip("/").split("/")]
    return re.sub(r"\W+", "_", "_".join([method, *parts]))


def _security(policy: Policy) -> list[dict[str, list[str]]]:
    """The alternatives, of which one is enough; an empty one means that none is needed."""
    if policy.kind == "public":
        return [{}, {KEY: []}, {SESSION: []}] if policy.or_key else []
    if policy.kind == "link":
        return [{LINK_TOKEN: []}, {}]
    ways = [KEY] if policy.roles - {"partner"} else []
    ways += [PARTNER_KEY] if "partner" in policy.roles else []
    ways += [SESSION] + ([LINK_TOKEN] if policy.or_link else [])
    return [{way: []} for way in ways]


def _add_conditions(operation: Part, responses: Part) -> None:
    parameters = operation.setdefault("parameters", [])
    if "412" in responses:
        can_be_tried = any(parameter.get("name") == "dry_run" for parameter in parameters)
        parameters.append(IF_MATCH | {"required": "428" in responses and not can_be_tried})
    if "304" in responses:
        parameters.append(IF_NONE_MATCH | {"required": False})
    if not parameters:
        del operation["parameters"]


def _describe(status: str, response: Part, *, has_tag: bool) -> None:
    """Add a description and headers to a response; one that refers to a component has them already."""
    if "$ref" in response:
        return
    response.setdefault("description", "Stored" if status == "202" else "Done")
    is_done = status.startswith("2")
    _add_headers(response, "X-Correlation-Id")
    if (is_done or status == "304") and has_tag:
        _add_headers(response, "ETag")
    if status in ("201", "202"):
        _add_headers(response, "Location")
    if status in ("429", "503"):
        _add_headers(response, "Retry-After")
    if is_done and "text/csv" in response.get("content", {}):
        _add_headers(response, "Content-Disposition")


def _add_headers(response: Part, *names: str) -> None:
    known = response.setdefault("headers", {})
    for name in names:
        known.setdefault(name, {"$ref": f"#/components/headers/{name}"})


def _problem(description: str) -> Part:
    reference = {"$ref": f"#/components/schemas/{ProblemSchema.__name__.removesuffix('Schema')}"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": reference}}}


def _drop_refused_defaults(part: Any) -> None:
    """Remove defaults that are none of the values allowed: such an empty text stands for a parameter that is absent."""
    if isinstance(part, dict):
        if "default" in part and "enum" in part and part["default"] not in part["enum"]:
            del part["default"]
        if part.get("default") == "" and "pattern" in part and not re.search(part["pattern"], ""):
            del part["default"]
        for inner in part.values():
            _drop_refused_defaults(inner)
    elif isinstance(part, list):
        for inner in part:
            _drop_refused_defaults(inner)
