"""The console's cookie: its content, how long it is valid, and what happens to it when keys change."""

import json
import time
from dataclasses import dataclass, field
from http.cookies import Morsel, SimpleCookie
from pathlib import Path

import pytest
from flask import Flask, Response, request
from itsdangerous import URLSafeTimedSerializer

from shared.http.holders import AccessFile, Holder
from shared.http.sign_in import IDLE_S, RENEWED_AFTER_S, SESSION_S, CookieKeys, SignIn
from shared.runtime.ids import new_token, token_hash

KEY = "key-of-a-coordinator"
OLD, NEW = b"o" * 32, b"n" * 32


@dataclass
class StoredSessions:
    """What a service remembers, in memory."""

    ended: set[str] = field(default_factory=set)

    def end(self, session: str, who: str) -> None:
        """From here on it has ended."""
        self.ended.add(session)

    def has_ended(self, session: str, age_s: float) -> bool:
        """Whether it has."""
        return session in self.ended


def make_sign_in(
    access: AccessFile, *signing_keys: bytes, secure: bool = True, stored: StoredSessions | None = None
) -> SignIn:
    """The sign-in check of the service that signs, which no one has signed out of."""
    return SignIn(
        access, CookieKeys.of_signer(signing_keys), stored or StoredSessions(), lambda: "192.0.2.1", secure=secure
    )


@pytest.fixture
def access(tmp_path: Path) -> AccessFile:
    """Of one coordinator."""
    file = tmp_path / "access.json"
    holder = {"name": "a coordinator", "roles": ["coordinator"], "key_sha256": token_hash(KEY).hex()}
    file.write_text(json.dumps([holder]))
    return AccessFile(file)


def holder_of(sign_in: SignIn) -> Holder:
    """The one that there is."""
    found = sign_in._access.holder_of(KEY)
    assert found is not None
    return found


def cookie_of(sign_in: SignIn) -> Morsel[str]:
    """Each sign-in gets it."""
    with Flask("test").test_request_context("/console/sign-in", method="POST"):
        answer = sign_in.start(holder_of(sign_in), new_token(), "/console")
    [morsel] = SimpleCookie(answer.headers["Set-Cookie"]).values()
    return morsel


def name_in(sign_in: SignIn, morsel: Morsel[str]) -> str | None:
    """Whom the service sees when the cookie comes back."""
    header = {"Cookie": f"{morsel.key}={morsel.value}"}
    with Flask("test").test_request_context("/console", headers=header):
        assert request.cookies
        found = None if sign_in.has_ended() else sign_in.signed_in()
    return None if found is None else found.name


def test_genuine_cookie_is_recognised_without_a_database(access: AccessFile) -> None:
    """Admission control asks this before it has admitted the request."""
    sign_in, others = make_sign_in(access, NEW), make_sign_in(access, OLD)
    genuine, made_up = cookie_of(sign_in), cookie_of(others)
    found = [
        sign_in.is_genuine({"HTTP_COOKIE": f"{name}={value}"})
        for name, value in (
            (genuine.key, genuine.value),
            (genuine.key, made_up.value),
            (genuine.key, "made-up"),
            ("other", genuine.value),
        )
    ]
    assert found == [True, False, False, False]
    assert sign_in.is_genuine({}) is False


@pytest.mark.parametrize(("secure", "name"), [(True, "__Host-troika"), (False, "troika")])
def test_cookie_is_kept_from_scripts_other_sites_and_other_hosts(access: AccessFile, secure: bool, name: str) -> None:
    """``__Host-`` means: by HTTPS, for this host alone, for the whole of it."""
    morsel = cookie_of(make_sign_in(access, NEW, secure=secure))
    assert morsel.key == name
    assert (bool(morsel["secure"]), bool(morsel["httponly"]), morsel["samesite"]) == (secure, True, "Lax")
    assert (morsel["path"], morsel["domain"], morsel["max-age"]) == ("/", "", str(IDLE_S))
    assert KEY not in morsel.value


def test_cookie_outlives_a_new_signing_key_and_ends_with_the_old_one(access: AccessFile) -> None:
    morsel = cookie_of(make_sign_in(access, OLD))
    both = make_sign_in(access, NEW, OLD)
    assert name_in(both, morsel) == "a coordinator"
    assert name_in(make_sign_in(access, NEW), cookie_of(both)) == "a coordinator"
    assert name_in(make_sign_in(access, NEW), morsel) is None


