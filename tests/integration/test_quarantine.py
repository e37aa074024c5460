"""Quarantine: while a service's database has the row its work is stopped; afterwards it continues."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

import psycopg
import pytest
import requests
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine

from deploy.operations.backup.postgres import LoneServer
from deploy.operations.backup.restoring import Restored
from deploy.operations.backup.restoring import begin_quarantine as put_in_quarantine
from deploy.shape import SERVICES
from services.notifications.sending.sender import Sender
from services.notifications.sending.smtp import Session
from services.registration.web import build_app
from services.registration.workers import make_decider
from shared.core.database_url import conninfo
from shared.core.errors import Quarantined, Unavailable
from shared.process.runner import Stop
from shared.store.checked_clock import CheckedClock
from shared.store.engine import open_engine
from shared.store.quarantine import (
    CHECK_EVERY_S,
    QuarantineWatch,
    begin_quarantine,
    end_quarantine,
    read_quarantine,
)
from shared.store.unit_of_work import UnitOfWork
from tests.contract.samples import sample_message
from tests.integration.notifications.conftest import office as office
from tests.integration.notifications.office import Office
from tests.integration.registration.conftest import installation as installation
from tests.integration.registration.conftest import service as service
from tests.integration.registration.conftest import with_webinar as with_webinar
from tests.integration.test_recovery_commands import CONTACTS, System, is_ready
from tests.integration.test_recovery_commands import system as system
from tests.support.clients import SUBMISSIONS, answers, rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService
from tests.support.smtp_relay import Relay
from tests.support.waiting import poll_until

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


@pytest.mark.parametrize("language", TITLES)
def test_page_of_the_quarantine_in_each_language(quarantined: FlaskClient, language: str) -> None:
    page = {"Accept": "text/html"}
    for path in ("/embed/upr-webinar-10", "/r/some-token", "/c/some-token", "/my"):
        shown = quarantined.get(path, query_string={"lang": language}, headers=page)
        assert (shown.status_code, TITLES[language] in shown.text) == (503, True), path
    sent = quarantined.post(f"{SUBMISSIONS}?lang={language}", data={"name": "x"}, headers=page)
    assert (sent.status_code, TITLES[language] in sent.text) == (503, True)


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


def test_process_in_quarantine_is_ready_and_says_so_in_its_metric(quarantined: FlaskClient) -> None:
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
    for begin in (work.transaction, work.moment, work.single_statement):
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
    """Else relays would go on at once, and the plan of then would count as applied."""
    earlier = "INSERT INTO quarantine (reason, settling, plan) VALUES ('earlier', true, 'digest')"
    for name in SERVICES:
        rows(installation.urls[name], earlier)
    at = datetime(2020, 3, 4, 3, tzinfo=UTC)
    server = cast(LoneServer, OfATest(installation.urls))
    put_in_quarantine(Restored(server, at, {}, 0.0))
    found = "SELECT reason, backup_at, settling, plan FROM quarantine"
    for name in SERVICES:
        assert rows(installation.urls[name], found) == [("restored from a backup", at, False, None)]


WAITING = "SELECT count(*)::int FROM outbox WHERE published_at IS NULL"
HEARD = "SELECT count(*)::int FROM inbox"


def shows_quarantine(url: str) -> bool:
    """Whether a process has the metric."""
    return "troika_quarantine" in requests.get(f"{url}/metrics", timeout=5).text


@pytest.mark.timeout(120)
def test_workers_move_nothing_in_quarantine_and_go_on_afterwards(system: System) -> None:
    """It begins before any process starts, as after a restore, at producer and consumer; each is ended alone."""
    mails = [sample_message("mail.sent.v1", mail_id=f"0170a4c9-0010-7fed-8cba-00000000000{n}") for n in range(3)]
    system.store("notifications", mails)
    system.sql("notifications", INSERT)
    system.sql("events", INSERT)
    urls = [system.start("notifications", "relay")[1], system.start("events", "consume")[1]]
    for url in urls:
        poll_until(is_ready(url), 40, what="ready, in quarantine too")
        poll_until(partial(shows_quarantine, url), 10)
    time.sleep(2)  # in which nothing may happen
    assert system.sql("notifications", WAITING) == [(3,)]
    system.sql("notifications", "DELETE FROM quarantine")
    poll_until(lambda: system.sql("notifications", WAITING) == [(0,)], 20, what="published")
    time.sleep(2)  # in which nothing may be consumed
    assert system.sql("events", HEARD) == [(0,)]
    system.sql("events", "DELETE FROM quarantine")
    poll_until(lambda: len(system.sql("events", CONTACTS)) == 3, 20, what="consumed")


def test_decider_decides_nothing_in_quarantine(service: RegistrationService) -> None:
    service.client.post(SUBMISSIONS, json=answers(1))
    work = service.work("decide")
    rows(service.url, INSERT)
    gated = work.gated(QuarantineWatch(work, "registration").require_none)
    clock = CheckedClock(service.clock, work, "registration")
    with pytest.raises(Quarantined):
        make_decider(service.settings("decide"), gated, clock)
    undecided = "SELECT count(*)::int FROM submission WHERE state = 'received'"
    assert rows(service.url, undecided) == [(1,)]


def test_mail_that_has_gone_is_settled_in_quarantine(office: Office) -> None:
    """Else it would go out a second time afterwards: the quarantine begins while the relay takes it."""
    office.hear_event()
    office.queue_mails(1)
    watch_says: list[bool] = []

    def gate() -> None:
        if watch_says:
            raise Quarantined(REASON)

    with Relay({}) as relay:
        sender = Sender(replace(office.tools(relay.port), work=office.work_of("send").gated(gate)))
        with pytest.MonkeyPatch.context() as patch:
            handed_over = Session.deliver

            def deliver(session: Session, content: bytes) -> None:
                handed_over(session, content)
                watch_says.append(True)

            patch.setattr(Session, "deliver", deliver)
            assert sender.run_once(Stop()) == 1
        with pytest.raises(Quarantined):
            sender.run_once(Stop())
    assert [mail["state"] for mail in office.mails()] == ["sent"]
