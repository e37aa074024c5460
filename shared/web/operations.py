"""flask-smorest's blueprint, with bodies read as everywhere else: strictly, and to a bounded depth."""

from collections.abc import Callable
from functools import cache
from typing import Any, Self

import flask_smorest
from flask import Request
from marshmallow import Schema
from webargs.core import missing
from webargs.flaskparser import FlaskParser, is_json_request
from werkzeug.exceptions import UnsupportedMediaType

from shared.web.bodies import read_json

_AnySchema = type[Schema] | Schema | None


class _BodyParser(FlaskParser):
    def _raw_load_json(self, req: Request) -> Any:
        body = req.get_data(cache=True)
        if not body:
            return missing
        if not is_json_request(req):
            raise UnsupportedMediaType("the body is read as application/json alone")
        return read_json(body)


class _Documentation(dict[str, Any]):
    """What decorators say of an operation. A deep copy shares the schemas, which no one changes.

    flask-smorest copies it for each decorator and each application, and `copy.deepcopy` would copy every field of every
    schema with it: most of the time in which a process builds its application.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return type(self)(_copied(dict(self)))


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(each) for name, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value


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
    """Operations that stand in the service's OpenAPI document."""

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
