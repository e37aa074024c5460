"""Bodies are read strictly and to a bounded depth, by programs' operations and by the public forms alike."""

from typing import Any

import pytest
from flask import Flask
from flask_smorest import Api
from marshmallow import Schema, fields
from werkzeug.exceptions import BadRequest

from shared.web.bodies import MOST_DEPTH, read_json
from shared.web.operations import Blueprint


def nested(depth: int) -> bytes:
    """So many arrays and objects in each other, in turn."""
    return b'{"a":[' * (depth // 2) + b"{}" * (depth % 2) + b"]}" * (depth // 2)


@pytest.mark.parametrize("depth", range(1, MOST_DEPTH + 1))
def test_body_within_the_bound_is_read(depth: int) -> None:
    assert read_json(nested(depth)) is not None


@pytest.mark.parametrize("depth", [MOST_DEPTH + 1, 100, 254, 255, 990, 992, 994, 20_000])
def test_deeper_body_is_refused_as_malformed(depth: int) -> None:
    with pytest.raises(BadRequest):
        read_json(nested(depth))


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": NaN}', b'{"a": Infinity}', b"\xff", b'{"a": 1} x'])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_json(body)


@pytest.fixture
def operations() -> Flask:
    """An application with one operation that takes anything below ``a``."""
    app = Flask("test")
    app.config.update(API_TITLE="test", API_VERSION="v1", OPENAPI_VERSION="3.1.0")
    blueprint = Blueprint("test", "test")

    @blueprint.route("/", methods=["POST"])
    @blueprint.arguments(Schema.from_dict({"a": fields.Raw(required=True)}))
    @blueprint.response(200)
    def take(content: dict[str, Any]) -> dict[str, Any]:
        return content

    Api(app).register_blueprint(blueprint)
    return app


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b'{"a": [1]}', "application/json", 200),
        (nested(980), "application/json", 400),
        (b'{"a": ' + b"[" * 60_000, "application/json", 400),
        (b'{"a": NaN}', "application/json", 400),
        (b"", "application/json", 422),
        (b'{"a": 1}', "text/plain", 422),
    ],
)
def test_operation_reads_its_body_so_too(operations: Flask, body: bytes, media_type: str, status: int) -> None:
    assert operations.test_client().post("/", data=body, content_type=media_type).status_code == status
