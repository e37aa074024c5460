"""Bodies are parsed strictly and to a bounded depth, for API operations and for public forms."""

import json
from typing import Any

import pytest
from flask import Flask, request
from flask_smorest import Api
from marshmallow import Schema, fields
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from deploy.specs import applications
from services.registration.web import FILLED_FORMS
from shared.db.quarantine import QuarantineWatch
from shared.http.app import MAX_BODY_BYTES, measure
from shared.http.request_data import FORM_TYPES, MAX_DEPTH, MAX_FIELDS, Blueprint, read_json


def nested(depth: int) -> bytes:
    """So many arrays and objects nested alternately."""
    return b'{"a":[' * (depth // 2) + b"{}" * (depth % 2) + b"]}" * (depth // 2)


@pytest.mark.parametrize("depth", range(1, MAX_DEPTH + 1))
def test_body_within_the_bound_is_read(depth: int) -> None:
    assert read_json(nested(depth)) is not None


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 100, 254, 255, 990, 992, 994, 20_000])
def test_deeper_body_is_refused_as_malformed(depth: int) -> None:
    with pytest.raises(BadRequest):
        read_json(nested(depth))


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": NaN}', b'{"a": Infinity}', b"\xff", b'{"a": 1} x'])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_json(body)


@pytest.mark.parametrize("body", [b'{"a": 1, "a": 1}', b'[{"b": {"a": 1, "c": 2, "a": 3}}]', b'{"a": 1, "\\u0061": 2}'])
def test_duplicate_name_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_json(body)


def test_object_has_a_hundred_names_and_no_more() -> None:
    within, beyond = (
        json.dumps({f"n{number}": 1 for number in range(count)}) for count in (MAX_FIELDS, MAX_FIELDS + 1)
    )
    assert len(read_json(within.encode())) == MAX_FIELDS
    for body in (beyond, f'[{{"a": {beyond}}}]'):
        with pytest.raises(RequestEntityTooLarge):
            read_json(body.encode())


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", "multipart/form-data"])
@pytest.mark.parametrize(("count", "status"), [(MAX_FIELDS, 200), (MAX_FIELDS + 1, 413)])
def test_form_has_a_hundred_values_and_no_more(media_type: str, count: int, status: int) -> None:
    app = Flask("test")
    app.config.update(MAX_CONTENT_LENGTH=64 * 1024, MAX_FORM_PARTS=MAX_FIELDS)
    measure(app, "test")
    app.add_url_rule("/", view_func=lambda: str(len(request.form)), methods=["POST"])
    data = {f"n{number}": "1" for number in range(count)}
    answer = app.test_client().post("/", data=data, content_type=media_type)
    assert (answer.status_code, answer.get_data() if status == 200 else b"") == (
        status,
        b"100" if status == 200 else b"",
    )


FILLED = "/v1/forms/a-form/submissions"


@pytest.mark.parametrize("media_type", FORM_TYPES)
@pytest.mark.parametrize(
    ("path", "count", "length", "status"),
    [
        (FILLED, 1000, 1, 200),
        (FILLED, 1001, 1, 413),
        (FILLED, 2, 70_000, 200),
        (FILLED, 2, 132_000, 413),
        ("/v1/elsewhere", 101, 1, 413),
        ("/v1/elsewhere", 1, 70_000, 413),
    ],
)
def test_filled_form_has_a_thousand_values_and_256_kib_and_no_more(
    media_type: str, path: str, count: int, length: int, status: int
) -> None:
    """Without a script each ticked choice and each empty answer is a value, and a Chinese character has nine bytes."""
    app = Flask("test")
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY_BYTES)
    measure(app, "test", filled_forms=("/v1/forms/",))
    app.add_url_rule(path, view_func=lambda: str(len(request.form.getlist("choice"))), methods=["POST"])
    data = {"choice": ["x" * length] * count}
    answer = app.test_client().post(path, data=data, content_type=media_type)
    assert (answer.status_code, answer.text if status == 200 else "") == (status, str(count) if status == 200 else "")


def test_filled_form_is_no_longer_than_other_bodies_as_json() -> None:
    app = Flask("test")
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY_BYTES)
    measure(app, "test", filled_forms=("/v1/forms/",))
    app.add_url_rule(FILLED, view_func=lambda: str(len(request.get_data())), methods=["POST"])
    statuses = [app.test_client().post(FILLED, json="x" * length).status_code for length in (60_000, 70_000)]
    assert statuses == [200, 413]


@pytest.mark.parametrize("path", FILLED_FORMS)
def test_forms_that_people_fill_in_may_be_long(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """What is not too long is answered 503 here, since there is no database with which to compare the keys."""
    monkeypatch.setattr(QuarantineWatch, "recent", lambda _self: None)
    client, data = applications()["registration"].test_client(), {"answer": "人" * 12_000}
    assert client.post(f"{path}a/answers", data=data).status_code == 503


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
        (b'{"a": 1}', "text/plain", 415),
    ],
)
def test_operation_reads_its_body_so_too(operations: Flask, body: bytes, media_type: str, status: int) -> None:
    assert operations.test_client().post("/", data=body, content_type=media_type).status_code == status


@pytest.mark.parametrize(
    ("path", "length", "is_too_long"),
    [
        ("/v1/bulletins", 70_000, False),
        ("/console/mail/bulletins", 70_000, False),
        ("/v1/bulletins", 1_100_000, True),
        ("/u/nobodys-token", 70_000, True),
        ("/v1/suppressions", 70_000, True),
        ("/console/sign-in", 70_000, True),
    ],
)
def test_only_where_bulletins_are_written_a_body_may_be_long(
    monkeypatch: pytest.MonkeyPatch, path: str, length: int, is_too_long: bool
) -> None:
    """What is not too long is answered 503 here, since there is no database with which to compare the keys."""
    monkeypatch.setattr(QuarantineWatch, "recent", lambda _self: None)  # else its database is asked first
    client = applications()["notifications"].test_client()
    answer = client.post(path, data=b"x" * length, content_type="application/json")
    assert answer.status_code == (413 if is_too_long else 503)
