"""flask-smorest's blueprint, with bodies read as everywhere else: strictly, and to a bounded depth."""

from typing import Any

import flask_smorest
import marshmallow as ma
from flask import Request
from webargs.core import missing
from webargs.flaskparser import FlaskParser, is_json_request
from werkzeug.exceptions import UnsupportedMediaType

from shared.web.bodies import read_json


class _BodyParser(FlaskParser):
    def _raw_load_json(self, req: Request) -> Any:
        body = req.get_data(cache=True)
        if not body:
            return missing
        if not is_json_request(req):
            raise UnsupportedMediaType("the body is read as application/json alone")
        return read_json(body)


class Blueprint(flask_smorest.Blueprint):
    """Operations that stand in the service's OpenAPI document."""

    ARGUMENTS_PARSER = _BodyParser()


class TrueOrFalse(ma.fields.Boolean):
    """``true`` or ``false`` and nothing that stands for it: for Python 0 is False too."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value
