"""The console's cookie: what it is made of, how long it is believed, and what becomes of it when keys change."""

import json
import time
from http.cookies import Morsel, SimpleCookie
from pathlib import Path

import pytest
from flask import Flask, request

from shared.core.ids import token_hash
from shared.web.access import AccessFile
from shared.web.signing_in import SESSION_S, SignIn

KEY = "key-of-a-coordinator"
OLD, NEW = b"o" * 32, b"n" * 32


@pytest.fixture
def access(tmp_path: Path) -> AccessFile:
    """Of one coordinator."""
    file = tmp_path / "access.json"
    holder = {"name": "a coordinator", "roles": ["coordinator"], "key_sha256": token_hash(KEY).hex()}
    file.write_text(json.dumps([holder]))
    return AccessFile(file)


def cookie_of(sign_in: SignIn) -> Morsel[str]:
    """Whoever signs in gets it."""
    with Flask("test").test_request_context("/console/sign-in", method="POST"):
        answer = sign_in.enter(KEY, lambda _holder: "/console")
    assert answer is not None
    [morsel] = SimpleCookie(answer.headers["Set-Cookie"]).values()
    return morsel


def name_in(sign_in: SignIn, morsel: Morsel[str]) -> str | None:
    """Whom the service sees when the cookie comes back."""
    header = {"Cookie": f"{morsel.key}={morsel.value}"}
    with Flask("test").test_request_context("/console", headers=header):
        assert request.cookies
        found = sign_in.signed_in()
    return None if found is None else found.name


@pytest.mark.parametrize(("secure", "name"), [(True, "__Host-troika"), (False, "troika")])
def test_cookie_is_kept_from_scripts_other_sites_and_other_hosts(access: AccessFile, secure: bool, name: str) -> None:
    """``__Host-`` means: by HTTPS, for this host alone, for the whole of it."""
    morsel = cookie_of(SignIn(access, [NEW], secure=secure))
    assert morsel.key == name
    assert (bool(morsel["secure"]), bool(morsel["httponly"]), morsel["samesite"]) == (secure, True, "Lax")
    assert (morsel["path"], morsel["domain"], morsel["max-age"]) == ("/", "", str(SESSION_S))
    assert KEY not in morsel.value


def test_cookie_outlives_a_new_signing_key_and_ends_with_the_old_one(access: AccessFile) -> None:
    morsel = cookie_of(SignIn(access, [OLD], secure=True))
    both = SignIn(access, [NEW, OLD], secure=True)
    assert name_in(both, morsel) == "a coordinator"
    assert name_in(SignIn(access, [NEW], secure=True), cookie_of(both)) == "a coordinator"
    assert name_in(SignIn(access, [NEW], secure=True), morsel) is None


def test_cookie_ends_after_eight_hours(access: AccessFile, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in = SignIn(access, [NEW], secure=True)
    morsel, signed_at = cookie_of(sign_in), time.time()
    for later_s, name in ((SESSION_S - 5, "a coordinator"), (SESSION_S + 5, None)):
        monkeypatch.setattr("itsdangerous.timed.time.time", lambda later_s=later_s: signed_at + later_s)
        assert name_in(sign_in, morsel) == name


@pytest.mark.parametrize("change", [lambda value: value[:-1], lambda value: "x" + value, lambda _value: "x.y.z"])
def test_altered_cookie_names_nobody(access: AccessFile, change: object) -> None:
    sign_in = SignIn(access, [NEW], secure=True)
    morsel = cookie_of(sign_in)
    morsel.set(morsel.key, change(morsel.value), change(morsel.value))  # type: ignore[operator]
    assert name_in(sign_in, morsel) is None


@pytest.mark.parametrize("target", ["https://evil.example.org", "//evil.example.org", "/console\\@evil", "/r/token"])
def test_nobody_is_sent_elsewhere(access: AccessFile, target: str) -> None:
    with Flask("test").test_request_context("/console/sign-in", method="POST"):
        answer = SignIn(access, [NEW], secure=True).enter(KEY, lambda _holder: target)
    assert answer is not None
    assert answer.headers["Location"] == "/console"
