"""A test client that is signed in to the console, where registration with its sign-in page is not at hand."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page

from shared.http.app import SIGN_IN
from shared.http.sign_in import CookieKeys, SignIn
from shared.runtime.ids import new_token, token_hash
from shared.security.signatures import verifying_key_of
from tests.support.clients import rows

OWNER_URL = "OWNER_URL"
"""In the configuration of such an application: its database, for the owner."""

SIGNING_KEY = bytes.fromhex("11" * 32)
SIGNING_PUBLIC_KEY = verifying_key_of(SIGNING_KEY).hex()
"""For the settings of a service whose console such a client opens."""


def cookie_for(app: Flask, key: str) -> tuple[str, str]:
    """Name and value of the cookie that the holder of ``key`` gets."""
    sign_in: SignIn = app.extensions[SIGN_IN]
    session = new_token()
    record_session(app.config[OWNER_URL], token_hash(session), datetime.now(UTC))
    return sign_in.cookie, signed_cookie(SIGNING_KEY, key, session, time.time())


def record_session(url: str, session: bytes, begun_at: datetime) -> None:
    """Store in the database at ``url``, as its consumer would, that the session with this hash has begun."""
    rows(url, "INSERT INTO begun_session VALUES (%s, %s) ON CONFLICT DO NOTHING", session, begun_at)


def spread_sessions(urls: Mapping[str, str]) -> None:
    """Let the other services know each session that registration has begun, as the messages would."""
    for session, since in rows(urls["registration"], "SELECT session, since FROM console_session"):
        for service in ("events", "notifications"):
            record_session(urls[service], session, since)


def signed_cookie(signing_key: bytes, key: str, session: str, signed_in_at: float) -> str:
    """The cookie that the process which signs would give."""
    signer = SignIn(None, CookieKeys.of_signer([signing_key]), None, str, secure=True)  # type: ignore[arg-type]
    return signer.cookie_value(token_hash(key).hex(), session, signed_in_at)


def enter(client: FlaskClient, key: str) -> None:
    """From here on the client shows the console's cookie of the holder of ``key``."""
    name, value = cookie_for(client.application, key)
    client.set_cookie(name, value)


def enter_page(page: Page, app: Flask, address: str, key: str) -> None:
    """The same for a page of a browser, of ``app`` served at ``address``."""
    name, value = cookie_for(app, key)
    page.context.add_cookies([{"name": name, "value": value, "url": address}])
