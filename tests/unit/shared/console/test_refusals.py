"""Pages of refusals give the reason of this case as a sentence, or what to do."""

from types import SimpleNamespace
from typing import cast

import pytest
from flask import Flask
from werkzeug.exceptions import Forbidden, RequestEntityTooLarge

from services.console_pages import CONSOLE
from shared.console.frame import frame_blueprint, pages_blueprint
from shared.http.problems import STATUSES
from shared.http.sign_in import SignIn
from shared.runtime.errors import DomainError

STATUS = {"not-allowed": 403, "too-late": 409}


@pytest.mark.parametrize(
    ("error", "status", "title", "sentence"),
    [
        (DomainError("not-allowed", "your key does not cover it"), 403, "not allowed", "Your key does not cover it."),
        (DomainError("too-late", "the event has begun."), 409, "did not work", "The event has begun."),
        (DomainError("too-late"), 409, "did not work", "Go back and try again."),
        (Forbidden(), 403, "Your access does not include this page", "Ask an administrator"),
        (RequestEntityTooLarge(), 413, "This is too large", "Send less at once"),
    ],
)
def test_refusal_gives_the_reason_or_what_to_do(error: Exception, status: int, title: str, sentence: str) -> None:
    app, blueprint = Flask("test"), pages_blueprint("things", __name__)

    @blueprint.get("/things")
    def things() -> str:
        raise error

    app.extensions[STATUSES] = STATUS
    app.register_blueprint(frame_blueprint(cast(SignIn, SimpleNamespace(renews=True)), CONSOLE))
    app.register_blueprint(blueprint)
    page = app.test_client().get("/console/things")
    assert (page.status_code, title in page.text, sentence in page.text) == (status, True, True)