def renewed(sign_in: SignIn, morsel: Morsel[str]) -> Morsel[str] | None:
    """The cookie that an answer to this one sets, if any."""
    answer = Response()
    with Flask("test").test_request_context("/console", headers={"Cookie": f"{morsel.key}={morsel.value}"}):
        sign_in.renew(answer)
    return next(iter(SimpleCookie(answer.headers.get("Set-Cookie", "")).values()), None)


def test_cookie_ends_after_half_an_hour_without_use_and_after_eight_hours_in_use(
    access: AccessFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in, now = make_sign_in(access, NEW), [time.time()]
    monkeypatch.setattr("time.time", lambda: now[0])
    signed_at, first = now[0], cookie_of(sign_in)
    now[0] = signed_at + RENEWED_AFTER_S - 2
    assert renewed(sign_in, first) is None
    now[0] = signed_at + IDLE_S - 2
    rolling = renewed(sign_in, first)
    assert rolling is not None
    now[0] = signed_at + IDLE_S + 2
    assert (name_in(sign_in, first), name_in(sign_in, rolling)) == (None, "a coordinator")
    assert renewed(sign_in, first) is None
    while rolling is not None and now[0] < signed_at + SESSION_S - RENEWED_AFTER_S:
        now[0] += RENEWED_AFTER_S + 2
        last, rolling = rolling, renewed(sign_in, rolling)
    now[0] = signed_at + SESSION_S - 2
    assert name_in(sign_in, last) == "a coordinator"
    now[0] = signed_at + SESSION_S + 2
    assert name_in(sign_in, last) is None


@pytest.mark.parametrize("change", [lambda value: value[:-1], lambda value: "x" + value, lambda _value: "x.y.z"])
def test_altered_cookie_names_no_one(access: AccessFile, change: object) -> None:
    sign_in = make_sign_in(access, NEW)
    morsel = cookie_of(sign_in)
    morsel.set(morsel.key, change(morsel.value), change(morsel.value))  # type: ignore[operator]
    assert name_in(sign_in, morsel) is None


@pytest.mark.parametrize("target", ["https://evil.example.org", "//evil.example.org", "/console\\@evil", "/r/token"])
def test_no_one_is_sent_elsewhere(access: AccessFile, target: str) -> None:
    with Flask("test").test_request_context("/console/sign-in", method="POST"):
        sign_in = make_sign_in(access, NEW)
        answer = sign_in.start(holder_of(sign_in), new_token(), target)
    assert answer.headers["Location"] == "/console"


def test_copied_cookie_is_dead_once_its_holder_has_signed_out(access: AccessFile) -> None:
    sign_in = make_sign_in(access, NEW)
    copied, other = cookie_of(sign_in), cookie_of(sign_in)
    assert (name_in(sign_in, copied), name_in(sign_in, other)) == ("a coordinator", "a coordinator")
    with Flask("test").test_request_context(
        "/console/sign-out", method="POST", headers={"Cookie": f"{copied.key}={copied.value}"}
    ):
        sign_in.end()
    assert (name_in(sign_in, copied), name_in(sign_in, other)) == (None, "a coordinator")


def test_process_that_verifies_cookies_can_neither_make_nor_renew_one(
    access: AccessFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the public key alone: used as a private one, or as the key of an HMAC, it makes no cookie."""
    signer = make_sign_in(access, NEW)
    public = CookieKeys.of_signer([NEW]).public[0]
    verifier = SignIn(access, CookieKeys([public]), StoredSessions(), str, secure=True)
    morsel, ref, session, now = cookie_of(signer), token_hash(KEY).hex(), new_token(), time.time()
    assert name_in(verifier, morsel) == "a coordinator"
    for made in (
        SignIn(access, CookieKeys([public], private=public), StoredSessions(), str, secure=True).cookie_value(
            ref, session, now
        ),
        URLSafeTimedSerializer([public], salt="console session").dumps([ref, session, now]),
        URLSafeTimedSerializer([NEW], salt="console session").dumps([ref, session, now]),
    ):
        forged = cookie_of(signer)
        forged.set(forged.key, made, made)
        assert name_in(verifier, forged) is None
    monkeypatch.setattr("time.time", lambda: now + RENEWED_AFTER_S + 2)
    assert (renewed(verifier, morsel), renewed(signer, morsel) is None) == (None, False)
