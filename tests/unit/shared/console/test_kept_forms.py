"""A form that is sent after the session has ended: what was typed is kept, and sent again after signing in."""

import re
from types import SimpleNamespace
from typing import cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import Unauthorized

from services.console_pages import CONSOLE
from shared.console.frame import frame_blueprint, pages_blueprint
from shared.http.access import RecentSignInRequired
from shared.http.sign_in import SignIn

PATH = "/console/notes/7?view=all"
OWN, OTHER = {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "cross-site"}
TYPED = {"words": ['First line\r\n<second> "line"', "another"], "seen": "3"}


@pytest.fixture
def client() -> FlaskClient:
    """An application with a page that no one may see, and one that needs a recent sign-in."""
    app, blueprint = Flask("test"), pages_blueprint("notes", __name__)

    @blueprint.route("/notes/<int:number>", methods=["GET", "POST"])
    def notes(number: int) -> str:
        raise Unauthorized

    @blueprint.post("/answers")
    def answers() -> str:
        raise RecentSignInRequired

    app.register_blueprint(frame_blueprint(cast(SignIn, SimpleNamespace(renews=True)), CONSOLE))
    app.register_blueprint(blueprint)
    return app.test_client()


def test_typed_form_is_kept_with_every_value(client: FlaskClient) -> None:
    page = client.post(PATH, data=TYPED, headers=OWN)
    assert (page.status_code, page.headers["Cache-Control"]) == (401, "no-store")
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text)
    assert fields == [
        ("words", "First line\r\n&lt;second&gt; &#34;line&#34;"),
        ("words", "another"),
        ("seen", "3"),
    ]
    assert f'<form method="post" action="{PATH}"' in page.text
    assert 'href="/console/sign-in?next=/console/account" target="_blank"' in page.text


def test_form_that_needs_a_recent_sign_in_is_kept_too(client: FlaskClient) -> None:
    page = client.post("/console/answers", data=TYPED, headers=OWN)
    assert "This needs a sign-in within the last ten minutes" in page.text
    assert 'href="/console/sign-in?next=/console/account&amp;again=yes"' in page.text


@pytest.mark.parametrize(
    ("method", "sent", "headers"),
    [
        ("GET", {}, OWN),
        ("POST", {}, OWN),
        ("POST", TYPED, OTHER),
        ("POST", TYPED, {"Origin": "https://other.example.org"}),
    ],
    ids=["a page", "nothing typed", "another site", "another origin"],
)
def test_other_requests_lead_to_the_sign_in_page(
    client: FlaskClient, method: str, sent: dict[str, object], headers: dict[str, str]
) -> None:
    answer = client.open(PATH, method=method, data=sent, headers=headers)
    target = PATH.replace("=", "%3D") if method == "GET" else "/console"
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/console/sign-in?next={target}")
