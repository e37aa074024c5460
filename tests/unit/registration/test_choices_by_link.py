"""What a confirmation page sends is stored about what waits; of what does not wait any more, only little."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from flask import Flask

from services.registration.intake.model import Choice
from services.registration.own import confirmation_routes
from services.registration.own.confirmation_routes import MAX_GONE, confirmation_blueprint
from services.registration.own.service import WaitingForOwner
from services.registration.own.store import ConfirmationLink, WaitingChange
from shared.runtime.errors import DomainError

FORM = "upr-webinar-10"
WAITING = str(UUID(int=0))


def test_few_choices_about_what_is_gone_are_looked_up_and_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser can name any number of them, each with the name of another form."""
    looked_up: list[str] = []
    stored: list[Choice] = []

    def form_view(slug: str) -> object:
        looked_up.append(slug)
        if slug != FORM:
            raise DomainError("form-unknown")
        return object()

    def send(_intake: object, _view: object, _waiting: object, choices: list[Choice]) -> str:
        stored.extend(choices)
        return "receipt"

    change = WaitingChange(WAITING, FORM, "code", datetime(2020, 3, 4, tzinfo=UTC))
    link = ConfirmationLink("person@example.org", "en", muted=False)
    waiting = WaitingForOwner(b"t" * 32, link, [], [change], [], [])
    monkeypatch.setattr(confirmation_routes, "show_waiting", lambda *_: waiting)
    monkeypatch.setattr(confirmation_routes, "send_choices", send)
    monkeypatch.setattr(confirmation_routes, "wait_for_outcome", lambda *_: None)
    app = Flask(__name__)
    context = SimpleNamespace(work=None, clock=lambda: None, intake=None, form_view=form_view)
    app.register_blueprint(confirmation_blueprint(cast(Any, context)))

    gone = {f"choice-{UUID(int=number)}:form-{number}": "refuse" for number in range(1, 100)}
    values = {"action": "choose", **gone, f"choice-{WAITING}:{FORM}": "use-address"}
    answer = app.test_client().post("/c/token", data=values)
    assert answer.status_code == 303
    assert [(one.candidate, one.form) for one in stored if one.candidate == WAITING] == [(WAITING, FORM)]
    assert (len(stored), len(looked_up)) == (1 + MAX_GONE, MAX_GONE + 1)
