"""The three services' applications behind one address, on fresh databases."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import Client, TestResponse

from deploy.shape import service_for
from deploy.specs import build_applications
from services.console_pages import SIGN_IN
from shared.db.engine import open_engine
from shared.messaging.contracts.registry import SERVICES
from shared.runtime.ids import new_token, token_hash
from tests.support.clients import rows
from tests.support.installation import TestInstallation, make_installation
from tests.support.postgres import PostgresServer
from tests.support.signed_in import spread_sessions
from tests.support.web import load_webinar

OWN_SITE = {"Sec-Fetch-Site": "same-origin"}
ADDRESS = "https://register.example.org"
COOKIE = "__Host-troika"


class Browser(Client):
    """A browser with a separate cookie jar, behind the gateway of this machine."""

    def open(self, *args: Any, **more: Any) -> TestResponse:
        """Send a request to the public address."""
        return super().open(*args, **{"base_url": ADDRESS, "environ_base": {"REMOTE_ADDR": "127.0.0.1"}, **more})

    def show(self, cookie: str) -> None:
        """From here on the browser has this cookie."""
        self.set_cookie(COOKIE, cookie, domain="register.example.org", secure=True)

    @property
    def cookie(self) -> str | None:
        """The console's cookie, if there is one."""
        found = self.get_cookie(COOKIE, domain="register.example.org")
        return None if found is None else found.value


@dataclass(frozen=True, slots=True)
class ServicesUnderTest:
    """All three services.

    Attributes:
        installation: databases and secrets.
        gateway: WSGI, which sends each path to its service.
        apps: client by service, without the gateway.
    """

    installation: TestInstallation
    gateway: Callable[..., Iterable[bytes]]
    apps: dict[str, FlaskClient]

    def browser(self) -> Browser:
        """A browser that no one has used."""
        return Browser(self.gateway)

    def give_key(self, name: str, *roles: str, **others: Any) -> str:
        """A key for a new holder."""
        key, file = new_token(), self.installation.secrets.folder / "access.json"
        holder = {"name": name, "roles": list(roles), "key_sha256": token_hash(key).hex(), **others}
        file.write_text(json.dumps([*json.loads(file.read_text()), holder]))
        return key

    def rows(self, service: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a statement gives in a service's database."""
        return rows(self.installation.urls[service], statement, *values)


def sign_in(browser: Client, key: str, **others: str) -> TestResponse:
    """Send the form of the sign-in page."""
    return browser.post("/console/sign-in", data={"key": key, **others}, headers=OWN_SITE)


def as_holder(key: str) -> dict[str, str]:
    """Headers of a program's request."""
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def services(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServicesUnderTest]:
    """All three, with the sample's webinar; shared by the tests of a file."""
    installation = make_installation(postgres, tmp_path_factory.mktemp("services"))
    load_webinar(installation, capacity=100)
    engines = {name: open_engine(installation.urls[name]) for name in SERVICES}
    apps = build_applications(installation.secrets, engines)

    def gateway(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        answer = apps[service_for(environ["PATH_INFO"])].wsgi_app(environ, start)
        if environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"].startswith(SIGN_IN):
            spread_sessions(installation.urls)
        return answer

    yield ServicesUnderTest(installation, gateway, {name: app.test_client() for name, app in apps.items()})
    for engine in engines.values():
        engine.dispose()
