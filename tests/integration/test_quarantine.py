"""Quarantine: while a service's database has the row its work is stopped; afterwards it continues."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, cast

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine

from deploy.operations.backup.postgres import LoneServer
from deploy.operations.backup.restoring import Restored
from deploy.operations.backup.restoring import begin_quarantine as put_in_quarantine
from deploy.shape import SERVICES
from services.registration.web import build_app
from shared.db.engine import open_engine
from shared.db.quarantine import CHECK_EVERY_S, QuarantineWatch, begin_quarantine, end_quarantine, read_quarantine
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import Quarantined, Unavailable
from shared.runtime.settings import conninfo
from tests.integration.registration.conftest import installation as installation
from tests.integration.registration.conftest import service as service
from tests.integration.registration.conftest import with_webinar as with_webinar
from tests.support.clients import SUBMISSIONS, answers, rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService

REASON = "restored from the backup of 03:00"
INSERT = f"INSERT INTO quarantine (reason, backup_at) VALUES ('{REASON}', '2020-03-04T03:00:00Z')"
TITLES = {
    "en": "We are checking our records",
    "fr": "Nous vérifions nos données",
    "es": "Estamos comprobando nuestros datos",
    "ar": "نراجع سجلاتنا الآن",
    "ru": "Мы проверяем наши данные",
    "zh": "我们正在核对记录",
}


class Seconds:
    """A monotonic clock that a test advances."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now_s


@pytest.fixture
def engine(installation: TestInstallation) -> Iterator[Engine]:
    """Of the web process."""
    engine = open_engine(installation.url("registration", "web"))
    yield engine
    engine.dispose()


@pytest.fixture
def quarantined(installation: TestInstallation, service: RegistrationService, engine: Engine) -> FlaskClient:
    """The application of a registration service in quarantine, where one person is registered."""
    service.register(0)
    rows(installation.urls["registration"], INSERT)
    return build_app(service.settings("web"), engine).test_client()


def test_nothing_is_accepted_in_quarantine(quarantined: FlaskClient, installation: TestInstallation) -> None:
    refused = quarantined.post(SUBMISSIONS, json=answers(1))
    assert (refused.status_code, refused.get_json()["code"]) == (503, "quarantine")
    assert refused.headers["Retry-After"] == "60"
    assert REASON not in refused.text
    assert rows(installation.urls["registration"], "SELECT count(*)::int FROM submission WHERE state = 'received'") == [
        (0,)
    ]


def test_form_that_the_page_cache_holds_is_not_shown_in_quarantine(
    installation: TestInstallation, service: RegistrationService, engine: Engine
) -> None:
    client, page = build_app(service.settings("web"), engine).test_client(), "/embed/upr-webinar-10"
    assert client.get(page).status_code == 200
    rows(installation.urls["registration"], INSERT)
    time.sleep(CHECK_EVERY_S)  # as old as the answer of the database may be
    assert client.get(page).status_code == 503


def test_page_of_the_quarantine_in_each_language(quarantined: FlaskClient) -> None:
    page = {"Accept": "text/html"}
    for language, title in TITLES.items():
        for path in ("/embed/upr-webinar-10", "/r/some-token", "/c/some-token", "/my"):
            shown = quarantined.get(path, query_string={"lang": language}, headers=page)
            assert (shown.status_code, title in shown.text) == (503, True), (language, path)
        sent = quarantined.post(f"{SUBMISSIONS}?lang={language}", data={"name": "x"}, headers=page)
        assert (sent.status_code, title in sent.text) == (503, True), language


def test_coordinators_read_and_change_nothing_in_quarantine(
    quarantined: FlaskClient, installation: TestInstallation
) -> None:
    key = {"Authorization": f"Bearer {installation.secrets.coordinator_key}"}
    assert quarantined.get("/v1/registrations", headers=key).status_code == 200
    changed = quarantined.patch("/v1/forms/upr-webinar-10", json={"capacity": 5}, headers=key)
    assert (changed.status_code, changed.get_json()["code"]) == (503, "quarantine")
    signed_in = quarantined.post(
        "/console/sign-in", data={"key": installation.secrets.coordinator_key}, headers={"Origin": "http://localhost"}
    )
    assert signed_in.status_code == 303
    page = quarantined.get("/console/registrations")
    assert page.status_code == 200
    assert "Quarantine since" in page.text
    assert REASON in page.text


def test_process_in_quarantine_is_ready_and_reports_it_in_its_metric(quarantined: FlaskClient) -> None:
    assert quarantined.get("/-/registration/readyz").status_code == 200
    metrics = quarantined.get("/-/registration/metrics").text
    assert 'troika_quarantine{service="registration"} 1.0' in metrics


