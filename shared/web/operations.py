"""flask-smorest's blueprint, with bodies read as everywhere else: strictly, and to a bounded depth."""

from typing import Any

import flask_smorest
from flask import Request
from webargs.core import missing
from webargs.flaskparser import FlaskParser, is_json_request

from shared.web.bodies import read_json


class _BodyParser(FlaskParser):
    def _raw_load_json(self, req: Request) -> Any:
        body = req.get_data(cache=True)
        return read_json(body) if body and is_json_request(req) else missing


class Blueprint(flask_smorest.Blueprint):
    """Operations that stand in the service's OpenAPI document."""

    ARGUMENTS_PARSER = _BodyParser()
