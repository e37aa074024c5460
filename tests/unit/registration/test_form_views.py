"""The cached forms of the public pages while requests for other forms keep the reader busy."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from services.registration.intake.form_view import FormView
from services.registration.public import context
from services.registration.public.context import KEY_KEPT_S, VIEW_KEPT_IN_NEED_S, VIEW_KEPT_S, PublicContext
from shared.runtime.clock import system_clock
from shared.runtime.errors import DomainError, Unavailable

FORM, OTHER = "geneva-delegation", "no-such-form"
KEY = b"k" * 32
BUSY_S = 0.1


def view(key: bytes | None) -> FormView:
    """A form of which nothing but its key matters."""
    nothing = cast(Any, None)
    return FormView(stored=nothing, whole=nothing, definition=nothing, partners=(), origins=(), public_key=key)


@contextmanager
def busy_reader(monkeypatch: pytest.MonkeyPatch, age_s: float) -> Iterator[PublicContext]:
    """Routes that read a form that does not exist for ``BUSY_S``, and know another one that was read ``age_s`` ago."""
    begun = threading.Event()

    def read(_work: object, slug: str, _now: object) -> FormView:
        if slug == FORM:
            return view(KEY)
        begun.set()
        time.sleep(BUSY_S)
        raise DomainError("form-unknown")

    def ask() -> None:
        with pytest.raises(DomainError, match="form-unknown"):
            routes.form_view(OTHER)

    monkeypatch.setattr(context, "view_form", read)
    nothing = cast(Any, None)
    routes = PublicContext(nothing, system_clock, nothing, nothing, "", nothing, "")
    routes.views[FORM] = (time.monotonic() - age_s, view(b"o" * 32))
    asking = threading.Thread(target=ask)
    asking.start()
    assert begun.wait(5)
    yield routes
    asking.join()


@pytest.mark.parametrize("age_s", [KEY_KEPT_S + 1, VIEW_KEPT_IN_NEED_S + 1])
def test_requests_for_forms_that_do_not_exist_take_no_key_from_another(
    monkeypatch: pytest.MonkeyPatch, age_s: float
) -> None:
    """Without its key a form with sealed questions refuses everyone: a few such requests would close it."""
    with busy_reader(monkeypatch, age_s) as routes:
        assert routes.form_view(FORM).public_key == KEY


@pytest.mark.parametrize(("age_s", "key"), [(VIEW_KEPT_S + 1, b"o" * 32), (KEY_KEPT_S + 1, None)])
def test_form_is_used_as_it_is_known_while_it_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, age_s: float, key: bytes | None
) -> None:
    monkeypatch.setattr(context, "TURN_WITHIN_S", BUSY_S / 10)
    with busy_reader(monkeypatch, age_s) as routes:
        assert routes.form_view(FORM).public_key == key


def test_no_one_waits_to_read_a_form_that_seals_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """In an outage of the database the request has to wait once more, to be stored."""
    monkeypatch.setattr(context, "TURN_WITHIN_S", 60.0)
    with busy_reader(monkeypatch, KEY_KEPT_S + 1) as routes:
        kept = view(None)
        routes.views[FORM] = (routes.views[FORM][0], kept)
        assert routes.form_view(FORM).public_key is None
        assert routes.views[FORM][1] is kept


def test_form_that_seals_nothing_and_was_read_long_ago_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """People who come together after a quiet minute wait for the one who reads it."""
    with busy_reader(monkeypatch, VIEW_KEPT_IN_NEED_S + 1) as routes:
        routes.views[FORM] = (routes.views[FORM][0], view(None))
        assert routes.form_view(FORM).public_key == KEY


def test_form_that_was_read_long_ago_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its origins, its opening hours and the decider's key may have changed since."""
    monkeypatch.setattr(context, "TURN_WITHIN_S", BUSY_S / 10)
    with busy_reader(monkeypatch, VIEW_KEPT_IN_NEED_S + 1) as routes, pytest.raises(Unavailable):
        routes.form_view(FORM)