def test_after_the_quarantine_people_register_within_a_second(
    quarantined: FlaskClient, installation: TestInstallation
) -> None:
    assert quarantined.post(SUBMISSIONS, json=answers(1)).status_code == 503
    rows(installation.urls["registration"], "DELETE FROM quarantine")
    time.sleep(CHECK_EVERY_S)  # as old as the answer of the database may be
    assert quarantined.post(SUBMISSIONS, json=answers(1)).status_code == 202


class BodyOverARestore(BytesIO):
    """A body that arrives while the database is restored, and longer than an answer of the database is kept."""

    def __init__(self, content: bytes, url: str) -> None:
        super().__init__(content)
        self._url = url

    def read(self, size: int | None = -1, /) -> bytes:
        """All of it, afterwards."""
        rows(self._url, INSERT)
        time.sleep(CHECK_EVERY_S)  # as old as the answer of the database may be
        return super().read(size)


def test_form_whose_body_arrives_over_a_restore_is_not_accepted(
    installation: TestInstallation, service: RegistrationService, engine: Engine
) -> None:
    client, content = build_app(service.settings("web"), engine).test_client(), json.dumps(answers(1)).encode()
    body = BodyOverARestore(content, installation.urls["registration"])
    sent = client.post(SUBMISSIONS, input_stream=body, content_length=len(content), content_type="application/json")
    assert (sent.status_code, sent.get_json()["code"]) == (503, "quarantine")
    assert rows(installation.urls["registration"], "SELECT count(*)::int FROM submission") == [(0,)]


class Breakable(UnitOfWork):
    """A database that a test can make unavailable."""

    away = False

    @contextmanager
    def single_statement(self) -> Iterator[Connection]:
        """Open a transaction, or raise while the database is unavailable."""
        if self.away:
            raise Unavailable("away")
        with super().single_statement() as connection:
            yield connection


@pytest.mark.parametrize("is_there", [True, False])
def test_last_answer_is_kept_while_the_database_is_away(
    installation: TestInstallation, engine: Engine, *, is_there: bool
) -> None:
    work, seconds = Breakable(engine, "registration"), Seconds()
    if is_there:
        rows(installation.urls["registration"], INSERT)
    work.away = True
    with pytest.raises(Unavailable):  # no answer yet: no caller continues
        QuarantineWatch(work, "registration", seconds).require_none()
    work.away = False
    watch = QuarantineWatch(work, "registration", seconds)
    assert (watch.current() is not None) == is_there
    work.away, seconds.now_s = True, 3600.0
    assert (watch.current() is not None) == is_there
    work.away = False
    rows(installation.urls["registration"], "DELETE FROM quarantine" if is_there else INSERT)
    assert (watch.current() is not None) == is_there, "it is asked again after a second"
    seconds.now_s += CHECK_EVERY_S
    assert (watch.current() is not None) != is_there


def test_no_gated_transaction_begins_in_quarantine(engine: Engine, installation: TestInstallation) -> None:
    open_unit, seconds = UnitOfWork(engine, "registration"), Seconds()
    work = open_unit.gated(QuarantineWatch(open_unit, "registration", seconds).require_none)
    with work.transaction() as connection:
        assert read_quarantine(connection) is None
    with UnitOfWork(owner := open_engine(installation.urls["registration"]), "registration").transaction() as own:
        assert begin_quarantine(own, REASON)
        assert not begin_quarantine(own, "another")
    seconds.now_s += CHECK_EVERY_S
    for begin in (work.transaction, work.snapshot, work.single_statement):
        with pytest.raises(Quarantined, match=REASON), begin():
            pytest.fail("it began")
    with work.ungated.transaction() as connection:
        assert str(read_quarantine(connection)).endswith(REASON)
    with UnitOfWork(owner, "registration").transaction() as own:
        assert end_quarantine(own)
        assert not end_quarantine(own)
    owner.dispose()


class OfATest:
    """Databases of a test in place of a server that runs restored data alone."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls

    def connect(self, database: str) -> "psycopg.Connection[tuple[Any, ...]]":
        """To one of them, in autocommit."""
        return psycopg.connect(conninfo(self._urls[database]), autocommit=True)


def test_backup_of_an_earlier_quarantine_begins_a_new_one(installation: TestInstallation) -> None:
    """Else relays would continue at once, and the old plan would count as applied."""
    earlier = "INSERT INTO quarantine (reason, settling, plan) VALUES ('earlier', true, 'digest')"
    for name in SERVICES:
        rows(installation.urls[name], earlier)
    at = datetime(2020, 3, 4, 3, tzinfo=UTC)
    server = cast(LoneServer, OfATest(installation.urls))
    put_in_quarantine(Restored(server, at, {}, 0.0))
    found = "SELECT reason, backup_at, settling, plan FROM quarantine"
    for name in SERVICES:
        assert rows(installation.urls[name], found) == [("restored from a backup", at, False, None)]
