"""A test client that is signed in to the console, where registration with its sign-in page is not at hand."""

import time

from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page

from shared.http.app import SIGN_IN
from shared.http.sign_in import SignIn
from shared.runtime.ids import new_token, token_hash


def cookie_for(app: Flask, key: str) -> tuple[str, str]:
    """Name and value of the cookie that the holder of ``key`` gets."""
    sign_in: SignIn = app.extensions[SIGN_IN]
    return sign_in.cookie, sign_in.cookie_value(token_hash(key).hex(), new_token(), time.time())


def enter(client: FlaskClient, key: str) -> None:
    """From here on the client shows the console's cookie of the holder of ``key``."""
    name, value = cookie_for(client.application, key)
    client.set_cookie(name, value)


def enter_page(page: Page, app: Flask, address: str, key: str) -> None:
    """The same for a page of a browser, of ``app`` served at ``address``."""
    name, value = cookie_for(app, key)
    page.context.add_cookies([{"name": name, "value": value, "url": address}])
