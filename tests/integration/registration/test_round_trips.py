"""How often a person who has pressed a button waits for the database: each time costs them its distance."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import make_url

from services.registration.settings import read_settings
from services.registration.web import build_app
from shared.store import engine as engines
from shared.store.engine import open_engine
from tests.integration.registration.test_places import register
from tests.support.clients import rows
from tests.support.fault_proxy import FaultProxy
from tests.support.installation import TestInstallation
from tests.support.mailed import mailed_to

PEOPLE = range(1, 6)
CONFIRMING, CANCELLING = 12, 13
"""The most round trips, of which one sees whether the session lives and one has it forget its plans."""


@pytest.fixture
def line(installation: TestInstallation) -> Iterator[FaultProxy]:
    """To the database of registration."""
    port = make_url(installation.urls["registration"]).port
    assert port is not None
    with FaultProxy(port) as proxy:
        yield proxy


@pytest.fixture
def client(installation: TestInstallation, line: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """The application at the end of the line, with a form whose addresses are confirmed by mail."""
    for name, value in installation.environment("registration").items():
        monkeypatch.setenv(name, value)
    rows(installation.urls["registration"], "UPDATE form SET verification = 'email'")
    url = make_url(installation.url("registration", "web")).set(port=line.port)
    engine = open_engine(url.render_as_string(hide_password=False), pool_size=1)
    yield build_app(read_settings(), engine).test_client()
    engine.dispose()


def test_button_waits_for_the_database_no_oftener_than_it_must(
    client: FlaskClient, installation: TestInstallation, line: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the session forgets its plans just then. The fewest of several count: once, a statement
    that has been asked often enough is prepared, which is a round trip of its own."""
    for number in PEOPLE:
        register(client, number)
    _confirm(client, installation, PEOPLE[0])
    _cancel(client, installation, PEOPLE[0])
    monkeypatch.setattr(engines, "PLANS_KEPT_S", 0.0)
    confirming, cancelling = [], []
    for number in PEOPLE[1:]:
        before = line.turns
        _confirm(client, installation, number)
        between = line.turns
        _cancel(client, installation, number)
        confirming.append(between - before)
        cancelling.append(line.turns - between)
    assert 0 < min(confirming) <= CONFIRMING
    assert 0 < min(cancelling) <= CANCELLING


def _confirm(client: FlaskClient, installation: TestInstallation, number: int) -> None:
    path = f"/v/{mailed_to(installation, number)['verify']}"
    assert client.post(path, data={"action": "verify"}).status_code == 200


def _cancel(client: FlaskClient, installation: TestInstallation, number: int) -> None:
    path = f"/r/{mailed_to(installation, number)['token']}"
    assert client.post(path, data={"action": "cancel"}).status_code == 303
